"""C04's second half: auditors whom the reader names, and what they say of this very file."""

from collections.abc import Iterator
from dataclasses import dataclass

from pot_reverify.checks.attached_statements import (
    AttachedStatement,
    attached_statements,
    require_this_bundle,
)
from pot_reverify.checks.named_signers import require_valid_when_stated, why_it_does_not_count
from pot_reverify.checks.proven_times import ProvenTimes
from pot_reverify.documents.bundle import Bundle
from pot_reverify.documents.countersignature import Countersignature
from pot_reverify.encoding.digest import format_digest, sha256_digest
from pot_reverify.encoding.shown_text import quoted, shown_fact
from pot_reverify.errors import Rejection
from pot_reverify.policy import NamedSigner, Policy, Role
from pot_reverify.quotes.evidence import format_time

_VERIFIED = "VERIFIED"


@dataclass(frozen=True, slots=True)
class Countersigner:
    """A named auditor and the verdict that the auditor signed.

    Args:
        counts: whether it counts towards a quorum: VERIFIED, by a key that has not expired.
        note: for people.
    """

    signer: NamedSigner | None
    counts: bool
    note: str


def find_countersigners(
    bundle: Bundle, policy: Policy, times: ProvenTimes
) -> tuple[Countersigner, ...]:
    """Verify every countersignature of a sealed bundle.

    Raises:
        Rejection: ``countersignature.*``, ``signature.*``, and what parsing raises.
        Indeterminate: ``countersignature.unknown-predicate``, ``signature.backend-missing``.
    """
    return tuple(
        _judge(one, one.document, bundle, times)
        for one in attached_statements(bundle, policy)
        if isinstance(one.document, Countersignature)
    )


def _judge(
    one: AttachedStatement, document: Countersignature, bundle: Bundle, times: ProvenTimes
) -> Countersigner:
    signer = one.signer
    if signer is None:
        return Countersigner(
            None, counts=False, note="a countersignature by a key that you have not named"
        )
    if Role.AUDITOR not in signer.roles:
        raise Rejection(
            "countersignature.role",
            f"{signer.name} countersigned, and is no auditor to you.",
            where=one.where,
            expected=Role.AUDITOR.value,
            got=", ".join(sorted(signer.roles)),
        )
    require_this_bundle(one, bundle)
    _require_pins(document, bundle, one.where)
    require_valid_when_stated(signer, document.evaluated_at_ns, one.where)
    assert bundle.statement is not None
    ended_ns = bundle.statement.ended_ns
    why_not = why_it_does_not_count(signer, document.evaluated_at_ns, ended_ns, times)
    note = (
        f"countersigned by {shown_fact(signer.name)}: {shown_fact(document.verdict)} at "
        f"{format_time(document.evaluated_at_ns)} under the policy {quoted(document.policy_name)} "
        f"({format_digest(document.policy_digest)[:19]}…)"
    )
    if why_not is not None:
        return Countersigner(signer, counts=False, note=f"{note}; {why_not}")
    return Countersigner(signer, document.verdict == _VERIFIED, note)


def _require_pins(document: Countersignature, bundle: Bundle, where: str) -> None:
    statement_digest = sha256_digest(bundle.statement_payload or b"")
    if document.statement_digest != statement_digest:
        raise Rejection(
            "countersignature.other-statement",
            "The auditor countersigned another statement.",
            where=where,
            expected=format_digest(statement_digest),
            got=format_digest(document.statement_digest),
        )
    present = (sha256_digest(one.encode()) for one in bundle.signatures)
    for digest in document.signature_digests:
        if not _advance_to(digest, present):
            raise Rejection(
                "countersignature.signature-missing",
                "A signature that the auditor saw is not there any more, or not at its place.",
                where=where,
                expected=format_digest(digest),
            )


def _advance_to(digest: bytes, present: Iterator[bytes]) -> bool:
    """Whether the digest is among those that are left; what stands before it is used up."""
    return any(one == digest for one in present)
