"""The family `prose/1`: the same bytes for ever, clean texts, pinned data."""

import ast
import json
import pkgutil
import re
import unicodedata
from collections import Counter
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pot_reverify.challenge import prose
from pot_reverify.challenge.grammar import Grammar, draw_below, draw_untaken
from pot_reverify.challenge.prose import KINDS, Probe, derive_probes
from pot_reverify.errors import Indeterminate

GOLDEN = Path(__file__).parents[2] / "fixtures" / "golden" / "prose-1.json"
SEEDS = st.binary(min_size=32, max_size=32)


def numbered_probes(count: int) -> list[Probe]:
    return [
        probe for number in range(count) for probe in derive_probes(number.to_bytes(32, "little"))
    ]


@pytest.fixture(scope="module")
def many_probes() -> list[Probe]:
    return numbered_probes(2500)


def test_golden_vectors() -> None:
    document = json.loads(GOLDEN.read_text(encoding="utf-8"))
    assert document["family"] == prose.FAMILY_ID == "prose/1"
    assert len(document["vectors"]) == len({v["seed"] for v in document["vectors"]}) == 96
    for vector in document["vectors"]:
        derived = derive_probes(bytes.fromhex(vector["seed"]))
        assert [{"kind": p.kind, "text": p.text} for p in derived] == vector["probes"]
    kinds = Counter(probe["kind"] for v in document["vectors"] for probe in v["probes"])
    assert kinds.keys() == set(KINDS)
    assert min(kinds.values()) >= 30


@given(SEEDS)
def test_a_seed_gives_four_probes_of_four_kinds_again_and_again(seed: bytes) -> None:
    probes = derive_probes(seed)
    assert probes == derive_probes(seed)
    assert len({probe.kind for probe in probes}) == 4
    assert {probe.kind for probe in probes} <= set(KINDS)


def test_all_ordered_choices_of_kinds_are_equally_likely(many_probes: list[Probe]) -> None:
    for place in range(4):
        counts = Counter(probe.kind for probe in many_probes[place::4])
        expected = len(many_probes) / 4 / len(KINDS)
        # 7 degrees of freedom: the statistic is above 30 with probability 1e-4.
        assert sum((counts[kind] - expected) ** 2 / expected for kind in KINDS) < 30


@pytest.mark.parametrize("length", [0, 31, 33, 64])
def test_a_seed_of_another_length_is_refused(length: int) -> None:
    with pytest.raises(ValueError, match="32 bytes"):
        derive_probes(bytes(length))


@given(SEEDS)
def test_texts_are_clean(seed: bytes) -> None:
    for probe in derive_probes(seed):
        assert_clean(probe)


def test_many_texts_are_clean(many_probes: list[Probe]) -> None:
    for probe in many_probes:
        assert_clean(probe)


def assert_clean(probe: Probe) -> None:
    kind, text = probe.kind, probe.text
    assert len(text.encode()) >= 200
    assert unicodedata.is_normalized("NFC", text)
    assert text == text.strip()
    allowed = {"\n", "\t"} if kind == "code" else {"\n"}
    assert {c for c in text if not c.isprintable()} <= allowed
    assert {c for c in text if c.isspace()} <= allowed | {" "}
    assert not re.search(r"[ \t]$", text, re.MULTILINE)
    for placeholder in ("${", "{=", "..", "None", "undefined", "~"):
        assert placeholder not in text
    lines = text.split("\n")
    for line in lines:
        assert "  " not in (line.lstrip(" ").replace("  #", " #") if kind == "code" else line)
    if kind != "code":
        assert not re.search(r" [.,;:!?)]|\( |[.,;:!?]{2}", text)
        english = re.sub(r'"[^"]*"', "", text) if kind == "languages" else text
        assert not re.search(r"\b[Aa] [aeio]|\b[Aa]n (?!hour)[^aeiouAEIOU]", english)
        # The same word twice in a row is a slip of a template.
        assert not re.search(r"\b([a-z]+) \1\b", english)
        assert text[0].isupper() or text[0] in "\"'" or text.startswith("title: ")
        assert text[-1] in "\".?!)'" or kind == "tables"
        assert text.count('"') % 2 == 0
    if "| --" in text or "|---" in text:
        assert {line.count("|") for line in lines if line.startswith("|")} == {4}


