"""Grade D: a vendor whom the reader names says that the transcript is from its model."""

from dataclasses import dataclass

from pot_reverify.checks.attached_statements import (
    AttachedStatement,
    attached_statements,
    require_this_bundle,
)
from pot_reverify.checks.named_signers import require_valid_when_stated, why_it_does_not_count
from pot_reverify.checks.proven_times import ProvenTimes
from pot_reverify.documents.bundle import Bundle
from pot_reverify.documents.countersignature import VendorCommitment
from pot_reverify.encoding.digest import format_digest
from pot_reverify.encoding.shown_text import quoted, shown_fact
from pot_reverify.errors import Rejection
from pot_reverify.policy import ModelRole, Policy, Role


@dataclass(frozen=True, slots=True)
class VendorCommitments:
    """What vendors committed to.

    Args:
        models: those that a named vendor vouches for.
        notes: for people, also of commitments that count for nothing.
    """

    models: frozenset[ModelRole]
    notes: tuple[str, ...]


def vendor_commitments(bundle: Bundle, policy: Policy, times: ProvenTimes) -> VendorCommitments:
    """Verify every vendor commitment that is attached to a bundle.

    Raises:
        Rejection: ``commitment.*``, ``countersignature.other-bundle``, ``signature.*``, and what
            parsing raises.
        Indeterminate: ``countersignature.unknown-predicate``, ``signature.backend-missing``.
    """
    models: set[ModelRole] = set()
    notes: list[str] = []
    if bundle.statement is None:
        return VendorCommitments(frozenset(), ())
    for one in attached_statements(bundle, policy):
        if not isinstance(one.document, VendorCommitment):
            continue
        counts, note = _judge(one, one.document, bundle, times)
        notes.append(note)
        if counts:
            models.add(ModelRole(one.document.role))
    return VendorCommitments(frozenset(models), tuple(notes))


def _judge(
    one: AttachedStatement, document: VendorCommitment, bundle: Bundle, times: ProvenTimes
) -> tuple[bool, str]:
    signer = one.signer
    if signer is None:
        return False, f"a key that you have not named vouches for the {document.role}"
    if Role.VENDOR not in signer.roles:
        raise Rejection(
            "commitment.role",
            f"{signer.name} vouches for a model, and is no vendor to you.",
            where=one.where,
            expected=Role.VENDOR.value,
            got=", ".join(sorted(signer.roles)),
        )
    require_this_bundle(one, bundle)
    _require_this_model(document, bundle, one.where)
    require_valid_when_stated(signer, document.created_ns, one.where)
    note = f"{shown_fact(signer.name)} vouches for the {document.role}, {quoted(document.model)}"
    if document.weights_digest is None:
        note += ", without naming its weights"
    assert bundle.statement is not None
    ended_ns = bundle.statement.ended_ns
    why_not = why_it_does_not_count(signer, document.created_ns, ended_ns, times)
    if why_not is not None:
        return False, f"{note}; {why_not}"
    return True, note


def _require_this_model(document: VendorCommitment, bundle: Bundle, where: str) -> None:
    identity = bundle.head.reference if document.role == "reference" else bundle.head.candidate
    claim = identity.claim
    if document.model != claim.name:
        raise Rejection(
            "commitment.model",
            "The vendor vouches for another model than the bundle names.",
            where=where,
            expected=claim.name,
            got=document.model,
        )
    weights = document.weights_digest
    if weights is not None and weights != claim.weights_digest:
        raise Rejection(
            "commitment.weights",
            "The vendor vouches for other weights than the bundle claims.",
            where=where,
            expected="no digest"
            if claim.weights_digest is None
            else format_digest(claim.weights_digest),
            got=format_digest(weights),
        )
