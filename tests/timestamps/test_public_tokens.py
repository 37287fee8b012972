"""Public responses get the verdict that their source names."""

import hashlib
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from pot_reverify.errors import PotAuditError
from pot_reverify.policy import TimeAuthority
from pot_reverify.timestamps.token import parse_token
from pot_reverify.timestamps.verify import verify_time_stamp, verify_token

PUBLIC = Path(__file__).parents[2] / "fixtures" / "public" / "rfc3161"
NS = 10**9
HELLO, LOCAL = b"hello", (PUBLIC / "local-openssl" / "sig.bin").read_bytes()
PAYLOAD = (PUBLIC / "sigstore.mock" / "payload").read_bytes()


def chain(folder):
    if folder == "local-openssl":
        pems = [(PUBLIC / folder / name).read_bytes() for name in ("tsa.pem", "ca.pem")]
        return [der for pem in pems for der in ders(pem)]
    data = (PUBLIC / folder / "ts_chain.pem").read_bytes()
    return [data] if data.startswith(b"0") else ders(data)


def ders(pem):
    return [one.public_bytes(Encoding.DER) for one in x509.load_pem_x509_certificates(pem)]


def verify(file, message, *, pinned=False):
    folder = file.split("/")[0]
    certificates = chain(folder)
    authority = TimeAuthority(folder, certificates[-1], certificates[0] if pinned else None)
    data = (PUBLIC / file).read_bytes()
    intermediates = certificates[1:-1]
    if message is None:
        return verify_time_stamp(parse_token(data, file), [authority], intermediates)
    return verify_token(data, message, [authority], intermediates)


@pytest.mark.parametrize(
    ("file", "message", "pinned", "gen_time"),
    [
        ("identrust/issue-104.tsr", None, False, 1741683128),
        ("local-openssl/r-yes.tsr", LOCAL, False, 1795364306),
        ("local-openssl/r-yes.tsr", LOCAL, True, 1795364306),
        ("local-openssl/r-no.tsr", LOCAL, True, 1795364267),
        ("sigstage/response-sha256.tsr", HELLO, False, 1746791935),
        ("sigstage/response-sha384.tsr", HELLO, False, 1746791935),
        ("sigstage/response-sha512.tsr", HELLO, True, 1746791936),
        ("sigstage/response-no-embedded-cert.tsr", HELLO, True, 1750234382),
        # "Expired" by now; the chain is judged at the time in the token.
        ("sigstore.mock/response-expired.tsr", PAYLOAD, True, 1675209600),
        ("test_tsa/response.tsr", HELLO, False, 1728402032),
        ("test_tsa/response.tsr", HELLO, True, 1728402032),
        # Two strangers' certificates ride along; the signer is the one that the signature names.
        ("test_tsa/response-injected-certs.tsr", HELLO, False, 1728402032),
        ("test_tsa/response-injected-certs.tsr", HELLO, True, 1728402032),
    ],
)
def test_a_good_response_proves_its_time(file, message, pinned, gen_time):
    assert verify(file, message, pinned=pinned).gen_time_ns == gen_time * NS


@pytest.mark.parametrize(
    ("file", "message", "code"),
    [
        ("sigstage/response-invalid-signature.tsr", HELLO, "time.token-signature"),
        ("sigstage/response-sha256.tsr", b"hello\n", "time.token-imprint"),
        ("sigstage/response-no-embedded-cert.tsr", HELLO, "time.authority-not-named"),
        ("local-openssl/r-chain.tsr", LOCAL, "time.token-malformed"),  # an unsorted SET
    ],
)
def test_a_bad_response_is_told_apart(file, message, code):
    with pytest.raises(PotAuditError) as error:
        verify(file, message)
    assert error.value.code == code


def test_an_injected_certificate_is_never_the_signer():
    """What rfc3161-client 1.0.6 fixed: the stamp of one authority passed as another's."""
    data = (PUBLIC / "test_tsa/response-injected-certs.tsr").read_bytes()
    token = parse_token(data, "injected")
    assert len(token.certificates) == 3
    certificates = chain("test_tsa")
    genuine = certificates[0]
    for der in token.certificates:
        if der == genuine:
            continue
        for authority in (TimeAuthority("leaf", certificates[-1], der), TimeAuthority("root", der)):
            with pytest.raises(PotAuditError) as error:
                verify_time_stamp(token, [authority], certificates[1:-1])
            assert error.value.code in {"time.authority-not-named", "time.root-not-self-issued"}


def test_another_request_is_another_imprint():
    token = parse_token((PUBLIC / "test_tsa/other_response.tsr").read_bytes(), "other")
    assert token.imprint_algorithm == "sha512"
    assert token.imprint != hashlib.sha512(b"goodbye").digest()
    assert not token.covers(b"")
