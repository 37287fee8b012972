"""Nitro documents: public samples, derived negatives, and one fault at a time under a test root."""

import base64

import pytest
from quote_factories import (
    NITRO_SAMPLE,
    cbor,
    nitro_chain,
    nitro_document,
    nitro_fields,
    nitro_sample,
)
from quote_samples import SOURCES, ns, read, rows, verdict

from pot_reverify.errors import Rejection
from pot_reverify.quotes import strict_cbor
from pot_reverify.quotes.evidence import QuoteEvidence, QuoteKind, QuotePolicy
from pot_reverify.quotes.verify import verify_quote

NOW = ns("2026-11-22T00:00:00Z")
SAMPLES = [
    name
    for name, row in SOURCES.items()
    if name.startswith("nitro/") and "ref=" in row["verified_when_and_result"]
]
NEGATIVES = dict(
    line.split("\t") for line in read("nitro_negative/cases.tsv").decode().splitlines()
)
NEGATIVE_CODES = {
    "valid_retagged_18": "genuine",
    "pcr0_changed": "quote.signature",
    "nonce_changed": "quote.signature",
    "sig_zero": "quote.signature",
    "alg_es256": "quote.algorithm",
    "alg_in_unprotected": "quote.algorithm",
    "trailing": "quote.trailing-bytes",
    "truncated": "quote.truncated",
    "dup_key_payload": "quote.cbor",
    "foreign_root_same_cn": "quote.root-not-pinned",
    "leaf_signed_by_own_key_but_real_bundle": "quote.chain-order",
}


def judge(data: bytes, policy: QuotePolicy | None = None, at_ns: int = NOW) -> str:
    evidence = QuoteEvidence(QuoteKind.NITRO, data)
    return verdict(lambda: verify_quote(evidence, at_ns=at_ns, policy=policy or QuotePolicy()))


@pytest.mark.parametrize("name", SAMPLES)
def test_every_sample_has_the_verdict_of_its_row(name: str) -> None:
    row = SOURCES[name]
    result = row["verified_when_and_result"].split("ref=")[1]
    if result == "OK":
        appraisal = verify_quote(
            QuoteEvidence(QuoteKind.NITRO, read(name)), at_ns=NOW, policy=QuotePolicy()
        )
        stated = dict(item.split("=") for item in row["expected_measurements"].split(" "))
        assert appraisal.registers["pcr0"].hex() == stated["PCR0"]
        assert (
            f"checked at signed timestamp {appraisal.claims['stated']}"
            in row["verified_when_and_result"]
        )
        assert (
            appraisal.bindings.get("nonce", b"")
            .hex()
            .startswith(stated.get("nonce", "").rstrip("."))
        )
    else:
        expected = "quote.debug" if "DEBUG" in result else "quote.signature"
        assert judge(read(name)) == expected


def test_eight_samples_are_good_and_three_are_debug() -> None:
    verdicts = [judge(read(name)) for name in SAMPLES]
    assert verdicts.count("quote.debug") == 3
    assert verdicts.count("genuine") == len(verdicts) - 4


@pytest.mark.parametrize("case", NEGATIVE_CODES)
def test_every_derived_case_has_the_verdict_of_its_row(case: str) -> None:
    assert NEGATIVES[case].startswith("OK") == (NEGATIVE_CODES[case] == "genuine")
    assert judge(read(f"nitro_negative/{case}.cbor")) == NEGATIVE_CODES[case]


def test_a_self_signed_document() -> None:
    data = base64.b64decode(read("nitro/blocky_selfsigned_attestation.b64"))
    assert judge(data) == "quote.malformed"


def test_right_and_wrong_nonce() -> None:
    nonce = nitro_sample()["nonce"]
    assert judge(read(NITRO_SAMPLE), QuotePolicy(bindings={"nonce": nonce})) == "genuine"
    other = QuotePolicy(bindings={"nonce": nonce[:-1] + b"\0"})
    assert judge(read(NITRO_SAMPLE), other) == "quote.binding"
    absent = QuotePolicy(bindings={"public_key": b"key"})
    assert judge(read(NITRO_SAMPLE), absent) == "quote.binding"


def test_a_document_is_judged_at_its_own_time_and_not_before() -> None:
    """A leaf lives three hours; an archive lives longer."""
    stated_ns = nitro_sample()["timestamp"] * 10**6
    appraisal = verify_quote(
        QuoteEvidence(QuoteKind.NITRO, read(NITRO_SAMPLE)), at_ns=NOW, policy=QuotePolicy()
    )
    assert appraisal.evaluated_at_ns == stated_ns
    assert appraisal.window.not_after_ns < NOW
    assert judge(read(NITRO_SAMPLE), at_ns=stated_ns) == "genuine"
    assert judge(read(NITRO_SAMPLE), at_ns=stated_ns - 1) == "quote.not-yet-valid"


# Under a test root.

CHAIN = nitro_chain()
TEST_ROOT = QuotePolicy(roots={"aws": (CHAIN.root,)})


def judge_fields(**changed: object) -> str:
    return judge(nitro_document(CHAIN, cbor(nitro_fields(CHAIN, **changed))), TEST_ROOT)


def test_a_reissued_sample_is_genuine_under_its_root() -> None:
    assert judge_fields() == "genuine"


