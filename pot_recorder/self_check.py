"""The recorder's last step: read its own bundle as a stranger would who names its signers."""

from collections.abc import Sequence
from pathlib import Path

from pot_recorder.keys import Signer
from pot_reverify import NamedSigner, Policy, VerdictWord, verify
from pot_reverify.checks.result import CheckId, Status
from pot_reverify.documents.precommit import MAX_ATTEMPT
from pot_reverify.errors import Rejection


def verify_own_bundle(path: Path, signers: Sequence[Signer]) -> None:
    """Accept a sealed recording if nothing but the judgement of its quotes keeps it from VERIFIED.

    Which roots and which software quotes may be of is for readers to say: the recorder names
    neither. `pot-audit attach` has judged each quote before it came here.

    Raises:
        Rejection: ``session.not-verifiable``, with the checks that stopped it.
        OSError: the file cannot be read.
    """
    named = tuple(NamedSigner(one.public_key.key_id, one.public_key) for one in signers)
    verdict = verify(path, Policy(signers=named, max_attempts=MAX_ATTEMPT))
    stopped = [
        one
        for one in verdict.checks
        if one.status in (Status.FAIL, Status.SKIP) and one.check is not CheckId.QUOTES
    ]
    if stopped or verdict.word is VerdictWord.UNREADABLE:
        raise Rejection(
            "session.not-verifiable",
            "the sealed recording does not verify, and gets no bundle's name",
            where=str(path),
            got="; ".join(f"{one.check.value} {one.code}: {one.message}" for one in stopped),
        )
