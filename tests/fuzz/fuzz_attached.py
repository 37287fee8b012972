"""Coverage-guided fuzzing of what strangers append to a good bundle, up to the screen.

    python tests/fuzz/fuzz_attached.py -max_total_time=1200 [CORPUS]

Needs `atheris` and the `time` extra. The first byte of an input says what is appended: a token, a
statement in an envelope, a signature, or something else; the rest is its content, and a zero byte
followed by another of these bytes starts the next. Findings are any exception, a bug that the
verdict reports, a line of the screen with a control character, and a VERIFIED for a file whose
REJECTED says otherwise: what is appended can never name a signer or prove a time here.
"""

import io
import json
import sys
import unicodedata
from pathlib import Path

import atheris

with atheris.instrument_imports(include=["pot_reverify", "pot_audit.screen"]):
    from pot_audit.screen import verdict_lines
    from pot_reverify import Policy, VerdictWord, Withheld, load_signer
    from pot_reverify.container.frames import FrameType, encode_frame
    from pot_reverify.documents.blob import Attachment
    from pot_reverify.documents.dsse_envelope import MEDIA_TYPE as ENVELOPE
    from pot_reverify.documents.dsse_envelope import Envelope
    from pot_reverify.policy import TimeAuthority, TimePolicy
    from pot_reverify.timestamps.token import MEDIA_TYPE as TOKEN
    from pot_reverify.verify import verify_stream

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

FIXTURES = Path(__file__).parents[2] / "fixtures"
BUNDLE = (FIXTURES / "vectors" / "small.potb").read_bytes()
ROOT = x509.load_pem_x509_certificate((FIXTURES / "tsa" / "test-root.pem").read_bytes())
POLICY = Policy(
    signers=load_signer(FIXTURES / "keys" / "test-recorder.pub"),
    withheld=Withheld.SCORES,
    time=TimePolicy((TimeAuthority("test", ROOT.public_bytes(Encoding.DER)),)),
)
AT_NS = 1_800_000_000 * 10**9
_KINDS = 5


def appended(kind: int, content: bytes) -> bytes:
    """One frame of this kind."""
    if kind == 0:
        return encode_frame(FrameType.ATTACHMENT, Attachment(TOKEN, content or b"0").encode())
    if kind == 1:
        return encode_frame(FrameType.ATTACHMENT, Attachment(ENVELOPE, content or b"0").encode())
    if kind == 2:
        envelope = Envelope(content or b"{}", POLICY.signers[0].key.key_id, b"signature").to_json()
        return encode_frame(FrameType.ATTACHMENT, Attachment(ENVELOPE, envelope).encode())
    if kind == 3:
        return encode_frame(FrameType.SIGNATURE, content)
    return encode_frame(FrameType.ATTACHMENT, content)


def one_input(data: bytes) -> None:
    """Signatures have to come first, so kinds are sorted into that order."""
    parts = [part for part in data[:20_000].split(b"\x00\x00") if part][:8]
    frames = sorted((part[0] % _KINDS != 3, appended(part[0] % _KINDS, part[1:])) for part in parts)
    bundle = BUNDLE + b"".join(frame for _, frame in frames)
    verdict = verify_stream(io.BytesIO(bundle), len(bundle), POLICY, at_ns=AT_NS)
    if verdict.bug is not None:
        raise verdict.bug
    json.dumps(verdict.to_document(), ensure_ascii=False).encode()
    for line in verdict_lines(verdict):
        shown = "".join(char for char in line if char not in "\x1b\n")
        assert not any(unicodedata.category(char) in {"Cc", "Cf", "Cs"} for char in shown), line
    if verdict.word is VerdictWord.VERIFIED:
        assert {grade.value for grade in verdict.binding_grades} <= {"W", "unbound"}


def seeds() -> list[bytes]:
    tokens = sorted((FIXTURES / "public" / "rfc3161").glob("*/*.tsr"))
    return [b"\x00" + path.read_bytes() for path in tokens] + [b"\x01{}", b"\x02{}", b"\x03\x80"]


if __name__ == "__main__":
    for number, seed in enumerate(seeds()):
        one_input(seed)
        for corpus in filter(Path.is_dir, map(Path, sys.argv[1:])):
            (corpus / f"seed-{number}").write_bytes(seed)
    atheris.Setup(sys.argv, one_input)
    atheris.Fuzz()
