"""Evidence documents and exchanges: what is written is read, and nothing else is."""

import base64
import json
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from pot_reverify.checks.schemas import schema
from pot_reverify.documents.evidence_document import (
    ABOUT_TYPE,
    CERTIFICATES_TYPE,
    CRLS_TYPE,
    QUOTE_TYPE,
    Binding,
    EvidenceDocument,
    Subject,
    parse_evidence_document,
)
from pot_reverify.documents.exchanges import (
    Exchange,
    ExchangeForm,
    Exchanges,
    ProbeQuestion,
    exchange_digest,
    parse_answer,
    parse_exchanges,
    parse_question,
    response_body,
)
from pot_reverify.errors import Rejection
from pot_reverify.quotes.evidence import QuoteEvidence, QuoteKind

QUOTE = QuoteEvidence(QuoteKind.SEV_SNP, b"q", certificates=(b"a", b"b"), crls=(b"c",))
DOCUMENT = EvidenceDocument(Binding.RUN, Subject.RUN, QUOTE)
BYTES = st.binary(min_size=1, max_size=40)
QUOTES = st.builds(
    QuoteEvidence,
    st.sampled_from(QuoteKind),
    BYTES,
    collateral=st.binary(max_size=9),
    certificates=st.lists(BYTES, max_size=16).map(tuple),
    crls=st.lists(BYTES, max_size=8).map(tuple),
)
ONE_MODEL = st.sampled_from([Subject.REFERENCE, Subject.CANDIDATE])
DOCUMENTS = st.one_of(
    st.builds(EvidenceDocument, st.just(Binding.RUN), st.sampled_from(Subject), QUOTES),
    st.builds(EvidenceDocument, st.just(Binding.CHANNEL), ONE_MODEL, QUOTES, channel_key=BYTES),
    st.builds(
        EvidenceDocument,
        st.just(Binding.KEY),
        ONE_MODEL,
        QUOTES,
        exchanges=st.lists(st.just("exchange/x"), min_size=1, max_size=64).map(tuple),
    ),
)


def refusal(data: bytes) -> str:
    with pytest.raises(Rejection) as caught:
        parse_evidence_document(data, "quote/x.json")
    return caught.value.code


def edited(**changed: object) -> bytes:
    return json.dumps({**json.loads(DOCUMENT.to_json()), **changed}).encode()


def about(**changed: object) -> bytes:
    decoded = json.loads(DOCUMENT.to_json())
    text = decoded["about"][1]
    inner = json.loads(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)))
    raw = json.dumps({**inner, **changed}).encode()
    decoded["about"][1] = base64.urlsafe_b64encode(raw).rstrip(b"=").decode()
    return json.dumps(decoded).encode()


@given(DOCUMENTS)
@settings(derandomize=True, deadline=None)
def test_what_is_written_is_read_and_conforms(document):
    data = document.to_json()
    assert parse_evidence_document(data, "x") == document
    assert Draft202012Validator(schema("evidence")).is_valid(json.loads(data))


@pytest.mark.parametrize(
    ("changed", "code"),
    [
        ({"__cmwc_t": "tag:pot-audit,2026:evidence/2"}, "schema.unknown-value"),
        ({"verdict": ["application/json", "AA", 8]}, "schema.unknown-field"),
        ({"evidence": [QUOTE_TYPE + "sgx", "cQ", 2]}, "schema.wrong-type"),
        ({"evidence": [QUOTE_TYPE + "sgx", "cQ"]}, "schema.wrong-type"),
        ({"evidence": [QUOTE_TYPE + "tpm", "cQ", 4]}, "schema.unknown-value"),
        ({"evidence": [QUOTE_TYPE + "sgx", "cR", 4]}, "evidence.base64"),
        ({"evidence": [QUOTE_TYPE + "sgx", "cQ==", 4]}, "evidence.base64"),
        ({"evidence": [QUOTE_TYPE + "sgx", "c+", 4]}, "evidence.base64"),
        ({"evidence": [QUOTE_TYPE + "sgx", "c!", 4]}, "evidence.base64"),
        ({"evidence": [QUOTE_TYPE + "sgx", "c", 4]}, "evidence.base64"),
        ({"evidence": [QUOTE_TYPE + "sgx", "\u00e9", 4]}, "evidence.base64"),
        ({"collateral": ["application/json", "AA", True]}, "schema.wrong-type"),
        ({"collateral": ["application/cbor", "AA", 2]}, "schema.unknown-value"),
        ({"certificates": {"__cmwc_t": CERTIFICATES_TYPE}}, "schema.missing-field"),
        (
            {
                "certificates": {
                    "__cmwc_t": CERTIFICATES_TYPE,
                    "1": ["application/pkix-cert", "AA", 2],
                }
            },
            "schema.unknown-field",
        ),
        (
            {"crls": {"__cmwc_t": CRLS_TYPE, "0": ["application/pkix-cert", "AA", 2]}},
            "schema.unknown-value",
        ),
        ({"about": ["application/json", "e30"]}, "schema.unknown-value"),
        ({"about": [ABOUT_TYPE, "e30", 4]}, "schema.wrong-type"),
    ],
)
def test_other_collections_are_refused(changed, code):
    data = edited(**changed)
    assert refusal(data) == code


