"""The commitments of version 2: one to the scores of each challenge, and one to all of these.

The order and the domains are those of ``halo2/src/challenge_commitments.rs``.
"""

from collections.abc import Sequence
from functools import cache

from pot_reverify.decision.empirical_bernstein import PROBES_PER_CHALLENGE, SCORE_RANGE
from pot_reverify.errors import Rejection
from pot_reverify.proof.eb_instance import SALT_BYTES, digest_halves
from pot_reverify.proof.pasta_fields import P
from pot_reverify.proof.poseidon import poseidon_digest

_CHALLENGE_DOMAIN = int.from_bytes(b"pot-audit/scores/2", "big")
_RUN_DOMAIN = int.from_bytes(b"pot-audit/score-commitment/2", "big")


def commit_to_challenge(scores: Sequence[int], salt: bytes) -> int:
    """Computes the commitment to the scores of one challenge, an element of Fp.

    Args:
        scores: 4 of them, each 0 to 65535.
        salt: 16 bytes.

    Raises:
        Rejection: ``proof.salt-length``, or ``proof.scores-not-packable`` where other scores could
            have the same commitment.
    """
    if len(salt) != SALT_BYTES:
        raise Rejection("proof.salt-length", f"a salt has {SALT_BYTES} bytes", got=len(salt))
    if len(scores) != PROBES_PER_CHALLENGE or not all(0 <= x < SCORE_RANGE for x in scores):
        raise Rejection("proof.scores-not-packable", "not the scores of a challenge")
    word = _CHALLENGE_DOMAIN
    for score in scores:
        word = word * SCORE_RANGE + score
    return poseidon_digest((word, int.from_bytes(salt, "big")))


def commit_to_run(
    capacity: int, preset_digest: bytes, run_digest: bytes, challenge_commitments: Sequence[int]
) -> int:
    """Computes the score commitment of a run from those of its challenges.

    Args:
        capacity: the most challenges that a run may have in the circuit; scores of 0 with a salt of
            0 fill it up.
        preset_digest: from `preset_digest`.
        run_digest: 32 bytes; what the scores belong to.
        challenge_commitments: one a challenge, elements of Fp.

    Raises:
        Rejection: ``proof.digest-length``; ``proof.challenge-commitments-malformed`` for more than
            the circuit holds, or for what is not reduced modulo p.
    """
    count = len(challenge_commitments)
    if count > capacity or not all(0 <= one < P for one in challenge_commitments):
        raise Rejection(
            "proof.challenge-commitments-malformed", "not the commitments of a run of this circuit"
        )
    header = (
        _RUN_DOMAIN,
        *digest_halves(preset_digest),
        *digest_halves(run_digest),
        count,
        PROBES_PER_CHALLENGE,
    )
    nothing = (_no_challenge(),) * (capacity - count)
    return poseidon_digest((*header, *challenge_commitments, *nothing))


@cache
def _no_challenge() -> int:
    return commit_to_challenge((0,) * PROBES_PER_CHALLENGE, bytes(SALT_BYTES))
