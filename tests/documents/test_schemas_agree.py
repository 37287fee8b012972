"""Parser and published schema of a kind accept the same documents.

The schemas describe the JSON projection. What a schema cannot say, and a parser checks, stands in
`ONLY_PARSED`, by reason code. Nothing is refused by a schema and accepted by a parser.
"""

import copy
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import pytest
import valid_documents as valid
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from pot_reverify.checks.schemas import schema
from pot_reverify.documents.beacon_round import parse_beacon_round
from pot_reverify.documents.blob import parse_attachment, parse_blob
from pot_reverify.documents.challenge_record import parse_content, parse_record, parse_withheld
from pot_reverify.documents.counterpart_document import parse_word
from pot_reverify.documents.countersignature import parse_attached_statement
from pot_reverify.documents.dsse_envelope import Envelope
from pot_reverify.documents.head import parse_head
from pot_reverify.documents.precommit import parse_precommit
from pot_reverify.documents.projection import project
from pot_reverify.documents.proof_document import parse_proof_document
from pot_reverify.documents.reveal import parse_reveal
from pot_reverify.documents.signed_bytes import parse_signature
from pot_reverify.documents.statement import parse_statement
from pot_reverify.documents.weight_manifest import parse_weight_manifest
from pot_reverify.encoding import canonical_msgpack
from pot_reverify.encoding.fields import Fields
from pot_reverify.errors import Indeterminate, Rejection

PRESET_RULES = {
    "preset.not-a-rational",  # lowest terms
    "preset.not-the-named-one",  # the table of named presets
    "preset.out-of-range",  # gamma below (1 - epsilon) * delta, and the like
}
ONLY_PARSED = {
    "countersignature": {"countersignature.contradiction"},  # order, and what follows from checks
    "head": PRESET_RULES,
    "precommit": PRESET_RULES | {"json.integer-range"},  # numerators have no bounds in a schema
    "content": {
        "schema.positions-and-tokens",  # the inside of packed arrays
        "score.position-count",
        "score.position-size",
        "score.array-length",
        "score.token-order",
        "score.mass-above-one",
    },
    "statement": PRESET_RULES
    | {
        "json.integer-range",
        "schema.ratio-not-reduced",
        "statement.subjects",  # they repeat the predicate
    },
    "proof": {
        "proof.base64",  # unused bits of the last letter
        "proof.challenge-commitments-malformed",  # their length
    },
    "weights": {"weights.unsorted"},
}
EXAMPLES = settings(
    derandomize=True,
    deadline=None,
    max_examples=200,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)


@dataclass(frozen=True)
class Kind:
    """One kind of document: valid ones, as a decoded map, and its parser."""

    name: str
    documents: st.SearchStrategy[Any]
    parse: Callable[[bytes], object]
    is_json: bool = False

    def decode(self, document: Any) -> dict[str, Any]:
        if not self.is_json:
            return canonical_msgpack.decode(document.encode())
        decoded: dict[str, Any] = json.loads(document.to_json())
        return decoded

    def encode(self, fields: dict[str, Any]) -> bytes:
        if self.is_json:
            return json.dumps(fields).encode()
        return canonical_msgpack.encode(fields)

    def refusal(self, fields: dict[str, Any]) -> str | None:
        try:
            self.parse(self.encode(fields))
        except Rejection as error:
            return error.code
        return None

    def conforms(self, fields: dict[str, Any]) -> bool:
        document = fields if self.is_json else project(fields)
        return Draft202012Validator(schema(self.name)).is_valid(document)


def parse_attached(data: bytes) -> object:
    """The payload of an envelope; a kind that is not known is as good as refused here."""
    try:
        return parse_attached_statement(Envelope(data, "key", b"signature"), "x")
    except Indeterminate as unknown:
        raise Rejection(unknown.code, unknown.message) from unknown


KINDS = [
    Kind("attachment", valid.ATTACHMENT, lambda data: parse_attachment(data, "x")),
    Kind(
        "beacon-round",
        valid.BEACON_ROUND,
        lambda data: parse_beacon_round(data, "x"),
        is_json=True,
    ),
    Kind("blob", valid.BLOB, lambda data: parse_blob(data, "x")),
    Kind("content", valid.CONTENT, lambda data: parse_content(data, "x")),
    Kind("counterpart", valid.WORD, lambda data: parse_word(data, "x"), is_json=True),
    Kind("countersignature", valid.COUNTERSIGNATURE, parse_attached, is_json=True),
    Kind("head", valid.HEAD, lambda data: parse_head(data, "x")),
    Kind("precommit", valid.PRECOMMIT, parse_precommit, is_json=True),
    Kind("proof", valid.PROOF, lambda data: parse_proof_document(data, "x"), is_json=True),
    Kind("record", valid.RECORD, lambda data: parse_record(data, "x")),
    Kind("reveal", valid.REVEAL, lambda data: parse_reveal(data, "x")),
    Kind(
        "signature",
        valid.SIGNATURE,
        lambda data: parse_signature(Fields(canonical_msgpack.decode(data), "x")),
    ),
    Kind("statement", valid.STATEMENT, lambda data: parse_statement(data, "x"), is_json=True),
    Kind("vendor-commitment", valid.COMMITMENT, parse_attached, is_json=True),
    Kind("weights", valid.WEIGHTS, lambda data: parse_weight_manifest(data, "x"), is_json=True),
    Kind("withheld", valid.WITHHELD, lambda data: parse_withheld(data, "x")),
]
kinds = pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.name)


def test_every_schema_is_one_and_all_but_the_environments_are_compared():
    names = {kind.name for kind in KINDS}
    for name in names | {"environment"}:
        Draft202012Validator.check_schema(schema(name))
    assert ONLY_PARSED.keys() <= names