@pytest.mark.parametrize(
    ("changed", "code"),
    [
        ({"binding": "key"}, "evidence.purpose"),
        ({"binding": "channel"}, "evidence.purpose"),
        ({"channel_key": "MAA"}, "evidence.purpose"),
        ({"exchanges": ["exchange/x"]}, "evidence.purpose"),
        ({"exchanges": ["quote/x"]}, "schema.unknown-value"),
        ({"exchanges": [1]}, "schema.unknown-value"),
        ({"binding": "weights"}, "schema.unknown-value"),
        ({"subject": "both"}, "schema.unknown-value"),
        ({"kind": "x"}, "schema.unknown-value"),
        ({"nonce": "00"}, "schema.unknown-field"),
    ],
)
def test_other_purposes_are_refused(changed, code):
    assert refusal(about(**changed)) == code


def test_a_key_or_a_channel_is_one_models():
    for binding, more in (
        (Binding.CHANNEL, {"channel_key": b"k"}),
        (Binding.KEY, {"exchanges": ("exchange/x",)}),
    ):
        with pytest.raises(Rejection, match=r"evidence\.purpose"):
            EvidenceDocument(binding, Subject.RUN, QUOTE, **more)


def test_more_certificates_than_any_chain_are_refused():
    many = {str(n): ["application/pkix-cert", "AA", 2] for n in range(17)}
    data = edited(certificates={"__cmwc_t": CERTIFICATES_TYPE, **many})
    assert refusal(data) == "schema.unknown-field"


EXCHANGES = Exchanges(ExchangeForm.ACI, (Exchange(b"a", b"b", b"c"), Exchange(b"", b"", b"")))
QUESTION = ProbeQuestion(bytes(32), "model", "text", b"\x00" * 8, b"\x01", b"\x02" * 4)


def test_exchanges_are_read_as_they_are_written():
    assert parse_exchanges(EXCHANGES.encode(), "x") == EXCHANGES
    assert parse_question(QUESTION.to_json(), "x") == QUESTION
    assert parse_answer(response_body(b"\xff" * 8), "x") == b"\xff" * 8
    for broken in (b"\x80", EXCHANGES.encode()[:-1], replace(EXCHANGES, exchanges=()).encode()):
        with pytest.raises(Rejection):
            parse_exchanges(broken, "x")
    with pytest.raises(Rejection, match=r"schema\.wrong-type"):
        parse_exchanges(
            replace(EXCHANGES, exchanges=(Exchange(bytes(1 << 21), b"", b""),)).encode(), "x"
        )


@pytest.mark.parametrize(
    ("old", "new", "code"),
    [
        (b'"AQ=="', b'"AQ"', "evidence.base64"),
        (b'"AQ=="', b'"AR=="', "evidence.base64"),
        (b'"00', b'"zz', "schema.wrong-type"),
        (b'"kind"', b'"mind"', "schema.missing-field"),
    ],
)
def test_other_requests_are_refused(old, new, code):
    body = QUESTION.to_json()
    assert old in body
    with pytest.raises(Rejection) as caught:
        parse_question(body.replace(old, new, 1), "x")
    assert caught.value.code == code


def test_the_digest_keeps_its_parts_apart():
    parts = ("ab", b"c", b"d", b"e", b"f")
    moved = ("a", b"bc", b"d", b"e", b"f")
    assert exchange_digest(*parts) != exchange_digest(*moved)