@pytest.mark.parametrize(
    ("changed", "code"),
    [
        ({"pcrs": {**nitro_sample()["pcrs"], **dict.fromkeys(range(3), bytes(48))}}, "quote.debug"),
        ({"pcrs": {0: b"\1" * 48}}, "quote.malformed"),
        ({"pcrs": {**nitro_sample()["pcrs"], 40: bytes(48)}}, "quote.malformed"),
        ({"pcrs": {**nitro_sample()["pcrs"], 4: bytes(47)}}, "quote.malformed"),
        ({"pcrs": {**nitro_sample()["pcrs"], 4: "text"}}, "quote.malformed"),
        ({"pcrs": ()}, "quote.malformed"),
        ({"digest": "SHA256"}, "quote.malformed"),
        ({"timestamp": 0}, "quote.malformed"),
        ({"timestamp": None}, "quote.malformed"),
        ({"timestamp": nitro_sample()["timestamp"] + 4 * 3600 * 1000}, "quote.time"),
        ({"timestamp": nitro_sample()["timestamp"] - 4 * 3600 * 1000}, "quote.time"),
        ({"nonce": bytes(1025)}, "quote.malformed"),
        ({"user_data": "text"}, "quote.malformed"),
        ({"cabundle": ()}, "quote.malformed"),
        ({"cabundle": (1,)}, "quote.malformed"),
        ({"cabundle": tuple(reversed(CHAIN.certificates)) * 3}, "quote.malformed"),
        ({"cabundle": (bytes(1025),)}, "quote.malformed"),
        ({"certificate": None}, "quote.malformed"),
        ({"cabundle": CHAIN.certificates[1:]}, "quote.chain-order"),
        ({"cabundle": tuple(reversed(CHAIN.certificates[1:-1]))}, "genuine"),
    ],
)
def test_one_field_at_a_time(changed: dict[str, object], code: str) -> None:
    assert judge_fields(**changed) == code


def test_a_key_that_occurs_twice_under_a_good_signature() -> None:
    """A decoder that keeps the last would read other PCRs than one that keeps the first."""
    fields = list(nitro_fields(CHAIN).items())
    twice = [*fields, ("nonce", b"second")]
    assert judge(nitro_document(CHAIN, cbor(twice)), TEST_ROOT) == "quote.cbor"


def test_a_payload_of_indefinite_length_is_read_as_the_security_module_writes_it() -> None:
    definite = cbor(nitro_fields(CHAIN))
    assert definite[0] == 0xA9
    indefinite = b"\xbf" + definite[1:] + b"\xff"
    assert judge(nitro_document(CHAIN, indefinite), TEST_ROOT) == "genuine"
    assert judge(nitro_document(CHAIN, indefinite + b"\x00"), TEST_ROOT) == "quote.trailing-bytes"


def test_the_protected_header_is_exactly_es384() -> None:
    payload = cbor(nitro_fields(CHAIN))
    document = nitro_document(CHAIN, payload, protected=b"\xa1\x01\x26")
    assert judge(document, TEST_ROOT) == "quote.algorithm"
    document = nitro_document(CHAIN, payload, protected=cbor({1: -35, 4: b"key"}))
    assert judge(document, TEST_ROOT) == "quote.algorithm"


def test_shapes_of_envelopes() -> None:
    protected = b"\xa1\x01\x38\x22"
    assert judge(cbor((protected, {}, b"\xa0", b"short"))) == "quote.malformed"
    assert judge(cbor((protected, {}, b"\xa0", bytes(96)))) == "quote.malformed"
    assert judge(cbor((protected, {}, None, bytes(96)))) == "quote.malformed"
    assert judge(cbor((protected, {}, b"\xa0", bytes(96)))[:-1]) == "quote.truncated"


@pytest.mark.parametrize(
    "data",
    [
        "5f4101ff",  # a byte string in pieces
        "9f01ff",  # an array of indefinite length
        "a2010101",  # cut in a map
        "a201010102",  # a key twice
        "a14101f6",  # a key of bytes
        "fb3ff0000000000000",  # a float
        "f5",  # true
        "c101",  # a tag
        "1c",  # a reserved length
        "62c328",  # text that is not UTF-8
        "8181818181818181818100",  # deep
        "ff",  # a break alone
        "0000",  # two items
        "",
        "1b",
    ],
)
def test_cbor_that_is_not_read(data: str) -> None:
    with pytest.raises(Rejection) as caught:
        strict_cbor.decode(bytes.fromhex(data))
    assert caught.value.code in {"quote.cbor", "quote.truncated", "quote.trailing-bytes"}


@pytest.mark.parametrize("size", [0, 23, 24, 255, 256, 65535, 65536])
def test_byte_strings_have_their_shortest_head(size: int) -> None:
    assert strict_cbor.encode_bytes(bytes(size)) == cbor(bytes(size))
    assert strict_cbor.decode(cbor(bytes(size))) == bytes(size)


def test_the_table_of_cases_is_used_whole() -> None:
    """Rows without a file are other arguments for the same document, and are tests above."""
    without_file = set(NEGATIVES) - set(NEGATIVE_CODES)
    assert without_file == {
        "user_data_changed",
        "timestamp_changed",
        "chain_missing_root",
        "leaf_replaced_by_intermediate",
        "cert_valid_at_now_expired",
        "before_leaf",
        "nonce_mismatch_param",
        "right_nonce",
    }
    assert rows("nitro_negative/cases.tsv")


def test_a_leaf_that_is_an_intermediate() -> None:
    _, *issuers = CHAIN.certificates
    fields = nitro_fields(CHAIN, certificate=issuers[0], cabundle=tuple(reversed(issuers[1:])))
    assert judge(nitro_document(CHAIN, cbor(fields)), TEST_ROOT) == "quote.chain-constraints"