@kinds
def test_a_valid_document_is_accepted_by_both_and_survives(kind):
    @EXAMPLES
    @given(kind.documents)
    def holds(document):
        fields = kind.decode(document)
        assert kind.conforms(fields)
        assert kind.parse(kind.encode(fields)) == document

    holds()


@kinds
def test_a_changed_document_is_accepted_by_both_or_by_neither(kind):
    outcomes = set()

    @EXAMPLES
    @given(kind.documents, st.data())
    def holds(document, draw):
        fields = kind.decode(document)
        _change(fields, draw)
        code, conforms = kind.refusal(fields), kind.conforms(fields)
        outcomes.add(code is None)
        if code is None:
            assert conforms, "only the parser accepts it"
        elif conforms:
            assert code in ONLY_PARSED.get(kind.name, ()), "only the schema accepts it"

    holds()
    assert outcomes == {True, False}


@kinds
def test_every_field_is_compulsory_and_no_other_is_known(kind):
    @settings(EXAMPLES, max_examples=3)
    @given(kind.documents)
    def holds(document):
        whole = kind.decode(document)
        for path, value in _places(whole):
            if not isinstance(value, dict):
                continue
            for name in value:
                less = copy.deepcopy(whole)
                del _at(less, path)[name]
                assert kind.refusal(less) is not None, (path, name)
                assert not kind.conforms(less), (path, name)
            more = copy.deepcopy(whole)
            _at(more, path)["unknown"] = None
            assert kind.refusal(more) is not None, path
            assert not kind.conforms(more), path

    holds()


@pytest.mark.parametrize("kind", ["precommit", "statement", "weights"])
def test_a_line_feed_after_a_digest_is_refused(kind):
    """Python's `$` matches before it, and so does a schema's pattern there; the parsers decide."""
    (kind,) = [one for one in KINDS if one.name == kind]

    @settings(EXAMPLES, max_examples=3)
    @given(kind.documents)
    def holds(document):
        whole = kind.decode(document)
        for path, value in _places(whole):
            if isinstance(value, str) and len(value) in (32, 64, 71) and path[-1] != "name":
                fields = copy.deepcopy(whole)
                _at(fields, path[:-1])[path[-1]] = value + "\n"
                assert kind.refusal(fields) in {
                    "digest.malformed",
                    "schema.out-of-range",
                    "statement.subjects",
                }, path

    holds()


@pytest.mark.parametrize("kind", ["head", "reveal", "statement"])
@pytest.mark.parametrize(
    ("extensions", "is_good"), [({}, True), ({"a": [None]}, True), ([], False)]
)
def test_extensions_are_free_where_there_are_any(kind, extensions, is_good):
    (kind,) = [one for one in KINDS if one.name == kind]

    @settings(EXAMPLES, max_examples=1)
    @given(kind.documents)
    def holds(document):
        fields = kind.decode(document)
        fields.get("predicate", fields)["extensions"] = extensions
        assert (kind.refusal(fields) is None) == is_good
        assert kind.conforms(fields) == is_good

    holds()


def _places(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[tuple[Any, ...], Any]]:
    yield path, value
    if isinstance(value, dict):
        for name, inner in value.items():
            yield from _places(inner, (*path, name))
    elif isinstance(value, list):
        for number, inner in enumerate(value):
            yield from _places(inner, (*path, number))


def _at(document: Any, path: tuple[Any, ...]) -> Any:
    for step in path:
        document = document[step]
    return document


def _change(document: dict[str, Any], draw: st.DataObject) -> None:
    """Change one place. Bytes never become a text: the projection shows both as strings."""
    path, value = draw.draw(st.sampled_from([place for place in _places(document) if place[0]]))
    holder = _at(document, path[:-1])
    other = draw.draw(_others(value))
    if isinstance(holder, dict) and draw.draw(st.integers(0, 9)) == 0:
        del holder[path[-1]]
    elif isinstance(holder, list) and draw.draw(st.integers(0, 4)) == 0:
        holder.insert(draw.draw(st.integers(0, len(holder))), copy.deepcopy(value))
    elif isinstance(holder, list) and draw.draw(st.integers(0, 4)) == 0:
        del holder[path[-1]]
    else:
        holder[path[-1]] = other


_ANYTHING = [None, True, False, 0, 1, -1, 2, 32, 33, 10_000, 10_001, 65535, 65536, 2**24,
             2**24 + 1, 2**32 - 1, 2**32, 2**63 - 1, 2**63, 2**64 - 1,
             [], {}, [0], [0, 1], [1, 0], [2, 4], {"a": 1}]  # fmt: skip


def _others(value: Any) -> st.SearchStrategy[Any]:
    anything = st.sampled_from(_ANYTHING).map(copy.deepcopy)
    if isinstance(value, bytes):
        lengths = st.sampled_from([0, 1, 15, 16, 17, 31, 32, 33, 8192, 8193])
        return anything | lengths.map(bytes) | st.just(value[:-1]) | st.just(value + b"\x00")
    if isinstance(value, str):
        lengths = st.sampled_from([0, 1, 32, 33, 64, 80, 81, 256, 257, 1024, 1025, 8192, 8193])
        texts = st.sampled_from([value.upper(), value[:-1], value + "0", "quick"])
        return anything | lengths.map("a".__mul__) | texts
    if isinstance(value, int) and not isinstance(value, bool):
        return anything | st.sampled_from([max(value - 1, 0), min(value + 1, 2**63)])
    if isinstance(value, list):
        return anything | st.sampled_from([value * 70, value[1:], value + value[:1]])
    return anything
