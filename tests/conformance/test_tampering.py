"""Any byte changed, any cut, any frame dropped, doubled or swapped: never VERIFIED."""

import io
import random
import struct
import zlib
from itertools import combinations
from pathlib import Path

import pytest

from pot_reverify import Policy, Withheld, load_signer
from pot_reverify.container.frames import HEADER, read_frames
from pot_reverify.verdict import VerdictWord
from pot_reverify.verify import verify_stream

VECTORS = Path(__file__).parents[2] / "fixtures" / "vectors"
KEYS = VECTORS.parent / "keys"
SMALL = (VECTORS / "small.potb").read_bytes()
BASE = (VECTORS / "base.potb").read_bytes()
PQ = (VECTORS / "base-pq.potb").read_bytes()
POLICY = Policy(
    signers=(*load_signer(KEYS / "test-recorder.pub"), *load_signer(KEYS / "test-recorder-pq.pub")),
    withheld=Withheld.SCORES,
)
BAD = (VerdictWord.REJECTED, VerdictWord.UNREADABLE)
SEED = 20_261_122


def word(data: bytes) -> VerdictWord:
    return verify_stream(io.BytesIO(data), len(data), POLICY).word


def split(data: bytes) -> list[tuple[int, bytes]]:
    return [(frame.type, frame.payload) for frame in read_frames(io.BytesIO(data), len(data))]


def join(frames) -> bytes:
    """Frames with right lengths and CRCs, whatever their types and payloads are."""
    return HEADER + b"".join(
        struct.pack("<IB", len(payload), kind)
        + payload
        + struct.pack("<I", zlib.crc32(bytes([kind]) + payload))
        for kind, payload in frames
    )


@pytest.fixture(params=["small", "base", "pq"])
def good(request) -> bytes:
    return {"small": SMALL, "base": BASE, "pq": PQ}[request.param]


def test_the_originals_are_verified(good):
    assert word(good) is VerdictWord.VERIFIED
    assert join(split(good)) == good


def test_one_byte_changed():
    draw = random.Random(SEED)
    for _ in range(3500):
        place, change = draw.randrange(len(SMALL)), draw.randrange(1, 256)
        changed = bytearray(SMALL)
        changed[place] ^= change
        assert word(bytes(changed)) in BAD, (place, change)


def test_one_byte_changed_and_the_crc_made_good():
    draw = random.Random(SEED + 1)
    frames = split(SMALL)
    for _ in range(3500):
        changed = list(frames)
        # Half of the changes in frames drawn evenly, so that the short ones are hit as well.
        number = draw.randrange(len(frames))
        if draw.random() < 0.5:
            number = draw.choices(range(len(frames)), [len(payload) for _, payload in frames])[0]
        kind, payload = frames[number]
        place, change = draw.randrange(-1, len(payload)), draw.randrange(1, 256)
        if place < 0:
            changed[number] = (kind ^ change, payload)
        else:
            edited = bytearray(payload)
            edited[place] ^= change
            changed[number] = (kind, bytes(edited))
        assert word(join(changed)) in BAD, (number, place, change)


def test_many_changes_at_once():
    draw = random.Random(SEED + 2)
    frames = split(SMALL)
    others = frames + split(PQ)
    for trial in range(2000):
        changed = list(frames)
        for _ in range(draw.randrange(2, 8)):
            change_frames(changed, others, draw)
        data = join(changed)
        if data != SMALL:
            assert word(data) is not VerdictWord.VERIFIED, trial


def change_frames(frames, others, draw: random.Random) -> None:
    """One change of one frame, or of which frames there are."""
    number = draw.randrange(len(frames) + 1)
    if number == len(frames) or draw.random() < 0.1:
        frames.insert(number, draw.choice(others))
        return
    kind, payload = frames[number]
    place = draw.randrange(len(payload) + 1)
    frames[number : number + 1] = draw.choice(
        [
            [(kind, payload[:place] + draw.randbytes(draw.randrange(1, 9)) + payload[place:])],
            [(kind, payload[:place] + payload[place + draw.randrange(1, 9) :])],
            [(kind, payload[:place] + draw.randbytes(1) + payload[place + 1 :])],
            [(draw.choice([1, 2, 3, 4, 5, 6, 33, 34, 35]), payload)],
            [draw.choice(others)],
            [],
        ]
    )


def test_bytes_changed_without_care():
    draw = random.Random(SEED + 3)
    for trial in range(1000):
        changed = bytearray(SMALL)
        for _ in range(draw.randrange(1, 5)):
            place = draw.randrange(len(changed))
            if draw.random() < 0.5:
                del changed[place : place + draw.randrange(1, 40)]
            else:
                changed[place:place] = draw.randbytes(draw.randrange(1, 40))
        assert word(bytes(changed)) is not VerdictWord.VERIFIED, trial


def test_cut(good):
    draw = random.Random(SEED + 4)
    lengths = {len(good) - 1, *(draw.randrange(len(good)) for _ in range(300))}
    assert [n for n in lengths if word(good[:n]) is VerdictWord.VERIFIED] == []


def test_cut_between_frames(good):
    """Before the STATEMENT such a file is one that was never sealed; after it, one was stripped."""
    frames = split(good)
    words = [word(join(frames[:count])) for count in range(len(frames))]
    assert VerdictWord.VERIFIED not in words
    assert words[0] is VerdictWord.REJECTED
    assert words[1] is VerdictWord.INCOMPLETE


def test_every_frame_dropped(good):
    frames = split(good)
    for number in range(len(frames)):
        assert word(join(frames[:number] + frames[number + 1 :])) is not VerdictWord.VERIFIED


def test_every_frame_doubled_anywhere(good):
    frames = split(good)
    for number in range(len(frames)):
        for place in {0, number, len(frames)}:
            doubled = [*frames[:place], frames[number], *frames[place:]]
            assert word(join(doubled)) is VerdictWord.REJECTED, (number, place)


def test_every_two_frames_swapped(good):
    frames = split(good)
    for one, other in combinations(range(len(frames)), 2):
        swapped = list(frames)
        swapped[one], swapped[other] = swapped[other], swapped[one]
        assert word(join(swapped)) is VerdictWord.REJECTED, (one, other)
