"""What came of judging a counterpart: who gave half of the randomness, or why that is not known."""

from dataclasses import dataclass
from typing import Final

from pot_reverify.documents.precommit import Counterpart, Precommit
from pot_reverify.encoding.shown_text import quoted
from pot_reverify.errors import Indeterminate

_NAME_COLUMNS: Final = 80
"""The names of drand's chains have 70."""


@dataclass(frozen=True, slots=True)
class HalfClaimed:
    """What the recorder says of a counterpart.

    Args:
        counterpart: whom the precommit names.
        nonce: what the challenges were derived from.
    """

    precommit: Precommit
    counterpart: Counterpart
    nonce: bytes


@dataclass(frozen=True, slots=True)
class HalfGiven:
    """How the challenges were chosen.

    Args:
        note: for people.
        doubt: why nobody but the signer says so; None where it is shown, or nobody is named.
        is_under_test_chain: whether it rests on a beacon whose key is published for tests.
    """

    note: str
    doubt: Indeterminate | None
    is_under_test_chain: bool = False


def signer_says(counterpart: Counterpart, code: str, why: str, *, needs: str) -> Indeterminate:
    """It could not be told that this counterpart gave half of the randomness.

    Args:
        why: what keeps it from being shown.
        needs: what would show it.
    """
    who = quoted(counterpart.name, _NAME_COLUMNS)
    if not counterpart.is_party:
        who = f"round {counterpart.round} of {who}"
    message = f"The signer says that {who} gave half of the randomness: {why}."
    return Indeterminate(code, message, needs=needs)


def doubt(error: Indeterminate) -> HalfGiven:
    """The finding where only the signer says who gave half of the randomness."""
    return HalfGiven(error.message[0].lower() + error.message[1:].removesuffix("."), error)
