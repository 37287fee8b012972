"""JSON documents: what two parsers could read differently is refused."""

import json
import tracemalloc

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pot_reverify.encoding.strict_json import MAX_DEPTH, MAX_TOKENS, decode, encode
from pot_reverify.errors import Rejection

seeded = settings(derandomize=True, deadline=None, max_examples=200)

scalars = st.none() | st.booleans() | st.integers(-(2**63), 2**63 - 1) | st.text(max_size=12)
keys = st.text(max_size=6)
documents = st.dictionaries(
    keys,
    st.recursive(
        scalars,
        lambda inner: st.lists(inner, max_size=4) | st.dictionaries(keys, inner, max_size=4),
        max_leaves=8,
    ),
    max_size=5,
)


def reason(data):
    try:
        decode(data)
    except Rejection as rejection:
        return rejection.code
    return None


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (b'\xef\xbb\xbf{"a":1}', "json.byte-order-mark"),
        (b'{"a":"\xff"}', "json.invalid-utf8"),
        (b'{"a":"\xc0\x80"}', "json.invalid-utf8"),
        (b'{"a":"\xed\xa0\x80"}', "json.invalid-utf8"),
        ('{"a":1}'.encode("utf-16"), "json.invalid-utf8"),
        ('{"a":1}'.encode("utf-16-le"), "json.malformed"),
        (b'{"a":1,"a":1}', "json.duplicate-key"),
        (b'{"a":1,"\\u0061":2}', "json.duplicate-key"),
        (b'{"x":[{"a":1,"b":2,"a":3}]}', "json.duplicate-key"),
        (b'{"a":1.0}', "json.float"),
        (b'{"a":-0.5}', "json.float"),
        (b'{"a":1e3}', "json.float"),
        (b'{"a":1E3}', "json.float"),
        (b'{"a":[1e-3]}', "json.float"),
        (b'{"a":-0}', "json.float"),
        (b"1.5", "json.float"),
        (b'{"a":NaN}', "json.not-finite"),
        (b'{"a":Infinity}', "json.not-finite"),
        (b'{"a":-Infinity}', "json.not-finite"),
        (b'{"a":9223372036854775808}', "json.integer-range"),
        (b'{"a":-9223372036854775809}', "json.integer-range"),
        (b'{"a":' + b"9" * 10**6 + b"}", "json.integer-range"),
        (b'{"a":-' + b"9" * 10**6 + b"}", "json.integer-range"),
        (b'{"a":"\\ud800"}', "json.lone-surrogate"),
        (b'{"a":["\\udc00\\ud800"]}', "json.lone-surrogate"),
        (b'{"\\uDFFF":1}', "json.lone-surrogate"),
        (b'{"a":1}x', "json.trailing-data"),
        (b'{"a":1}{"a":1}', "json.trailing-data"),
        (b'{"a":1},', "json.trailing-data"),
        (b'{"a":1}\x00', "json.trailing-data"),
        (b'{"a":1}\xc2\xa0', "json.trailing-data"),
        (b"[]", "json.not-an-object"),
        (b'"text"', "json.not-an-object"),
        (b"1", "json.not-an-object"),
        (b"null", "json.not-an-object"),
        (b"", "json.malformed"),
        (b" \n", "json.malformed"),
        (b"\xc2\xa0{}", "json.malformed"),
        (b"{", "json.malformed"),
        (b'{"a":1', "json.malformed"),
        (b'{"a":1,}', "json.malformed"),
        (b"{'a':1}", "json.malformed"),
        (b"{a:1}", "json.malformed"),
        (b'{"a":01}', "json.malformed"),
        (b'{"a":+1}', "json.malformed"),
        (b'{"a":0x10}', "json.malformed"),
        (b'{"a":.5}', "json.malformed"),
        ('{"a":\u0661}'.encode(), "json.malformed"),
        (b'{"a":TRUE}', "json.malformed"),
        (b'{"a":"\n"}', "json.malformed"),
        (b'{"a":"\\x41"}', "json.malformed"),
        (b'{"a":1}//', "json.trailing-data"),
        (b'/* */{"a":1}', "json.malformed"),
        (b'{"a":"', "json.malformed"),
        (b'{"a":"\\', "json.malformed"),
        (b']{"a":1}', "json.malformed"),
    ],
    ids=lambda value: repr(value[:40]),
)
def test_refused(data, code):
    assert reason(data) == code


@pytest.mark.parametrize(
    ("data", "content"),
    [
        (b"{}", {}),
        (b' \t\r\n{ "b" : [ 1 , true , null ] , "a" : "" }\n', {"b": [1, True, None], "a": ""}),
        (b'{"a":9223372036854775807}', {"a": 2**63 - 1}),
        (b'{"a":-9223372036854775808}', {"a": -(2**63)}),
        (b'{"a":"\\ud83d\\ude00"}', {"a": "\U0001f600"}),
        (b'{"a":"[[{{\\"]}"}', {"a": '[[{{"]}'}),
        (b'{"e\xcc\x81":1,"\xc3\xa9":2}', {"e\u0301": 1, "\u00e9": 2}),
    ],
)
def test_accepted(data, content):
    assert decode(data) == content


