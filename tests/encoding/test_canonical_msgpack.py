"""potb-mp/1: exactly one encoding of each value is accepted, at bounded cost."""

import json
import os
import struct
import subprocess
import sys
import tracemalloc
from pathlib import Path

import msgpack
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pot_reverify.encoding.canonical_msgpack import MAX_DEPTH, MAX_ITEMS, decode, encode
from pot_reverify.errors import Rejection

FIXTURES = Path(__file__).parents[2] / "fixtures"
GOLDEN = json.loads((FIXTURES / "golden" / "msgpack.json").read_bytes())["cases"]
SUITE = json.loads((FIXTURES / "public" / "msgpack" / "msgpack-test-suite.json").read_bytes())
REFUSED_KINDS = ("22.number-float.yaml", "50.timestamp.yaml", "60.ext.yaml")

seeded = settings(derandomize=True, deadline=None, max_examples=150)

scalars = (
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**64 - 1)
    | st.text(max_size=40)
    | st.binary(max_size=40)
    | st.binary(min_size=250, max_size=260)
)
keys = st.text(max_size=6) | st.text("k", min_size=28, max_size=36)
values = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(keys, inner, max_size=4),
    max_leaves=8,
)
maps = st.dictionaries(keys, values, max_size=4) | st.dictionaries(
    keys, st.integers(0, 300), min_size=14, max_size=18
)


def reason(payload: bytes) -> str | None:
    try:
        decode(payload)
    except Rejection as rejection:
        return rejection.code
    return None


def from_projection(value):
    if isinstance(value, dict):
        if set(value) == {"$bin"}:
            return bytes.fromhex(value["$bin"])
        if set(value) == {"$int"}:
            return int(value["$int"])
        return {key: from_projection(item) for key, item in value.items()}
    if isinstance(value, list):
        return [from_projection(item) for item in value]
    return value


@pytest.mark.parametrize("case", GOLDEN, ids=lambda case: case["name"])
def test_golden_vectors(case):
    payload = bytes.fromhex(case["payload"])
    assert reason(payload) == case.get("reason")
    if "content" in case:
        content = from_projection(case["content"])
        assert decode(payload) == content
        assert encode(content) == payload


def test_golden_vectors_name_every_reason_of_a_small_payload():
    reasons = {case["reason"] for case in GOLDEN if "reason" in case}
    assert reasons == {
        f"msgpack.{reason}"
        for reason in [
            "depth",
            "duplicate-key",
            "ext",
            "float",
            "invalid-utf8",
            "key-type",
            "length",
            "malformed",
            "not-a-map",
            "not-shortest",
            "trailing-bytes",
            "unsorted-keys",
        ]
    }


@pytest.mark.parametrize("kind", SUITE)
def test_public_suite_has_one_accepted_encoding_a_value(kind):
    for case in SUITE[kind]:
        payloads = [bytes.fromhex(text.replace("-", "")) for text in case["msgpack"]]
        accepted = [payload for payload in payloads if reason(b"\x81\xa1a" + payload) is None]
        if kind in REFUSED_KINDS:
            assert accepted == []
        else:
            [only] = accepted
            name = next(name for name in case if name != "msgpack")
            wanted = case[name]
            if name == "binary":
                wanted = bytes.fromhex(wanted.replace("-", ""))
            if "bignum" in case:
                wanted = int(case["bignum"])
            value = decode(b"\x81\xa1a" + only)["a"]
            assert (value, type(value)) == (wanted, type(wanted))


def test_public_suite_size():
    encodings = [
        payload for cases in SUITE.values() for case in cases for payload in case["msgpack"]
    ]
    accepted = [
        p for p in encodings if reason(b"\x81\xa1a" + bytes.fromhex(p.replace("-", ""))) is None
    ]
    assert (len(encodings), len(accepted)) == (233, 57)


@seeded
@given(maps)
def test_round_trip(value):
    payload = encode(value)
    assert decode(payload) == value
    # An ordinary reader sees the same, in key order.
    assert msgpack.unpackb(payload, strict_map_key=True) == value
    assert list(decode(payload)) == sorted(value, key=lambda key: key.encode())


@seeded
@given(maps, st.data())
def test_whatever_is_accepted_encodes_to_itself(value, data):
    payload = bytearray(encode(value))
    for _ in range(data.draw(st.integers(1, 3))):
        at = data.draw(st.integers(0, len(payload) - 1))
        match data.draw(st.sampled_from(["flip", "delete", "insert"])):
            case "flip":
                payload[at] ^= data.draw(st.integers(1, 255))
            case "delete" if len(payload) > 1:
                del payload[at]
            case _:
                payload.insert(at, data.draw(st.integers(0, 255)))
    if reason(bytes(payload)) is None:
        assert encode(decode(bytes(payload))) == bytes(payload)


@seeded
@given(maps.filter(bool), st.integers(0, 2**16))
def test_every_truncation_is_refused(value, cut):
    payload = encode(value)
    assert reason(payload[: cut % len(payload)]) is not None


