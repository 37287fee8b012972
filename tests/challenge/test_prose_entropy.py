"""Every text of `prose/1` has at least 200 bytes and probability at most 2^-64: by counting.

A *skeleton* is a choice of one option for every pattern (an option with slots). Given the skeleton,
a text is a row of literals, words from lists, integers, and repetitions or sums of those. Reading
it from the left, every word can be told from the others of its list, because no option followed by
the literal behind it begins like another. So within a skeleton no two choices give the same text,
and P(text) = Σ P(skeleton) · P(text | skeleton) ≤ max P(text | skeleton) = 2^-(least bits).
"""

import json
import math
import pkgutil
import re
from collections import Counter
from collections.abc import Iterator
from itertools import pairwise, product

import pytest

from pot_reverify.challenge import prose

Rules = dict[str, list[str | list[str]]]
Piece = tuple[str, str, str]  # ("literal", text, "") or ("slot", name, source)
NOTATION = re.compile(
    r"(?:[a-z_]+:)?(?:[a-z_0-9]+|\d+\.\.\d+|=[a-z_]+(?:\.\d)?|=[a-z]+(?:[-+*](?:[a-z]+|\d+))+)"
)
COLLISION_SAMPLE = 25_000


def rules_of(kind: str) -> Rules:
    data = pkgutil.get_data("pot_reverify.challenge", f"prose_1/{kind}.json")
    assert data is not None
    document = json.loads(data)
    assert document.keys() == {"kind", "rules"}
    assert document["kind"] == kind
    return document["rules"]


def shown(option: str | list[str]) -> str:
    return option[0] if isinstance(option, list) else option


def is_pattern_rule(rules: Rules, rule: str) -> bool:
    return any("${" in shown(option) for option in rules.get(rule, ()))


def pieces(template: str) -> list[Piece]:
    found: list[Piece] = []
    for place, part in enumerate(re.split(r"\$\{([^}]*)\}", template)):
        if place % 2:
            name, _, source = part.rpartition(":")
            found.append(("slot", name, source))
        elif part:
            found.append(("literal", part, ""))
    return found


def skeletons(rules: Rules, rule: str = "text") -> Iterator[tuple[Counter[str], list[Piece]]]:
    """Each skeleton: how often it draws from each pattern rule, and its pieces."""
    for option in rules[rule]:
        alternatives = [
            list(skeletons(rules, piece[2]))
            if piece[0] == "slot" and is_pattern_rule(rules, piece[2])
            else [(Counter[str](), [piece])]
            for piece in pieces(shown(option))
        ]
        for choice in product(*alternatives):
            drawn = sum((part[0] for part in choice), Counter({rule: 1}))
            yield drawn, [piece for part in choice for piece in part[1]]


def bits(rules: Rules, skeleton: list[Piece]) -> float:
    drawn: Counter[str] = Counter()
    total = 0.0
    for what, _, source in skeleton:
        if what == "literal" or source.startswith("="):
            continue
        if ".." in source:
            first, last = map(int, source.split(".."))
            total += math.log2(last - first + 1)
        else:
            total += math.log2(len(rules[source]) - drawn[source])
            drawn[source] += 1
    return total


def least_bytes(rules: Rules, skeleton: list[Piece]) -> int:
    named: dict[str, list[str | list[str]]] = {}
    total = 0
    for what, name, source in skeleton:
        if what == "literal":
            total += len(name.encode())
            continue
        field = 0
        if re.fullmatch(r"=[a-z]+(\.\d)?", source):
            recalled, _, number = source[1:].partition(".")
            options, field = named[recalled], int(number or "0")
        elif source.startswith("="):
            options = ["0"]  # some integer
        elif ".." in source:
            options = [source.split("..")[0]]
        else:
            options = rules[source]
        if name:
            named[name] = options
        total += min(len((o[field] if isinstance(o, list) else o).encode()) for o in options)
    return total


def draws_and_what_follows(skeleton: list[Piece]) -> Iterator[tuple[str, str | None]]:
    """Each drawn slot's source, and the literal behind it; None at the end of the text."""
    for place, (what, _, source) in enumerate(skeleton):
        if what == "slot" and not source.startswith("="):
            rest = skeleton[place + 1 :]
            literal = ""
            for following in rest:
                if following[0] != "literal":
                    break
                literal += following[1]
            yield source, literal if rest else None


def can_be_told_apart(rules: Rules, source: str, following: str | None) -> bool:
    if ".." in source:
        first, last = map(int, source.split(".."))
        options = [str(number) for number in range(first, last + 1)]
    else:
        options = [shown(option) for option in rules[source]]
    if following is None:
        return len(set(options)) == len(options)
    ordered = sorted(option + following for option in options)
    return not any(later.startswith(earlier) for earlier, later in pairwise(ordered))


@pytest.mark.parametrize("kind", prose.KINDS)
def test_every_text_has_probability_at_most_2_to_the_minus_64(kind: str) -> None:
    rules = rules_of(kind)
    lowest, least, count = math.inf, 10**9, 0.0
    followed: set[tuple[str, str | None]] = set()
    for _, skeleton in skeletons(rules):
        lowest = min(lowest, bits(rules, skeleton))
        least = min(least, least_bytes(rules, skeleton))
        count += 2 ** bits(rules, skeleton)
        followed |= set(draws_and_what_follows(skeleton))
    assert [x for x in followed if not can_be_told_apart(rules, *x)] == []
    found = f"{lowest:.2f} bits at least, 2^{math.log2(count):.1f} derivations, {least} bytes"
    print(f"\n{kind}: {found}", end="")  # noqa: T201 - a report
    assert lowest >= 64
    assert least >= 200


@pytest.mark.parametrize("kind", prose.KINDS)
def test_grammar_is_well_formed(kind: str) -> None:
    rules = rules_of(kind)
    assert next(iter(rules)) == "text"
    used = {"text"}
    for rule, options in rules.items():
        assert options, rule
        widths = {len(option) if isinstance(option, list) else 0 for option in options}
        assert len(widths) == 1, f"{rule} mixes fields and templates, or widths"
        for option in options:
            fields = option if isinstance(option, list) else [option]
            assert all(fields), f"{rule} has an empty option"
            assert not any("${" in field for field in fields if isinstance(option, list))
            for what, _, source in pieces(shown(option)):
                if what == "slot":
                    assert NOTATION.fullmatch(source), source
                    if not source.startswith("=") and ".." not in source:
                        assert source in rules, source
                        used.add(source)
    assert used == rules.keys()


@pytest.mark.parametrize("kind", prose.KINDS)
def test_names_are_bound_before_use_and_rules_not_exhausted(kind: str) -> None:
    rules = rules_of(kind)
    for patterns, skeleton in skeletons(rules):
        bound: set[str] = set()
        drawn = Counter(patterns)
        for what, name, source in skeleton:
            if what == "literal":
                continue
            if source.startswith("="):
                assert set(re.findall(r"[a-z_]+", source)) <= bound, (kind, source)
            elif ".." not in source:
                drawn[source] += 1
            if name:
                bound.add(name)
        assert all(count <= len(rules[rule]) for rule, count in drawn.items())


def test_no_collision_among_200_000_texts() -> None:
    grammars = prose._grammars()
    words = prose._random_words(b"collision sample".ljust(32, b"\0"))
    for kind in prose.KINDS:
        texts = {grammars[kind].expand(words) for _ in range(COLLISION_SAMPLE)}
        assert len(texts) == COLLISION_SAMPLE
