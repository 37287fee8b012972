"""The hostile collection: every file with the judgement that a reader would ask for.

Makers, not files: what is cheap to make and dear to read need not be kept.
"""

from collections.abc import Callable
from dataclasses import dataclass

from bundle_floods import bundle_floods
from quote_floods import quote_floods
from text_floods import evidence_floods, key_floods, policy_floods
from token_floods import token_floods


@dataclass(frozen=True)
class Hostile:
    """One file.

    Args:
        kind: which of `judges.JUDGES` it is for.
    """

    name: str
    kind: str
    make: Callable[[], bytes]


COLLECTION = tuple(
    Hostile(name, kind, make)
    for kind, floods in (
        ("bundle", bundle_floods() | token_floods() | quote_floods()),
        ("policy", policy_floods()),
        ("keys", key_floods()),
        ("evidence", evidence_floods()),
    )
    for name, make in floods.items()
)
