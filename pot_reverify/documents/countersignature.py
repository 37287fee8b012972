"""Statements that others sign about a sealed bundle: countersignatures and vendors' commitments.

Both are in-toto statements about the checkpoint. A countersignature also pins the statement and
the signatures that the auditor saw, so that neither can be exchanged or stripped below it.
"""

import re
from dataclasses import dataclass
from typing import Final

from pot_reverify.documents.dsse_envelope import Envelope
from pot_reverify.documents.statement import STATEMENT_TYPE
from pot_reverify.encoding import strict_json
from pot_reverify.encoding.digest import format_digest, parse_digest
from pot_reverify.encoding.fields import Fields
from pot_reverify.errors import Indeterminate, Rejection

COUNTERSIGNATURE: Final = "urn:pot-audit:predicate:countersignature:1"
VENDOR_COMMITMENT: Final = "urn:pot-audit:predicate:vendor-commitment:1"
_CHECK_ID: Final = re.compile(r"C[0-9]{2}", re.ASCII)
_MAX_CHECKS: Final = 99
_MAX_SIGNATURES_SEEN: Final = 64


@dataclass(frozen=True, slots=True)
class ReportedCheck:
    """What one check said on the auditor's machine."""

    check: str
    status: str
    code: str


@dataclass(frozen=True, slots=True)
class Countersignature:
    """An auditor's word on a bundle.

    Args:
        checkpoint_digest: what the bundle's statement has as its first subject.
        statement_digest: SHA-256 of the STATEMENT payload.
        signature_digests: SHA-256 of each SIGNATURE payload that was there, in order.
        policy_name: of the auditor's policy.
        policy_digest: of the auditor's policy.
        verdict: the auditor's: VERIFIED, REJECTED or INCOMPLETE.
        checks: every check's result, in order.
        evaluated_at_ns: when the auditor says that this was.
        verifier_version: of the program that the auditor used.
    """

    checkpoint_digest: bytes
    statement_digest: bytes
    signature_digests: tuple[bytes, ...]
    policy_name: str
    policy_digest: bytes
    verdict: str
    checks: tuple[ReportedCheck, ...]
    evaluated_at_ns: int
    verifier_version: str

    def to_json(self) -> bytes:
        """The bytes to sign."""
        predicate: dict[str, object] = {
            "checks": [
                {"code": one.code, "id": one.check, "status": one.status} for one in self.checks
            ],
            "evaluated_at_ns": self.evaluated_at_ns,
            "policy": {"digest": format_digest(self.policy_digest), "name": self.policy_name},
            "signature_digests": [format_digest(one) for one in self.signature_digests],
            "statement_digest": format_digest(self.statement_digest),
            "verdict": self.verdict,
            "verifier": {"name": "pot-audit", "version": self.verifier_version},
        }
        return _statement(COUNTERSIGNATURE, self.checkpoint_digest, predicate)


@dataclass(frozen=True, slots=True)
class VendorCommitment:
    """A vendor's word: this transcript is from that model of mine.

    Args:
        role: ``reference`` or ``candidate``.
        model: the model's name, as the bundle has it.
        weights_digest: of its weights; None where the vendor does not say.
        created_ns: when the vendor says that this was.
    """

    checkpoint_digest: bytes
    role: str
    model: str
    weights_digest: bytes | None
    created_ns: int

    def to_json(self) -> bytes:
        """The bytes to sign."""
        weights = self.weights_digest
        predicate: dict[str, object] = {
            "created_ns": self.created_ns,
            "model": self.model,
            "role": self.role,
            "weights_digest": None if weights is None else format_digest(weights),
        }
        return _statement(VENDOR_COMMITMENT, self.checkpoint_digest, predicate)


def parse_attached_statement(envelope: Envelope, where: str) -> Countersignature | VendorCommitment:
    """Read what an envelope holds.

    Raises:
        Rejection: ``json.*``, ``schema.*``, ``digest.*``, ``countersignature.contradiction``.
        Indeterminate: ``countersignature.unknown-predicate``.
    """
    fields = Fields(strict_json.decode(envelope.payload), where)
    fields.take_literal("_type", STATEMENT_TYPE)
    predicate_type = fields.take_str("predicateType")
    if predicate_type not in (COUNTERSIGNATURE, VENDOR_COMMITMENT):
        raise Indeterminate(
            "countersignature.unknown-predicate",
            f"An attached statement of another kind: {predicate_type}.",
            needs="a version of pot-audit that reads it",
            where=where,
        )
    (subject,) = fields.take_list("subject", 1, 1)
    predicate = fields.take_fields("predicate")
    fields.finish()
    checkpoint = _parse_subject(Fields(subject, f"{where}.subject[0]"))
    if predicate_type == COUNTERSIGNATURE:
        return _parse_countersignature(checkpoint, predicate)
    return _parse_commitment(checkpoint, predicate)


