"""The recorder's last step: read its own bundle as a stranger would who names its signers."""

from collections.abc import Sequence
from pathlib import Path

from pot_recorder.keys import Signer
from pot_reverify import NamedSigner, Policy, VerdictWord, verify
from pot_reverify.checks.result import Status
from pot_reverify.documents.precommit import MAX_ATTEMPT
from pot_reverify.errors import Rejection


def verify_own_bundle(path: Path, signers: Sequence[Signer]) -> None:
    """Accept a sealed recording only if it is VERIFIED.

    Raises:
        Rejection: ``session.not-verifiable``, with the checks that stopped it.
        OSError: the file cannot be read.
    """
    named = tuple(NamedSigner(one.public_key.key_id, one.public_key) for one in signers)
    verdict = verify(path, Policy(signers=named, max_attempts=MAX_ATTEMPT))
    if verdict.word is not VerdictWord.VERIFIED:
        stopped = [one for one in verdict.checks if one.status in (Status.FAIL, Status.SKIP)]
        raise Rejection(
            "session.not-verifiable",
            "the sealed recording does not verify, and gets no bundle's name",
            where=str(path),
            got="; ".join(f"{one.check.value} {one.code}: {one.message}" for one in stopped),
        )