def integer_forms(value):
    """Every msgpack form of an integer, shortest first (specification, "int format family")."""
    forms = [struct.pack("b", value)] if -32 <= value < 128 else []
    for header, layout, low, high in (
        (0xCC, ">B", 0, 2**8),
        (0xD0, ">b", -(2**7), 2**7),
        (0xCD, ">H", 0, 2**16),
        (0xD1, ">h", -(2**15), 2**15),
        (0xCE, ">I", 0, 2**32),
        (0xD2, ">i", -(2**31), 2**31),
        (0xCF, ">Q", 0, 2**64),
        (0xD3, ">q", -(2**63), 2**63),
    ):
        if low <= value < high:
            forms.append(bytes([header]) + struct.pack(layout, value))
    return forms


def sized_forms(length, fixed, fixed_below, headers):
    forms = [bytes([fixed | length])] if length < fixed_below else []
    for header, layout in headers:
        if length < 2 ** (8 * struct.calcsize(layout)):
            forms.append(bytes([header]) + struct.pack(layout, length))
    return forms


STR_HEADERS = ((0xD9, ">B"), (0xDA, ">H"), (0xDB, ">I"))
BIN_HEADERS = ((0xC4, ">B"), (0xC5, ">H"), (0xC6, ">I"))
ARRAY_HEADERS = ((0xDC, ">H"), (0xDD, ">I"))
MAP_HEADERS = ((0xDE, ">H"), (0xDF, ">I"))


class AnyEncoder:
    """An independent encoder that picks among all legal forms and orders."""

    def __init__(self, data):
        self.data = data
        self.canonical = True

    def pick(self, forms):
        at = self.data.draw(st.integers(0, len(forms) - 1) | st.just(0))
        self.canonical &= at == 0
        return forms[at]

    def encode(self, value):  # noqa: PLR0911  # one for each type
        match value:
            case None:
                return b"\xc0"
            case bool():
                return b"\xc3" if value else b"\xc2"
            case int():
                return self.pick(integer_forms(value))
            case str():
                text = value.encode()
                return self.pick(sized_forms(len(text), 0xA0, 32, STR_HEADERS)) + text
            case bytes():
                return self.pick(sized_forms(len(value), 0, 0, BIN_HEADERS)) + value
            case list():
                header = self.pick(sized_forms(len(value), 0x90, 16, ARRAY_HEADERS))
                return header + b"".join(self.encode(item) for item in value)
        ordered = sorted(value, key=lambda key: key.encode())
        keys = self.data.draw(st.just(ordered) | st.permutations(ordered))
        self.canonical &= keys == ordered
        header = self.pick(sized_forms(len(value), 0x80, 16, MAP_HEADERS))
        return header + b"".join(self.encode(key) + self.encode(value[key]) for key in keys)


@seeded
@given(maps, st.data())
def test_of_all_legal_encodings_only_the_canonical_one_is_accepted(value, data):
    encoder = AnyEncoder(data)
    payload = encoder.encode(value)
    assert msgpack.unpackb(payload, strict_map_key=False) == value
    if encoder.canonical:
        assert decode(payload) == value
        assert encode(value) == payload
    else:
        assert reason(payload) in {"msgpack.not-shortest", "msgpack.unsorted-keys"}


def test_every_body_of_two_bytes():
    """Exhaustive: what is accepted is what an encoder writes, and each value once."""
    seen = []
    for body in range(2**16):
        payload = b"\x81\xa1a" + body.to_bytes(2, "big")
        if reason(payload) is None:
            seen.append(decode(payload)["a"])
            assert msgpack.packb({"a": seen[-1]}) == payload
    # 128 to 255; -128 to -33; 128 strings of one byte; one bin (empty);
    # arrays [x] of 1 byte: 128 + 32 integers, 3 constants, "", [], {}.
    assert len(seen) == 128 + 96 + 128 + 1 + 166
    assert len({repr(value) for value in seen}) == len(seen)


class TestEncodeRefusesWhatDecodeWould:
    @pytest.mark.parametrize(
        ("value", "code"),
        [
            ({"a": 1.0}, "msgpack.float"),
            ({"a": [float("nan")]}, "msgpack.float"),
            ({"a": msgpack.ExtType(1, b"")}, "msgpack.ext"),
            ({"a": msgpack.Timestamp(0)}, "msgpack.ext"),
            ({1: 1}, "msgpack.key-type"),
            ({"a": {b"b": 1}}, "msgpack.key-type"),
            ({"a": 2**64}, "msgpack.integer-range"),
            ({"a": -(2**63) - 1}, "msgpack.integer-range"),
            ({"a": "\ud800"}, "msgpack.invalid-utf8"),
            ({"\udfff": 1}, "msgpack.invalid-utf8"),
            ([], "msgpack.not-a-map"),
            (None, "msgpack.not-a-map"),
            ({"a": [None] * MAX_ITEMS}, "msgpack.items"),
        ],
    )
    def test_content(self, value, code):
        with pytest.raises(Rejection) as caught:
            encode(value)
        assert caught.value.code == code

    @pytest.mark.parametrize("wrap", [lambda inner: [inner], lambda inner: {"a": inner}])
    def test_depth(self, wrap):
        value = None
        for _ in range(MAX_DEPTH - 1):
            value = wrap(value)
        assert decode(encode({"a": value})) == {"a": value}
        with pytest.raises(Rejection) as caught:
            encode({"a": wrap(value)})
        assert caught.value.code == "msgpack.depth"

    @pytest.mark.parametrize("value", [(1, 2), {1, 2}, object()])
    def test_other_python_types(self, value):
        with pytest.raises(TypeError):
            encode({"a": value})


