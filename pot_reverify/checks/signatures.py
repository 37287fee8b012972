"""C04: who signed. Keys, algorithms and roles come from the policy, never from the file."""

from collections.abc import Iterable, Sequence

from pot_reverify.checks.proven_times import ProvenTimes
from pot_reverify.checks.result import CheckId, CheckResult, passed, skipped
from pot_reverify.documents import precommit, statement
from pot_reverify.documents.bundle import Bundle
from pot_reverify.documents.signed_bytes import Signature
from pot_reverify.documents.statement_parts import DeclaredSigner
from pot_reverify.errors import Rejection
from pot_reverify.policy import NamedSigner, Policy, Role
from pot_reverify.seal.dsse import pae
from pot_reverify.seal.signatures import verify_signature

_NEEDS_SIGNER = "the signer's public key, from a source that you trust (--signer KEY.pub)"


def check_signatures(bundle: Bundle, policy: Policy, _times: ProvenTimes) -> CheckResult:
    """Verify the statement's and the precommit's signatures by the keys that the policy names.

    The signatures of the signers that the recorder declares in the signed statement come first,
    in the declared order: none can be stripped, and a sealed run has one form.

    Raises:
        Rejection: ``signature.*``.
        Indeterminate: ``signature.backend-missing``.
    """
    if bundle.statement_payload is None or bundle.statement is None:
        return skipped(
            CheckId.SIGNATURES,
            "container.unsealed",
            "The file was never sealed: nobody has signed it.",
            needs="a sealed bundle (pot-audit record --resume)",
        )
    message = pae(statement.PAYLOAD_TYPE, bundle.statement_payload)
    signed_by = _signers_of(message, bundle.signatures, policy, "statement")
    _require_declared(bundle.statement.signers, bundle.signatures)
    head_precommit = bundle.head.precommit
    promise = pae(precommit.PAYLOAD_TYPE, head_precommit.payload)
    promised_by = _signers_of(promise, head_precommit.signatures, policy, "precommit")
    unnamed = [
        declared.key_id
        for declared in bundle.statement.signers
        if declared.key_id not in {signer.key.key_id for signer in signed_by}
    ]
    if unnamed:
        return skipped(
            CheckId.SIGNATURES,
            "signature.signer-not-named",
            f"Signed by a key that you have not named: {', '.join(unnamed)}.",
            needs=_NEEDS_SIGNER,
        )
    recorders = [signer for signer in signed_by if Role.RECORDER in signer.roles]
    if not recorders:
        return skipped(
            CheckId.SIGNATURES,
            "signature.no-recorder",
            "No signer that you have named has the role recorder.",
            needs=_NEEDS_SIGNER,
        )
    if not any(signer in promised_by for signer in recorders):
        raise Rejection(
            "signature.precommit-signer",
            "The precommit was not signed by the recorder who signed the statement.",
            where="precommit",
            expected=", ".join(signer.key.key_id for signer in recorders),
            got=", ".join(one.key_id for one in head_precommit.signatures),
        )
    names = ", ".join(f"{signer.name} ({_short(signer)})" for signer in signed_by)
    others = len(bundle.signatures) - len(signed_by)
    notes = [f"{others} more, by keys that you have not named"] if others else []
    return passed(CheckId.SIGNATURES, f"{names}, named by you", *notes)


def _require_declared(declared: Sequence[DeclaredSigner], signatures: Sequence[Signature]) -> None:
    present = [(signature.algorithm, signature.key_id) for signature in signatures]
    for signer in declared:
        if signer.key_id not in {key_id for _, key_id in present}:
            raise Rejection(
                "signature.missing",
                "A signature that the statement announces was removed.",
                where=f"signer {signer.key_id}",
            )
    expected = [(signer.algorithm, signer.key_id) for signer in declared]
    if present[: len(expected)] != expected:
        raise Rejection(
            "signature.out-of-order",
            "The first signatures are not those that the statement announces, in its order.",
            where="statement",
            expected=", ".join(" ".join(one) for one in expected),
            got=", ".join(" ".join(one) for one in present[: len(expected)]),
        )


def _signers_of(
    message: bytes, signatures: Iterable[Signature], policy: Policy, where: str
) -> list[NamedSigner]:
    signers: list[NamedSigner] = []
    for number, signature in enumerate(signatures):
        signer = _signer_of(message, signature, policy, f"{where} signature {number + 1}")
        if signer is None:
            continue
        if signer in signers:
            raise Rejection(
                "signature.repeated-signer", "One key signed twice.", where=where, got=signer.name
            )
        signers.append(signer)
    return signers


def _signer_of(
    message: bytes, signature: Signature, policy: Policy, where: str
) -> NamedSigner | None:
    """The named signer whose key verifies; None if the signature claims no named key."""
    for signer in policy.signers:
        claims_this_key = signature.key_id == signer.key.key_id
        try:
            verify_signature(signer.key, message, signature.signature)
        except Rejection as error:
            if claims_this_key:
                raise Rejection(
                    error.code,
                    f"The signature by {signer.name} does not hold: {error.message}",
                    where=where,
                ) from error
            continue
        if not claims_this_key or signature.algorithm != signer.key.algorithm.value:
            raise Rejection(
                "signature.label-lies",
                "The signature is by another key or algorithm than its label says.",
                where=where,
                expected=f"{signer.key.algorithm.value} {signer.key.key_id}",
                got=f"{signature.algorithm} {signature.key_id}",
            )
        return signer
    return None


def _short(signer: NamedSigner) -> str:
    digest = signer.key.key_id.removeprefix("sha256:")
    return f"{digest[:4]}…{digest[-4:]}"
