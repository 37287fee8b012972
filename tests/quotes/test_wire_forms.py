"""Evidence in the forms in which people keep it."""

import base64
import json

import pytest
from quote_samples import SAMPLES, pem, read

from pot_reverify.errors import Rejection
from pot_reverify.quotes.evidence import QuoteKind
from pot_reverify.quotes.wire_forms import read_evidence, read_quote, split_der

TDX = read("tdx/phala_tdx_quote.bin")
NITRO = read("nitro/veracruz_aws_nitro_document.cbor")


@pytest.mark.parametrize(
    "form",
    [
        lambda data: data,
        lambda data: data + bytes(70),
        lambda data: data.hex().encode(),
        lambda data: b"0x" + data.hex().encode() + b"\n",
        base64.b64encode,
        base64.encodebytes,
        lambda data: base64.urlsafe_b64encode(data).rstrip(b"="),
        lambda data: b"-----BEGIN X-----\n" + base64.encodebytes(data) + b"-----END X-----\n",
        lambda data: json.dumps({"quote": data.hex(), "event_log": "[]"}).encode(),
    ],
)  # fmt: skip
def test_every_form_is_the_same_quote(form):
    quote = read_quote(TDX)[1]
    assert read_quote(form(quote)) == (QuoteKind.TDX, quote)


def test_what_follows_a_quote_and_is_not_zero_is_left_for_the_verification():
    quote = read_quote(TDX)[1]
    assert read_quote(quote + b"\x01") == (QuoteKind.TDX, quote + b"\x01")


@pytest.mark.parametrize(
    ("path", "kind"),
    [
        ("sgx/automata_quotev3.hex", QuoteKind.SGX),
        ("tdx/dstack_quote-report.json", QuoteKind.TDX),
        ("tdx/gotdx_cos-113-tdx-quote.dat", QuoteKind.TDX),
        ("snp/virtee_report_milan.hex", QuoteKind.SEV_SNP),
        ("nitro/blocky_selfsigned_attestation.b64", QuoteKind.NITRO),
        ("nvidia/nvat_hopperAttestationReport.txt", QuoteKind.NVIDIA_GPU),
        ("nvidia/nvat_sad_hopperClaimsv3_detached_eat.json", QuoteKind.NRAS),
        ("vendor_formats/aci_report_fixture.json", QuoteKind.ACI),
    ],
)
def test_the_files_of_the_samples_are_read_as_they_are(path, kind):
    assert read_quote((SAMPLES / path).read_bytes())[0] is kind


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (b"", "quote.unknown-kind"),
        (b"hello, world", "quote.unknown-kind"),
        (b"{}", "quote.unknown-kind"),
        (b"{", "quote.json"),
        (b'{"quote": "zz"}', "quote.json"),
        (b'{"quote": 1}', "quote.unknown-kind"),
        (b"-----BEGIN X-----\nA\n-----END X-----", "quote.unknown-kind"),
        (bytes(9 << 20), "quote.too-large"),
    ],
)
def test_other_files_are_refused(data, code):
    with pytest.raises(Rejection) as caught:
        read_quote(data)
    assert caught.value.code == code


def test_certificates_come_in_pem_or_der_and_in_order():
    chain = pem("snp_roots/ask_ark_milan.pem")
    text = (SAMPLES / "snp_roots/ask_ark_milan.pem").read_bytes()
    assert split_der(text) == chain
    assert split_der(chain[0]) == (chain[0],)
    evidence = read_evidence(NITRO, b"{}", [chain[0], text], [b"crl"])
    assert (evidence.certificates, evidence.crls) == ((chain[0], *chain), (b"crl",))
    with pytest.raises(Rejection, match=r"quote\.certificate-malformed"):
        split_der(b"-----BEGIN CERTIFICATE-----\nA\n-----END CERTIFICATE-----")
