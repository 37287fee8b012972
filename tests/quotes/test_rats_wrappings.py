"""Reports inside what RATS software puts around them, and what such a wrapping cannot do.

The reports and certificates are public samples; the wrappings are built as Linux and ratsd do
(docs/tsm-report.cddl, docs/ratsd-token.cddl of veraison/ratsd).
"""

import base64
import json
import uuid
from functools import partial

import pytest
from quote_factories import cbor
from quote_samples import ns, pem, read, verdict

from pot_reverify.errors import Rejection
from pot_reverify.quotes.evidence import QuoteKind, QuotePolicy
from pot_reverify.quotes.snp_certificate_table import parse_certificate_table
from pot_reverify.quotes.verify import verify_quote
from pot_reverify.quotes.wire_forms import read_evidence, read_quote

REPORT = read("snp/trustee_test-report.bin")
VCEK = read("snp/trustee_test-vcek.der")
ASK, ARK = pem("snp_roots/ask_ark_milan.pem")
CRL = read("snp/openpcc_crl_milan.der")
TDX = read("tdx/phala_tdx_quote.bin")
AT = ns("2025-08-10T00:00:00Z")
NO_CRL = QuotePolicy(revocation_required=False)

GUIDS = {
    "ark": "c0b406a4-a803-4952-9743-3fb6014cd0ae",
    "ask": "4ab7b379-bbac-4fe4-a02f-05aef327c782",
    "vcek": "63da758d-e664-4564-adc5-f4b93be8accd",
    "vlek": "a8074bc2-a25a-483e-aae6-39c045a0b8a1",
    "crl": "92f81bc3-5811-4d3d-97ff-d19f88dc67ea",
    "other": "fbe0085a-cb77-4f4d-8f30-5f3b0b0bff00",
}
TSM_JSON = "application/vnd.veraison.tsm-report+json"
TSM_CBOR = "application/vnd.veraison.tsm-report+cbor"
COLLECTION = "tag:github.com,2025:veraison/ratsd/cmw"


def to_pem(der: bytes) -> bytes:
    body = base64.encodebytes(der)
    return b"-----BEGIN CERTIFICATE-----\n" + body + b"-----END CERTIFICATE-----\n"


def table(**entries: bytes) -> bytes:
    """The host's table: entries, an entry of zeros, and the values."""
    offset, heads, values = 24 * (len(entries) + 1), b"", b""
    for name, value in entries.items():
        heads += uuid.UUID(GUIDS[name]).bytes
        heads += offset.to_bytes(4, "little") + len(value).to_bytes(4, "little")
        values += value
        offset += len(value)
    return heads + bytes(24) + values


CHAIN_TABLE = table(ark=to_pem(ARK), ask=to_pem(ASK), vcek=to_pem(VCEK))


