"""The public values of the circuits for rule ``eb/1``, computed from what a statement claims.

They are never read from a bundle. The order is that of ``halo2/src/public_inputs.rs``, the score
commitment, of version 1, that of ``halo2/src/poseidon_commitment.rs``.
"""

import hashlib
import math
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import pairwise

from pot_reverify.decision.constants import derive_constants
from pot_reverify.decision.empirical_bernstein import (
    PROBES_PER_CHALLENGE,
    SCORE_RANGE,
    Decision,
    StopReason,
)
from pot_reverify.decision.presets import Preset
from pot_reverify.encoding.digest import DIGEST_BYTES
from pot_reverify.errors import Rejection
from pot_reverify.proof.poseidon import poseidon_digest

SALT_BYTES = 16
CHALLENGES_PER_WORD = 3
"""Challenges whose scores are packed into one field element."""

_PRESET_DOMAIN = b"pot-audit/eb-preset/1"
_COMMITMENT_DOMAIN = b"pot-audit/score-commitment/1"
# The soundness of the circuit rests on these; presets within them are those it can prove.
_DENOMINATOR_MAX = 1 << 19
_A_LIMIT = 1 << 38
_SQUARES_LIMIT = 1 << 44


@dataclass(frozen=True, slots=True)
class Sums:
    """The sums that the half-width, the interval and the margin follow from, in units of the score.

    Attributes:
        scores: S, the sum of the scores.
        squares: V, the sum of their squared distances from the running centre.
    """

    scores: int
    squares: int


@dataclass(frozen=True, slots=True)
class DecisionClaim:
    """What a proof is said to show: that committed scores give this decision.

    Attributes:
        preset: the parameters of the sequential test.
        attempt: the number of the attempt, from 1.
        reason: the stopping rule that ended the run; it implies the decision.
        n: challenges observed.
        score_commitment: the commitment that the scores open, an element of Fp.
        run_digest: 32 bytes; what the scores belong to.
        sums: S and V, where the circuit shows them as well.
    """

    preset: Preset
    attempt: int
    reason: StopReason
    n: int
    score_commitment: int
    run_digest: bytes
    sums: Sums | None = None


def public_values(circuit_id: str, capacity: int, claim: DecisionClaim) -> tuple[int, ...]:
    """Computes the instance column.

    Args:
        circuit_id: the circuit.
        capacity: the most challenges that a run may have in this circuit.
        claim: what is to be shown.

    Raises:
        Rejection: ``proof.challenges-out-of-range``, ``proof.sums-out-of-range``,
            ``proof.preset-not-provable``, ``proof.digest-length``, or what deriving the constants
            raises.
    """
    preset = claim.preset
    if not preset.n_min <= claim.n <= min(preset.n_max, capacity):
        raise Rejection(
            "proof.challenges-out-of-range",
            "no run of this preset, in this circuit, stops here",
            expected=f"{preset.n_min} to {min(preset.n_max, capacity)}",
            got=claim.n,
        )
    return (
        int.from_bytes(circuit_id.encode(), "big"),
        claim.score_commitment,
        list(Decision).index(claim.reason.decision) + 1,
        list(StopReason).index(claim.reason) + 1,
        claim.n,
        *digest_halves(preset_digest(preset, claim.attempt)),
        *digest_halves(claim.run_digest),
        preset.n_max,
        *_parameters(preset, claim.attempt),
        preset.n_min,
        *_sum_values(claim),
    )


def _sum_values(claim: DecisionClaim) -> tuple[int, ...]:
    if claim.sums is None:
        return ()
    sums, probes, highest = claim.sums, PROBES_PER_CHALLENGE * claim.n, SCORE_RANGE - 1
    if not (0 <= sums.scores <= highest * probes and 0 <= sums.squares <= highest**2 * probes):
        raise Rejection(
            "proof.sums-out-of-range",
            "no scores of so many probes have such sums",
            expected=f"at most {highest * probes} and {highest**2 * probes}",
            got=f"{sums.scores} and {sums.squares}",
        )
    return sums.scores, sums.squares


