"""Coverage-guided fuzzing of time-stamp tokens.

    python tests/fuzz/fuzz_timestamps.py -max_total_time=1200 CORPUS

Needs `atheris` and the `time` extra. The first byte of an input chooses a public response whose
authority is named; the rest takes its place. Findings are any exception but a `PotAuditError`, and
a verified token that says what no genuine one says: nobody signed that. Two of the responses are by
one authority, so either may stand in the other's place.
"""

import sys
from pathlib import Path

import atheris

with atheris.instrument_imports(include=["pot_reverify.timestamps", "pot_reverify.encoding"]):
    from pot_reverify.timestamps import chain, der, signer_info, token, verify  # noqa: F401

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from pot_reverify.errors import PotAuditError
from pot_reverify.policy import TimeAuthority
from pot_reverify.timestamps.verify import TimeStamp

PUBLIC = Path(__file__).parents[2] / "fixtures" / "public" / "rfc3161"
FILES = ("sigstage/response-sha256.tsr", "test_tsa/response.tsr", "sigstage/response-sha512.tsr")


def said(stamp: TimeStamp) -> tuple[object, ...]:
    """What a reader would rely on."""
    read = stamp.token
    return (
        read.imprint_algorithm, read.imprint, read.gen_time_ns, read.accuracy_ns, read.serial,
        read.policy, read.nonce, stamp.authority, stamp.certificate, stamp.not_after_ns,
    )  # fmt: skip


def appraise(number: int, data: bytes) -> TimeStamp:
    """Verify bytes as if they were that response."""
    certificates = CHAINS[number]
    authority = TimeAuthority("named", certificates[-1])
    read = token.parse_token(data, "fuzz")
    return verify.verify_time_stamp(read, (authority,), certificates[1:-1])


def one_input(data: bytes) -> None:
    if not data:
        return
    number = data[0] % len(FILES)
    try:
        stamp = appraise(number, data[1:])
    except PotAuditError:
        return
    assert said(stamp) in GENUINE


def _chain(file: str) -> list[bytes]:
    pem = (PUBLIC / file).with_name("ts_chain.pem").read_bytes()
    return [one.public_bytes(Encoding.DER) for one in x509.load_pem_x509_certificates(pem)]


CHAINS = [_chain(file) for file in FILES]
GENUINE = [said(appraise(i, (PUBLIC / file).read_bytes())) for i, file in enumerate(FILES)]


if __name__ == "__main__":
    corpus = next((Path(arg) for arg in sys.argv[1:] if not arg.startswith("-")), None)
    if corpus is not None:
        corpus.mkdir(parents=True, exist_ok=True)
        for place, name in enumerate(FILES):
            genuine = (PUBLIC / name).read_bytes()
            (corpus / f"genuine-{place}").write_bytes(bytes([place]) + genuine)
    atheris.Setup(sys.argv, one_input)
    atheris.Fuzz()