def b64u(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def b64(data: bytes) -> str:
    return base64.b64encode(data).decode()


def tsm(encode=b64u, **changed: object) -> dict[str, object]:
    fields = {"auxblob": CHAIN_TABLE, "outblob": REPORT, "provider": "sev_guest\n", **changed}
    return {
        name: encode(value) if isinstance(value, bytes) else value
        for name, value in fields.items()
        if value is not None
    }


def tsm_cbor(**changed: object) -> bytes:
    return cbor(tsm(lambda data: data, **changed))


def tsm_json(encode=b64u, **changed: object) -> bytes:
    return json.dumps(tsm(encode, **changed)).encode()


def collection(*records: object, kind: str = COLLECTION) -> dict[str, object]:
    return {"__cmwc_t": kind, **{f"attester-{n}": one for n, one in enumerate(records)}}


def token(cmw: object) -> bytes:
    return json.dumps(
        {
            "cmw": cmw,
            "eat_nonce": "byTWuWNaLIu_WOkIuU4Ewb",
            "eat_profile": "tag:github.com,2024:veraison/ratsd",
        }
    ).encode()


RECORD = [TSM_JSON, b64u(tsm_json())]
CBOR_COLLECTION = {"__cmwc_t": COLLECTION + "/v2", "configfs-tsm": (TSM_CBOR, tsm_cbor())}
WRAPPINGS = {
    "tsm json, base64url": tsm_json(),
    "tsm json, as go writes it": tsm_json(b64),
    "tsm json with a service": json.dumps({**tsm(), "service": {}}).encode(),
    "tsm cbor": tsm_cbor(),
    "tsm cbor, provider as bytes": tsm_cbor(provider=b"sev_guest\n"),
    "record": json.dumps(RECORD).encode(),
    "record with its indicator": json.dumps([*RECORD, 4]).encode(),
    "record of the older type": json.dumps(
        ["application/vnd.veraison.configfs-tsm+json", b64u(tsm_json())]
    ).encode(),
    "record of cbor in json": json.dumps([TSM_CBOR, b64u(tsm_cbor())]).encode(),
    "record in cbor": cbor((TSM_CBOR, tsm_cbor())),
    "collection": json.dumps(collection(RECORD)).encode(),
    "collection inside a collection": json.dumps(collection(collection(RECORD))).encode(),
    "collection with others": json.dumps(
        collection(["application/json", b64u(b"{}")], RECORD, ["text/plain", "eA"])
    ).encode(),
    "collection in cbor": cbor(CBOR_COLLECTION),
    "ratsd token": token(b64u(json.dumps(collection(RECORD)).encode())),
    "ratsd token, as the services' sample": token(b64(json.dumps(collection(RECORD)).encode())),
    "token with the collection itself": token(collection(RECORD)),
    "ratsd token v2": b"\xd2" + cbor((cbor({33: b"x"}), {}, cbor(CBOR_COLLECTION), bytes(64))),
    "ratsd token v2, no tag": cbor((b"\xa0", {}, cbor(CBOR_COLLECTION), bytes(64))),
    "base64 of tsm cbor": base64.encodebytes(tsm_cbor()),
    "hex of tsm cbor": tsm_cbor().hex().encode(),
}


@pytest.mark.parametrize("name", WRAPPINGS)
def test_the_report_inside_is_judged_with_the_certificates_beside_it(name):
    evidence = read_evidence(WRAPPINGS[name], b"", [], [])
    assert (evidence.kind, evidence.data) == (QuoteKind.SEV_SNP, REPORT)
    assert evidence.certificates == (VCEK, ASK, ARK)
    appraisal = verify_quote(evidence, at_ns=AT, policy=NO_CRL)
    assert appraisal.product == "Milan"
    assert read_quote(WRAPPINGS[name]) == (QuoteKind.SEV_SNP, REPORT)


def test_a_report_without_its_table_lacks_its_chain():
    """Could not tell, as for a VCEK that came alone."""
    for alone, code in (
        (tsm_json(auxblob=None), "quote.certificate-missing"),
        (tsm_json(auxblob=b""), "quote.certificate-missing"),
        (tsm_json(auxblob=table(vcek=VCEK)), "quote.certificate-missing"),
        (tsm_json(auxblob=table(ask=ASK, vcek=VCEK)), "genuine"),  # the pinned root is known
        (tsm_json(auxblob=table()), "quote.certificate-missing"),
        (tsm_json(auxblob=table(other=b"?", vcek=VCEK, ask=ASK)), "genuine"),
    ):
        evidence = read_evidence(alone, b"", [], [])
        assert verdict(lambda one=evidence: verify_quote(one, at_ns=AT, policy=NO_CRL)) == code


def test_the_hosts_revocation_list_counts():
    for auxblob, code in (
        (table(vcek=VCEK, ask=ASK), "quote.crl-missing"),
        (table(vcek=VCEK, ask=ASK, crl=CRL), "genuine"),
    ):
        evidence = read_evidence(tsm_json(auxblob=auxblob), b"", [], [])
        run = partial(verify_quote, evidence, at_ns=AT, policy=QuotePolicy())
        assert verdict(run) == code


def test_what_the_reader_gives_stands_before_what_the_wrapping_brought():
    evidence = read_evidence(tsm_json(auxblob=table(vcek=b"junk")), b"", [VCEK, ASK], [CRL])
    assert evidence.certificates == (VCEK, ASK)
    assert evidence.crls == (CRL,)


def test_a_tdx_quote_comes_in_the_same_wrappings():
    quote = read_quote(TDX)[1]
    for data in (
        tsm_json(outblob=quote, provider="tdx_guest", auxblob=b"of a format of its own"),
        tsm_cbor(outblob=TDX, provider="tdx_guest\n", auxblob=None),
    ):
        evidence = read_evidence(data, b"", [], [])
        assert (evidence.kind, evidence.data, evidence.certificates) == (QuoteKind.TDX, quote, ())


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (tsm_json(provider="tdx_guest"), "quote.kind"),
        (tsm_json(provider="arm_cca_guest"), "quote.kind"),
        (tsm_json(outblob=b"no report"), "quote.unknown-kind"),
        (tsm_json(outblob="!"), "quote.wrapping"),
        (tsm_json(outblob=1), "quote.wrapping"),
        (tsm_json(provider=1), "quote.wrapping"),
        (tsm_json(auxblob="?"), "quote.wrapping"),
        (tsm_json(auxblob=1), "quote.wrapping"),
        (tsm_json(auxblob=CHAIN_TABLE[:23]), "quote.wrapping"),
        (json.dumps(collection(RECORD, RECORD)).encode(), "quote.wrapping"),
        (json.dumps(collection()).encode(), "quote.unknown-kind"),
        (json.dumps(["application/json", b64u(tsm_json())]).encode(), "quote.unknown-kind"),
        (json.dumps([TSM_JSON, b64u(b"{")]).encode(), "quote.json"),
        (token(b64u(b"[]")), "quote.unknown-kind"),
        (token("!"), "quote.wrapping"),
        (
            json.dumps(collection(collection(collection(collection(collection(RECORD)))))).encode(),
            "quote.wrapping",
        ),
        (cbor({"outblob": REPORT}), "quote.unknown-kind"),
        (tsm_cbor() + b"\0", "quote.unknown-kind"),
    ],
)
def test_wrappings_that_hold_no_one_report(data, code):
    with pytest.raises(Rejection) as refused:
        read_evidence(data, b"", [], [])
    assert refused.value.code == code


