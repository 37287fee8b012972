"""What one quote binds: computed from the run and from the policy, never read from the bundle."""

import importlib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from hashlib import sha256
from hmac import compare_digest
from typing import Final

from pot_reverify.checks.exchanges import check_exchanges
from pot_reverify.checks.named_signers import is_early, is_expired
from pot_reverify.checks.proven_times import ProvenTimes
from pot_reverify.checks.quote_freshness import require_possible, why_not_fresh
from pot_reverify.documents import statement
from pot_reverify.documents.bundle import Bundle
from pot_reverify.documents.evidence_document import Binding, EvidenceDocument, Subject
from pot_reverify.errors import Indeterminate, Rejection
from pot_reverify.policy import Grade, HeldGrade, ModelRole, NamedSigner, Policy, Role
from pot_reverify.quotes.evidence import QuoteAppraisal, QuoteKind
from pot_reverify.quotes.run_binding import report_data_of
from pot_reverify.quotes.test_roots import is_under_test_root
from pot_reverify.quotes.verify import verify_quote
from pot_reverify.quotes.words import NOT_JUDGED, genuineness, time_sentences
from pot_reverify.seal.dsse import pae
from pot_reverify.seal.signatures import verify_signature

GRADE_OF: Final = {
    Binding.RUN: Grade.RUN_BOUND,
    Binding.KEY: Grade.KEY_ATTESTED,
    Binding.CHANNEL: Grade.CHANNEL,
}
_HARDWARE: Final = frozenset({QuoteKind.SGX, QuoteKind.TDX, QuoteKind.SEV_SNP, QuoteKind.NITRO})
_VENDORS: Final = frozenset({QuoteKind.PHALA, QuoteKind.ACI})
KINDS: Final = {
    Binding.RUN: _HARDWARE,
    Binding.KEY: _VENDORS,
    Binding.CHANNEL: _HARDWARE | _VENDORS,
}


@dataclass(frozen=True, slots=True)
class BoundQuote:
    """A genuine quote that binds what its grade asks for.

    Args:
        grades: what it supports, if its software is named and it is fresh.
        is_software_named: whether the policy names the software.
        not_fresh: why it may be of any time, so that it supports nothing; None where it is not.
        notes: for people.
    """

    grades: tuple[HeldGrade, ...]
    sentence: str
    is_software_named: bool
    is_under_test_root: bool
    not_fresh: Indeterminate | None
    notes: tuple[str, ...]


def judge_quote(
    bundle: Bundle, document: EvidenceDocument, policy: Policy, times: ProvenTimes
) -> BoundQuote:
    """Verify a quote at the time that counts, and that it binds what it is there for.

    Raises:
        Rejection: ``quote.*``.
        Indeterminate: ``quote.*``.
    """
    kind = document.quote.kind
    if kind not in KINDS[document.binding]:
        raise Rejection(
            "quote.purpose",
            "this kind of evidence cannot bind what it is there for",
            expected=" or ".join(sorted(KINDS[document.binding])),
            got=kind.value,
        )
    nonce = nonce_asked(document, bundle.head.precommit.digest)
    asked = replace(policy.binding.quotes, bindings=nonce)
    appraisal = verify_quote(document.quote, at_ns=times.evaluation_ns, policy=asked)
    require_possible(bundle, document.binding, appraisal)
    if document.binding is Binding.RUN:
        what = _run_binding(bundle, policy, appraisal, times)
    elif document.binding is Binding.KEY:
        count = check_exchanges(bundle, document, appraisal)
        what = f"an attested key signed all {count} requests and responses"
    else:
        assert document.channel_key is not None
        what = _channel_binding(document, document.channel_key, appraisal)
    proven = times.statement
    chosen_by = "your now" if proven is None else f"proven by {proven.by}"
    grade = GRADE_OF[document.binding]
    not_fresh = why_not_fresh(bundle, document.binding, appraisal, times)
    return BoundQuote(
        grades=tuple(HeldGrade(model, grade) for model in models_of(document)),
        sentence=f"{grade.value} for the {document.subject.value}: {kind.value}, "
        f"{genuineness(appraisal)}",
        is_software_named=appraisal.software is not None,
        is_under_test_root=is_under_test_root(appraisal),
        not_fresh=not_fresh,
        notes=(
            *([] if not_fresh is None else [f"{not_fresh.message}: it counts for nothing"]),
            what,
            *time_sentences(appraisal, chosen_by),
            *(
                f"not judged: {NOT_JUDGED[one]}"
                for one in appraisal.not_judged
                if one not in ("bindings", "software")
            ),
        ),
    )