def test_arithmetic_is_right(many_probes: list[Probe]) -> None:
    equations = 0
    for probe in many_probes:
        if probe.kind != "arithmetic":
            continue
        found = re.findall(r"([(\d][\d() +×−]*\d\)?(?: × \d+)?) = (\d+)", probe.text)
        assert found, probe.text
        for left, right in found:
            assert eval(left.replace("×", "*").replace("−", "-")) == int(right), probe.text
            equations += 1
    assert equations > 1000


def test_code_parses_or_balances(many_probes: list[Probe]) -> None:
    parsed = 0
    for probe in many_probes:
        if probe.kind != "code":
            continue
        if probe.text.startswith(("def ", "class ")):
            ast.parse(probe.text)
            parsed += 1
        for opening, closing in ("()", "[]", "{}"):
            assert probe.text.count(opening) == probe.text.count(closing)
    assert parsed > 100


def test_a_changed_grammar_file_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    genuine = pkgutil.get_data

    def one_letter_changed(package: str, path: str) -> bytes | None:
        data = genuine(package, path)
        assert data is not None
        return data.replace(b"Wednesday", b"Wednesdai") if path.endswith("tables.json") else data

    with fresh_grammars(monkeypatch, one_letter_changed), pytest.raises(Indeterminate) as caught:
        derive_probes(bytes(32))
    assert caught.value.code == "challenge.family-data-mismatch"
    assert caught.value.where == "prose_1/tables.json"


def test_a_missing_grammar_file_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    def absent(package: str, path: str) -> bytes:
        raise FileNotFoundError(package, path)

    with fresh_grammars(monkeypatch, absent), pytest.raises(Indeterminate) as caught:
        derive_probes(bytes(32))
    assert caught.value.code == "challenge.family-data-mismatch"


class fresh_grammars:  # noqa: N801 - used as a function
    """Grammars read anew inside, forgotten afterwards."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, reader: object) -> None:
        self.monkeypatch = monkeypatch
        self.reader = reader

    def __enter__(self) -> None:
        prose._grammars.cache_clear()
        self.monkeypatch.setattr(prose.pkgutil, "get_data", self.reader)

    def __exit__(self, *_: object) -> None:
        self.monkeypatch.undo()
        prose._grammars.cache_clear()


def test_words_that_would_bias_a_draw_are_rejected() -> None:
    # 2^32 = 3 · 1431655765 + 1: only the largest word is rejected for three options.
    assert draw_below(iter([2**32 - 1, 2**32 - 2]), 3) == (2**32 - 2) % 3
    assert draw_below(iter([2**32 - 1]), 2) == 1
    assert draw_below(iter([2**31 + 1, 2**31, 5]), 2**31 + 1) == 2**31
    assert draw_below(iter([7]), 1) == 0


@given(st.permutations(range(6)))
def test_untaken_draws_are_a_permutation(order: list[int]) -> None:
    taken: list[int] = []
    drawn = []
    for wanted in order:
        free = [index for index in range(6) if index not in taken]
        drawn.append(draw_untaken(iter([free.index(wanted)]), 6, taken))
    assert drawn == order
    assert taken == sorted(order)


def test_every_slot_of_the_notation() -> None:
    grammar = Grammar(
        {
            "text": ["${p:name} has ${n:4..6} ${thing}, ${thing}; ${=p.1}: ${t:=n*10-n+2} ${=t}"],
            "name": [["Ada", "she"]],
            "thing": ["ink", "${half} cup"],
            "half": ["half a"],
        }
    )
    # Words: the option of `text`, `name`, the integer, `thing`, then the one thing left, `half`.
    assert grammar.expand(iter([0, 0, 1, 0, 0, 0])) == "Ada has 5 ink, half a cup; she: 47 47"