def peak_bytes(payload, code):
    tracemalloc.start()
    try:
        with pytest.raises(Rejection) as caught:
            decode(payload)
        assert caught.value.code == code
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


class TestHostileInputIsCheap:
    # The package's own buffers.
    FIXED_BYTES = 2 * 2**20

    @pytest.mark.parametrize(
        "header", ["d9ff", "daffff", "dbffffffff", "c4ff", "c5ffff", "c6ffffffff"]
    )
    @pytest.mark.parametrize("start", ["", "81", "81a161", "81a16191"])
    def test_claimed_lengths(self, start, header):
        payload = bytes.fromhex(start + header) + b"x"
        assert peak_bytes(payload, "msgpack.length") < self.FIXED_BYTES

    @pytest.mark.parametrize("header", ["dcffff", "ddffffffff", "deffff", "dfffffffff"])
    @pytest.mark.parametrize("start", ["", "81a161", "81a16191"])
    def test_claimed_counts(self, start, header):
        payload = bytes.fromhex(start + header) + b"\x00" * 1000
        assert peak_bytes(payload, "msgpack.length") < self.FIXED_BYTES

    def test_counts_that_nest_their_claims(self):
        # Every array claims all that is left: a decoder that allocates first needs 16 times this.
        size = 2**20
        payload = b"\x81\xa1a"
        while len(payload) < 3 + 5 * (MAX_DEPTH - 1):
            payload += b"\xdd" + (size - len(payload) - 5).to_bytes(4, "big")
        payload += b"\x00" * (size - len(payload))
        assert peak_bytes(payload, "msgpack.items") < 3 * size + self.FIXED_BYTES

    @pytest.mark.parametrize("level", [b"\x81\xa1a", b"\x91", b"\x81"])
    def test_depth(self, level):
        payload = b"\x81\xa1a" + level * (2**22 // len(level))
        assert peak_bytes(payload, "msgpack.depth") < 2 * len(payload) + self.FIXED_BYTES

    def test_items(self):
        def arrays(count):
            return b"\x81\xa1a\xdd" + count.to_bytes(4, "big") + b"\x90" * count

        assert len(decode(arrays(MAX_ITEMS - 2))["a"]) == MAX_ITEMS - 2
        assert reason(arrays(MAX_ITEMS - 1)) == "msgpack.items"
        assert peak_bytes(arrays(2**22), "msgpack.items") < 3 * 2**22 + self.FIXED_BYTES

    def test_items_are_counted_over_the_whole_payload(self):
        half = b"\xdd" + (MAX_ITEMS // 2).to_bytes(4, "big") + b"\xc0" * (MAX_ITEMS // 2)
        assert reason(b"\x81\xa1a" + half) is None
        assert reason(b"\x82\xa1a" + half + b"\xa1b" + half) == "msgpack.items"

    def test_where_names_the_byte(self):
        with pytest.raises(Rejection) as caught:
            decode(bytes.fromhex("82a16101a161c0"))
        assert caught.value.where == "byte 6"
        assert caught.value.got == "'a'"

    def test_messages_do_not_repeat_long_keys(self):
        key = b"\xdb" + (2**20).to_bytes(4, "big") + b"k" * 2**20
        with pytest.raises(Rejection) as caught:
            decode(b"\x82" + key + b"\xc0" + key + b"\xc0")
        assert caught.value.code == "msgpack.duplicate-key"
        assert len(str(caught.value)) < 300


def test_the_pure_python_msgpack_reader_gives_the_same_answers():
    script = (
        "import json, sys, msgpack\n"
        "from pot_reverify.encoding.canonical_msgpack import decode\n"
        "from pot_reverify.errors import Rejection\n"
        "def reason(payload):\n"
        "    try: decode(bytes.fromhex(payload))\n"
        "    except Rejection as rejection: return rejection.code\n"
        "print(msgpack.Unpacker.__module__)\n"
        "print(json.dumps([reason(payload) for payload in json.load(sys.stdin)]))\n"
    )
    result = subprocess.run(
        [sys.executable, "-c", script],
        input=json.dumps([case["payload"] for case in GOLDEN]),
        env={**os.environ, "MSGPACK_PUREPYTHON": "1", "PYTHONPATH": os.pathsep.join(sys.path)},
        capture_output=True,
        text=True,
        check=True,
    )
    module, answers = result.stdout.splitlines()
    assert module == "msgpack.fallback"
    assert json.loads(answers) == [case.get("reason") for case in GOLDEN]