class TestDepth:
    @pytest.mark.parametrize(
        ("start", "end"), [(b"[", b"]"), (b'{"a":', b"}"), (b'{"]}":["[{\\"",', b"]}")]
    )
    def test_limit(self, start, end):
        levels = start.count(b"[") + start.count(b"{") if start != b'{"]}":["[{\\"",' else 2

        def document(depth):
            count = (depth - 1) // levels
            return b'{"a":' + start * count + b"1" + end * count + b"}"

        assert reason(document(MAX_DEPTH - 1)) is None
        assert reason(document(MAX_DEPTH + levels)) == "json.depth"

    def test_siblings_do_not_add_up(self):
        assert reason(b'{"a":[' + b"[]," * 100 + b"{}]}") is None

    @pytest.mark.parametrize("level", [b"[", b'{"a":', b'[{"a":'])
    def test_bomb(self, level):
        data = b'{"a":' + level * (2**23 // len(level))
        tracemalloc.start()
        try:
            assert reason(data) == "json.depth"
            assert tracemalloc.get_traced_memory()[1] < 2 * len(data) + 2**20
        finally:
            tracemalloc.stop()

    @pytest.mark.parametrize("text", [b'"', b'\\"', b'"\\', b"\\", b'"a'])
    def test_unclosed_strings_end_in_a_rejection(self, text):
        assert reason(b'{"a":"' + text * 2**20) is not None

    def test_tokens_are_bounded_before_they_become_objects(self):
        def arrays(count):
            return b'{"a":[' + b"[]," * (count - 1) + b"[]]}"

        # Three brackets of its own, one key, and another two for each array.
        at_most = (MAX_TOKENS - 5) // 2
        assert len(decode(arrays(at_most))["a"]) == at_most
        tracemalloc.start()
        try:
            assert reason(arrays(at_most + 1)) == "json.items"
            assert tracemalloc.get_traced_memory()[1] < 3 * len(arrays(at_most + 1))
        finally:
            tracemalloc.stop()

    def test_many_keys_are_compared(self):
        pairs = ",".join(f'"{number}":1' for number in range(10**5))
        assert reason(f'{{{pairs},"99999":2}}'.encode()) == "json.duplicate-key"


@seeded
@given(documents)
def test_round_trip(document):
    data = encode(document)
    assert decode(data) == document == json.loads(data)
    assert encode(decode(data)) == data


@seeded
@given(documents, st.booleans(), st.sampled_from([None, 1, "\t"]))
def test_other_writers_are_read(document, ensure_ascii, indent):
    data = json.dumps(document, ensure_ascii=ensure_ascii, indent=indent).encode()
    assert decode(data) == document


@seeded
@given(documents, st.data())
def test_what_is_accepted_any_parser_reads_alike(document, data):
    text = bytearray(encode(document))
    for _ in range(data.draw(st.integers(1, 3))):
        text[data.draw(st.integers(0, len(text) - 1))] = data.draw(st.integers(32, 126))
    if reason(bytes(text)) is None:
        assert decode(bytes(text)) == json.loads(text)


def test_encode_is_compact_and_sorted_by_code_point():
    assert (
        encode({"\U00010000": 1, "\uffff": [True, None], "a": {"c": "\u00e9", "b": -1}})
        == '{"a":{"b":-1,"c":"\u00e9"},"\uffff":[true,null],"\U00010000":1}'.encode()
    )


@pytest.mark.parametrize(
    ("document", "code"),
    [
        ({"a": 1.5}, "json.float"),
        ({"a": float("nan")}, "json.not-finite"),
        ({"a": float("-inf")}, "json.not-finite"),
        ({"a": 2**63}, "json.integer-range"),
        ({"a": "\ud800"}, "json.lone-surrogate"),
        ([], "json.not-an-object"),
    ],
)
def test_encode_refuses_what_decode_would(document, code):
    with pytest.raises(Rejection) as caught:
        encode(document)
    assert caught.value.code == code


@pytest.mark.parametrize("depth", [MAX_DEPTH + 1, 10**5])
def test_encode_refuses_depth(depth):
    value = {}
    for _ in range(depth - 1):
        value = {"a": value}
    with pytest.raises(Rejection) as caught:
        encode(value)
    assert caught.value.code == "json.depth"


@pytest.mark.parametrize("document", [{"a": (1, 2)}, {1: 1}, {"a": b""}, {None: 1}, {1: 1, "a": 2}])
def test_encode_refuses_what_json_does_not_give_back(document):
    with pytest.raises(TypeError):
        encode(document)
