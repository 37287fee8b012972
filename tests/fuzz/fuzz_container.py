"""Coverage-guided fuzzing of whole bundles.

    python tests/fuzz/fuzz_container.py -max_total_time=60 [CORPUS]

Needs `atheris`; give `fixtures/vectors` as the corpus. Any exception is a finding, and so is a
VERIFIED that is not one of the good files.
"""

import io
import struct
import sys
import zlib
from pathlib import Path

import atheris

with atheris.instrument_imports(include=["pot_reverify"]):
    from pot_reverify import Policy, VerdictWord, Withheld, load_signer
    from pot_reverify.container.frames import HEADER, read_frames
    from pot_reverify.verify import verify_stream

VECTORS = Path(__file__).parents[2] / "fixtures" / "vectors"
KEYS = VECTORS.parent / "keys"
POLICY = Policy(
    signers=(*load_signer(KEYS / "test-recorder.pub"), *load_signer(KEYS / "test-recorder-pq.pub")),
    withheld=Withheld.SCORES,
)


def verdict_word(data: bytes) -> VerdictWord:
    """The verdict of a reader who names every test key but the stranger's."""
    return verify_stream(io.BytesIO(data), len(data), POLICY).word


GOOD = {
    data
    for data in (path.read_bytes() for path in sorted(VECTORS.glob("*.potb")))
    if verdict_word(data) is VerdictWord.VERIFIED
}


def repaired(data: bytes) -> bytes:
    """The same bytes with a header and with lengths and CRCs that fit, as far as they go."""
    made, place = [HEADER], len(HEADER)
    while place + 9 <= len(data):
        length, kind = struct.unpack_from("<IB", data, place)
        payload = data[place + 5 : place + 5 + min(length, len(data) - place - 9)]
        prefix = struct.pack("<IB", len(payload), kind)
        made += [prefix, payload, struct.pack("<I", zlib.crc32(prefix[4:] + payload))]
        place += len(payload) + 9
    return b"".join(made)


def is_good_but_for_signatures(data: bytes) -> bool:
    """Signatures by keys that nobody named may follow those that count, and change nothing."""
    frames = list(read_frames(io.BytesIO(data), len(data)))
    return any(data[: frame.end_offset_bytes] in GOOD for frame in frames)


def one_input(data: bytes) -> None:
    """As they are and repaired, since a random CRC is never right."""
    for bundle in (data, repaired(data)):
        if verdict_word(bundle) is VerdictWord.VERIFIED:
            assert is_good_but_for_signatures(bundle)


if __name__ == "__main__":
    atheris.Setup(sys.argv, one_input)
    atheris.Fuzz()