def _parameters(preset: Preset, attempt: int) -> tuple[int, ...]:
    """Returns A_k, the last V where each line of the grid is the least, and the scaled margins."""
    grid = derive_constants(preset.effective_alpha(attempt))
    switches = [
        int(
            (after.A / after.lam - line.A / line.lam)
            * SCORE_RANGE**2
            / (line.P / line.lam - after.P / after.lam)
        )
        for line, after in pairwise(grid)
    ]
    margins = (
        preset.gamma,
        2 * preset.eta * preset.gamma,
        preset.delta,
        (1 - preset.epsilon) * preset.delta,
        2 * preset.epsilon,
    )
    common = math.lcm(*(margin.denominator for margin in margins))
    in_order = all(before < after for before, after in pairwise((0, *switches, _SQUARES_LIMIT)))
    if common > _DENOMINATOR_MAX or not in_order or any(line.A >= _A_LIMIT for line in grid):
        raise Rejection("proof.preset-not-provable", "no circuit is made for such a preset")
    numerators = (int(Fraction(common) * margin) for margin in margins)
    return (*(line.A for line in grid), *switches, common, *numerators)


def preset_digest(preset: Preset, attempt: int) -> bytes:
    """Returns the SHA-256 of the parameters and the attempt; a preset's name is only a label."""
    state = hashlib.sha256(_PRESET_DOMAIN)
    for rational in (preset.alpha, preset.gamma, preset.eta, preset.delta, preset.epsilon):
        for term in rational.as_integer_ratio():
            state.update(term.to_bytes(8, "big"))
    for count in (preset.n_min, preset.n_max, attempt):
        state.update(count.to_bytes(4, "big"))
    return state.digest()


def commit_to_scores(
    capacity: int,
    preset_digest: bytes,
    run_digest: bytes,
    salt: bytes,
    scores_by_challenge: Sequence[Sequence[int]],
) -> int:
    """Computes the score commitment of a run whose scores are disclosed.

    Args:
        capacity: the most challenges that a run may have in the circuit; zeros fill it up.
        preset_digest: from `preset_digest`.
        run_digest: 32 bytes; what the scores belong to.
        salt: 16 bytes.
        scores_by_challenge: 4 scores a challenge, each 0 to 65535.

    Raises:
        Rejection: ``proof.salt-length``, ``proof.digest-length``, or ``proof.scores-not-packable``
            where other scores could have the same commitment.
    """
    if len(salt) != SALT_BYTES:
        raise Rejection("proof.salt-length", f"a salt has {SALT_BYTES} bytes", got=len(salt))
    if len(scores_by_challenge) > capacity or not all(
        len(scores) == PROBES_PER_CHALLENGE and all(0 <= score < SCORE_RANGE for score in scores)
        for scores in scores_by_challenge
    ):
        raise Rejection("proof.scores-not-packable", "not the scores of a run of this circuit")
    header = (
        int.from_bytes(_COMMITMENT_DOMAIN, "big"),
        *digest_halves(preset_digest),
        *digest_halves(run_digest),
        len(scores_by_challenge),
        PROBES_PER_CHALLENGE,
        int.from_bytes(salt, "big"),
    )
    empty = (0,) * PROBES_PER_CHALLENGE
    padded = [*scores_by_challenge, *[empty] * (capacity - len(scores_by_challenge))]
    words = []
    for start in range(0, capacity, CHALLENGES_PER_WORD):
        word = 0
        for scores in padded[start : start + CHALLENGES_PER_WORD]:
            for score in scores:
                word = word * SCORE_RANGE + score
        words.append(word)
    return poseidon_digest((*header, *words))


def digest_halves(digest: bytes) -> tuple[int, int]:
    """The two halves of a SHA-256 digest, each a big-endian number.

    Raises:
        Rejection: ``proof.digest-length``.
    """
    if len(digest) != DIGEST_BYTES:
        raise Rejection("proof.digest-length", "not a SHA-256 digest", got=f"{len(digest)} bytes")
    half = DIGEST_BYTES // 2
    return int.from_bytes(digest[:half], "big"), int.from_bytes(digest[half:], "big")