def test_a_changed_report_is_refused_in_every_wrapping():
    changed = REPORT[:0x90] + bytes([REPORT[0x90] ^ 1]) + REPORT[0x91:]
    for data in (tsm_json(outblob=changed), tsm_cbor(outblob=changed)):
        evidence = read_evidence(data, b"", [], [])
        code = verdict(lambda one=evidence: verify_quote(one, at_ns=AT, policy=NO_CRL))
        assert code == "quote.signature"


@pytest.mark.parametrize(
    "data",
    [
        b"",
        bytes(23),
        table(vcek=VCEK)[:48],
        table(vcek=VCEK)[:-1],
        table(vcek=b"")[:16] + b"\xff" * 8 + bytes(24),
        (table(vcek=b"")[:24] * 2) + bytes(24),
        b"".join(bytes([n]) * 24 for n in range(1, 18)) + bytes(24),
    ],
)
def test_tables_that_are_none(data):
    with pytest.raises(Rejection) as refused:
        parse_certificate_table(data)
    assert refused.value.code == "quote.wrapping"


def test_a_vlek_stands_first_and_no_table_is_an_empty_one():
    assert parse_certificate_table(table(ask=b"2", vlek=b"1")).certificates == (b"1", b"2")
    assert parse_certificate_table(bytes(24)).certificates == ()
