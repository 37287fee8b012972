"""Every request and response of a run, by the key that a TEE attests, against the contents."""

import importlib
from typing import Final, Protocol, cast

from pot_reverify.documents.bundle import Bundle
from pot_reverify.documents.challenge_record import PROBES
from pot_reverify.documents.evidence_document import EvidenceDocument, Subject
from pot_reverify.documents.exchanges import (
    Exchange,
    exchange_digest,
    parse_answer,
    parse_exchanges,
    parse_question,
)
from pot_reverify.documents.model_identity import ModelClaim
from pot_reverify.errors import Indeterminate, Rejection
from pot_reverify.quotes.evidence import QuoteAppraisal, QuoteKind
from pot_reverify.quotes.exchange import SignedExchange

# They are there where the appraisal is: it was made with them.
_MODULES: Final = {
    QuoteKind.PHALA: "pot_reverify.quotes.phala",
    QuoteKind.ACI: "pot_reverify.quotes.aci",
}


class _VerifyExchange(Protocol):
    def __call__(
        self, appraisal: QuoteAppraisal, signature: bytes, response: bytes, request: bytes
    ) -> SignedExchange: ...


def check_exchanges(bundle: Bundle, document: EvidenceDocument, appraisal: QuoteAppraisal) -> int:
    """Verify that an attested key signed every probe of every challenge, as the bundle has it.

    Args:
        document: of a key, with the names of its blobs of exchanges.
        appraisal: of its quote.

    Returns:
        How many exchanges hold: all of them.

    Raises:
        Rejection: ``quote.exchange-*``, what parsing raises, and what the vendor's form raises.
        Indeterminate: ``quote.exchange-withheld``, ``quote.upstream``,
            ``quote.request-not-bound``.
    """
    exchanges = _exchanges(bundle, document)
    probes = [probe for challenge in bundle.challenges for probe in challenge.probes]
    if len(exchanges) != len(probes):
        raise Rejection(
            "quote.exchange-count",
            "there is not one exchange a probe",
            where=", ".join(document.exchanges),
            expected=len(probes),
            got=len(exchanges),
        )
    if any(probe.exchange_digests is None for probe in probes):
        raise Indeterminate(
            "quote.exchange-withheld",
            "contents are withheld, so nothing says what their exchanges are about",
            needs="the bundle with its contents",
            where=", ".join(document.exchanges),
        )
    is_candidate = document.subject is Subject.CANDIDATE
    identity = bundle.head.candidate if is_candidate else bundle.head.reference
    module = importlib.import_module(_MODULES[appraisal.kind])
    verify = cast("_VerifyExchange", module.verify_exchange)
    for number, (exchange, probe) in enumerate(zip(exchanges, probes, strict=True)):
        where = f"exchange of challenge {number // PROBES + 1}, probe {number % PROBES + 1}"
        assert probe.exchange_digests is not None
        _check_content(
            exchange, probe.exchange_digests[is_candidate], identity.claim, bundle, where
        )
        signed = verify(appraisal, exchange.signature, exchange.response, exchange.request)
        _check_signed(signed, identity.claim, where)
    return len(exchanges)


def _exchanges(bundle: Bundle, document: EvidenceDocument) -> list[Exchange]:
    exchanges: list[Exchange] = []
    for name in document.exchanges:
        blob = bundle.blob(name)
        if blob is None or document.exchanges.count(name) > 1:
            raise Rejection(
                "quote.exchange-blob",
                "the evidence names exchanges that are not there, or names them twice",
                where=name,
            )
        parsed = parse_exchanges(blob.data, name)
        if parsed.form.value != document.quote.kind.value:
            raise Rejection(
                "quote.exchange-form",
                "the exchanges are signed in another form than the evidence attests",
                where=name,
                expected=document.quote.kind.value,
                got=parsed.form.value,
            )
        exchanges += parsed.exchanges
    return exchanges


def _check_content(
    exchange: Exchange, expected: bytes, claim: ModelClaim, bundle: Bundle, where: str
) -> None:
    question = parse_question(exchange.request, f"{where}, request")
    probabilities = parse_answer(exchange.response, f"{where}, response")
    if question.precommit_digest != bundle.head.precommit.digest:
        raise Rejection(
            "quote.exchange-run",
            "the request is of another run",
            where=where,
            expected=bundle.head.precommit.digest.hex(),
            got=question.precommit_digest.hex(),
        )
    if question.model != claim.name:
        raise Rejection(
            "quote.exchange-model",
            "the request asks for another model",
            where=where,
            expected=claim.name,
            got=question.model,
        )
    found = exchange_digest(
        question.text,
        question.token_ids,
        question.position_sizes,
        question.cell_token_ids,
        probabilities,
    )
    if found != expected:
        raise Rejection(
            "quote.exchange-content",
            "what was asked and answered is not what the bundle records",
            where=where,
            expected=expected.hex(),
            got=found.hex(),
        )


def _check_signed(signed: SignedExchange, claim: ModelClaim, where: str) -> None:
    if signed.model is not None and signed.model != claim.name:
        raise Rejection(
            "quote.exchange-model",
            "the signature is about another model",
            where=where,
            expected=claim.name,
            got=signed.model,
        )
    if signed.upstream is not None:
        raise Indeterminate(
            "quote.upstream",
            "the attested software passed the request on to a service that nothing here attests",
            needs="exchanges with the service that answers",
            where=where,
        )