def models_of(document: EvidenceDocument) -> tuple[ModelRole, ...]:
    """The models that the evidence is about.

    A quote of the run is of the process that ran both, and is bound to both by the precommit. Any
    other is of the one model that it names, also where the same service answered for both.
    """
    if document.subject is Subject.RUN:
        return tuple(ModelRole)
    return (ModelRole(document.subject.value),)


def nonce_asked(document: EvidenceDocument, precommit_digest: bytes) -> Mapping[str, bytes]:
    """The vendors' forms answer the run's nonce: an attested key has to, and ACI always."""
    if document.binding is Binding.KEY or document.quote.kind is QuoteKind.ACI:
        return {"nonce": precommit_digest}
    return {}


def _run_binding(
    bundle: Bundle, policy: Policy, appraisal: QuoteAppraisal, times: ProvenTimes
) -> str:
    field, bound = run_field(appraisal)
    precommit = bundle.head.precommit.digest
    signers = _signers(bundle, policy)
    for one in signers:
        if compare_digest(bound, report_data_of(precommit, one.key.to_der())):
            _require_current_key(one, bundle, times)
            return (
                f"it commits to this run and to the key of {one.name}, which signed the statement"
            )
    named = {signer.key.key_id for signer in policy.signers}
    unnamed = [one.key_id for one in bundle.signatures if one.key_id not in named]
    if unnamed or not signers:
        raise Indeterminate(
            "quote.key-not-named",
            "the quote may commit to a signing key that you have not named",
            needs="the public key of the enclave, with the role tee or recorder",
        )
    raise Rejection(
        "quote.binding",
        "the quote does not commit to this run and to a key that signed the statement",
        where=field,
        expected=report_data_of(precommit, signers[0].key.to_der()).hex(),
        got=bound.hex(),
    )


def run_field(appraisal: QuoteAppraisal) -> tuple[str, bytes]:
    """The field that commits to a run, and what the quote has in it."""
    field = "user_data" if appraisal.kind is QuoteKind.NITRO else "report_data"
    return field, appraisal.bindings.get(field, b"")


def _signers(bundle: Bundle, policy: Policy) -> list[NamedSigner]:
    """The named recorders and enclaves whose signature over the statement holds."""
    assert bundle.statement_payload is not None
    message = pae(statement.PAYLOAD_TYPE, bundle.statement_payload)
    signers: list[NamedSigner] = []
    for signer in policy.signers:
        if not signer.roles & {Role.TEE, Role.RECORDER}:
            continue
        for signature in bundle.signatures:
            if signature.key_id == signer.key.key_id:
                verify_signature(signer.key, message, signature.signature)
                signers.append(signer)
    return signers


def _require_current_key(signer: NamedSigner, bundle: Bundle, times: ProvenTimes) -> None:
    """The key gives a grade only while its signature counts.

    The proven time of the statement is that of the signatures that the statement announces; one
    that came later may have been made with a key that was lost after its end, and is judged now.
    """
    assert bundle.statement is not None
    is_announced = signer.key.key_id in {one.key_id for one in bundle.statement.signers}
    at_ns = times.evaluation_ns if is_announced else times.now_ns
    is_too_early = is_early(signer, at_ns)
    if is_too_early or is_expired(signer, at_ns):
        raise Indeterminate(
            "quote.key-expired",
            f"the quote commits to the key of {signer.name}, which is not valid "
            f"{'yet' if is_too_early else 'any more'} at the time of judgement",
            needs="a proven time of the statement at which the key was valid",
        )


def _channel_binding(document: EvidenceDocument, key: bytes, appraisal: QuoteAppraisal) -> str:
    if not binds_channel(document, key, appraisal):
        raise Rejection(
            "quote.binding",
            "the quote does not attest the channel key that the recorder names",
            where="channel_key",
            expected=sha256(key).hexdigest(),
            got=" ".join(f"{name}={value.hex()}" for name, value in appraisal.bindings.items()),
        )
    return (
        f"it attests the channel key sha256:{sha256(key).hexdigest()}; "
        "that the answers came through that channel, and when, is the recorder's word"
    )


def binds_channel(document: EvidenceDocument, key: bytes, appraisal: QuoteAppraisal) -> bool:
    """Whether the quote attests the channel key (DER SubjectPublicKeyInfo)."""
    if appraisal.kind in _VENDORS:
        module = importlib.import_module(
            "pot_reverify.quotes.phala"
            if appraisal.kind is QuoteKind.PHALA
            else "pot_reverify.quotes.aci"
        )
        return sha256(key).digest() in module.channel_keys(document.quote)
    public_key = appraisal.bindings.get("public_key")
    if public_key is not None and compare_digest(public_key, key):
        return True
    report_data = appraisal.bindings.get("report_data", b"")
    return compare_digest(report_data[:32], sha256(key).digest())