def _parse_countersignature(checkpoint: bytes, fields: Fields) -> Countersignature:
    checks = tuple(
        _parse_check(Fields(item, f"{fields.at('checks')}[{number}]"))
        for number, item in enumerate(fields.take_list("checks", 1, _MAX_CHECKS))
    )
    policy = fields.take_fields("policy")
    verifier = fields.take_fields("verifier")
    verifier.take_literal("name", "pot-audit")
    countersignature = Countersignature(
        checkpoint_digest=checkpoint,
        statement_digest=fields.take_digest("statement_digest"),
        signature_digests=_take_digests(fields, "signature_digests"),
        policy_name=policy.take_str("name", 16_384),
        policy_digest=policy.take_digest("digest"),
        verdict=fields.take_literal("verdict", "VERIFIED", "REJECTED", "INCOMPLETE"),
        checks=checks,
        evaluated_at_ns=fields.take_int("evaluated_at_ns"),
        verifier_version=verifier.take_str("version"),
    )
    for one in (policy, verifier, fields):
        one.finish()
    _require_consistent(countersignature, fields.where)
    return countersignature


def _parse_check(fields: Fields) -> ReportedCheck:
    check = ReportedCheck(
        fields.take_str("id", 3),
        fields.take_literal("status", "pass", "FAIL", "skip", "absent"),
        fields.take_str("code", 80),
    )
    fields.finish()
    if _CHECK_ID.fullmatch(check.check) is None:
        raise Rejection(
            "schema.unknown-value", "not the id of a check", where=fields.where, got=check.check
        )
    return check


def _require_consistent(one: Countersignature, where: str) -> None:
    """The auditor's verdict must be one that the auditor's checks give."""
    ids = [check.check for check in one.checks]
    statuses = {check.status for check in one.checks}
    expected = (
        "REJECTED"
        if "FAIL" in statuses
        else "INCOMPLETE"
        if "skip" in statuses or one.verdict == "INCOMPLETE"
        else "VERIFIED"
    )
    if sorted(set(ids)) != ids or one.verdict != expected:
        raise Rejection(
            "countersignature.contradiction",
            "The verdict is not one that the checks beside it give.",
            where=where,
            expected=expected,
            got=one.verdict,
        )


def _parse_commitment(checkpoint: bytes, fields: Fields) -> VendorCommitment:
    commitment = VendorCommitment(
        checkpoint_digest=checkpoint,
        role=fields.take_literal("role", "reference", "candidate"),
        model=fields.take_str("model"),
        weights_digest=None
        if fields.drop_null("weights_digest")
        else fields.take_digest("weights_digest"),
        created_ns=fields.take_int("created_ns"),
    )
    fields.finish()
    return commitment


def _parse_subject(fields: Fields) -> bytes:
    fields.take_literal("name", "checkpoint")
    digests = fields.take_fields("digest")
    fields.finish()
    digest = parse_digest("sha256:" + digests.take_str("sha256", 64))
    digests.finish()
    return digest


def _take_digests(fields: Fields, name: str) -> tuple[bytes, ...]:
    digests = []
    for number, item in enumerate(fields.take_list(name, 1, _MAX_SIGNATURES_SEEN)):
        if not isinstance(item, str):
            raise Rejection(
                "schema.wrong-type", "a digest is a string", where=f"{fields.at(name)}[{number}]"
            )
        digests.append(parse_digest(item))
    return tuple(digests)


def _statement(predicate_type: str, checkpoint: bytes, predicate: dict[str, object]) -> bytes:
    return strict_json.encode(
        {
            "_type": STATEMENT_TYPE,
            "predicate": predicate,
            "predicateType": predicate_type,
            "subject": [{"digest": {"sha256": checkpoint.hex()}, "name": "checkpoint"}],
        }
    )
