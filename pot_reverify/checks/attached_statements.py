"""The attached envelopes: who signed them, and whether they are about this bundle."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from pot_reverify.checks.named_signers import signer_of
from pot_reverify.documents.bundle import Bundle
from pot_reverify.documents.countersignature import (
    Countersignature,
    VendorCommitment,
    parse_attached_statement,
)
from pot_reverify.documents.dsse_envelope import MEDIA_TYPE, parse_envelope
from pot_reverify.documents.statement import PAYLOAD_TYPE
from pot_reverify.encoding.digest import format_digest
from pot_reverify.errors import Indeterminate, Rejection
from pot_reverify.policy import NamedSigner, Policy
from pot_reverify.seal.dsse import pae

_MAX_ENVELOPES: Final = 64


@dataclass(frozen=True, slots=True)
class AttachedStatement:
    """One attached envelope.

    Args:
        where: its place in the file.
        signer: None where the reader names nobody whose key made it; then it counts for nothing.
    """

    where: str
    document: Countersignature | VendorCommitment
    signer: NamedSigner | None


def attached_statements(bundle: Bundle, policy: Policy) -> Iterator[AttachedStatement]:
    """Every attached envelope, its signature verified if it claims a named key.

    Raises:
        Rejection: ``signature.*``, ``envelope.*``, ``countersignature.*``, and what parsing raises.
        Indeterminate: ``countersignature.unknown-predicate``, ``countersignature.too-many``,
            ``signature.backend-missing``.
    """
    envelopes = [
        (number, one)
        for number, one in enumerate(bundle.attachments, 1)
        if one.media_type == MEDIA_TYPE
    ]
    # Each is tried with each named key, and whoever has the bundle can append as many as fit.
    if len(envelopes) > _MAX_ENVELOPES:
        raise Indeterminate(
            "countersignature.too-many",
            f"More than {_MAX_ENVELOPES} statements are attached; none of them was judged.",
            needs="the bundle without those that somebody appended last",
        )
    for number, attachment in envelopes:
        where = f"attachment {number}"
        envelope = parse_envelope(attachment.data, where)
        document = parse_attached_statement(envelope, where)
        message = pae(PAYLOAD_TYPE, envelope.payload)
        signer = signer_of(message, envelope.signature, envelope.key_id, policy, where)
        yield AttachedStatement(where, document, signer)


def require_this_bundle(one: AttachedStatement, bundle: Bundle) -> None:
    """The statement is about the checkpoint of this bundle.

    Raises:
        Rejection: ``countersignature.other-bundle``.
    """
    assert bundle.statement is not None
    expected = bundle.statement.checkpoint_digest
    if one.document.checkpoint_digest != expected:
        raise Rejection(
            "countersignature.other-bundle",
            "The attached statement is about another bundle.",
            where=one.where,
            expected=f"checkpoint {format_digest(expected)}",
            got=f"checkpoint {format_digest(one.document.checkpoint_digest)}",
        )
