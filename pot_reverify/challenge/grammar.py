"""Template grammars: an exact, unbiased map from a stream of random words to a text.

A grammar is a set of rules; a rule is a list of options; an option is a template in which `${…}`
marks a slot, or a list of plain fields (a word and the forms that must agree with it).
`docs/challenge-families.md` specifies every step, so that another implementation gives the same
bytes.
"""

import operator
import re
from bisect import insort
from collections.abc import Iterator, Mapping, Sequence
from typing import Final, Protocol

WORD_SPAN: Final = 1 << 32
"""Random words are uniform integers in [0, 2^32)."""

START_RULE: Final = "text"

_SLOT: Final = re.compile(r"\$\{([^}]*)\}")
_TERM: Final = re.compile(r"([-+*]?)(\w+)")
_OPERATORS: Final = {"": operator.add, "+": operator.add, "-": operator.sub, "*": operator.mul}

Fields = tuple[str, ...]


def draw_below(words: Iterator[int], bound: int) -> int:
    """Draw a uniform integer in [0, bound), rejecting words from the last multiple of it on."""
    limit = WORD_SPAN - WORD_SPAN % bound
    word = next(words)
    while word >= limit:
        word = next(words)
    return word % bound


def draw_untaken(words: Iterator[int], count: int, taken: list[int]) -> int:
    """Draw a uniform index in [0, count) that is not in `taken`, and add it there.

    Args:
        words: the random words.
        count: number of indices in all; more than `len(taken)`.
        taken: the indices drawn before, ascending.
    """
    index = draw_below(words, count - len(taken))
    for earlier in taken:
        if index >= earlier:
            index += 1
    insort(taken, index)
    return index


class _Text:
    """A text being derived: the random words, what each rule gave so far, and the named values."""

    __slots__ = ("taken", "values", "words")

    def __init__(self, words: Iterator[int]) -> None:
        self.words = words
        self.taken: dict[str, list[int]] = {}
        self.values: dict[str, Fields] = {}


class _Slot(Protocol):
    def fill(self, text: _Text) -> Fields: ...


class _Template:
    """Pieces in turn: a literal, or a slot and the name to remember its value by (empty: none)."""

    __slots__ = ("pieces",)

    def __init__(self, pieces: tuple[str | tuple[_Slot, str], ...]) -> None:
        self.pieces = pieces

    def expand(self, text: _Text) -> str:
        parts = []
        for piece in self.pieces:
            if isinstance(piece, str):
                parts.append(piece)
                continue
            slot, name = piece
            fields = slot.fill(text)
            if name:
                text.values[name] = fields
            parts.append(fields[0])
        return "".join(parts)


class _Draw:
    """An option of a rule, none of them twice in one text."""

    __slots__ = ("options", "rule")

    def __init__(self, rule: str, options: list[_Template | Fields]) -> None:
        self.rule = rule
        self.options = options

    def fill(self, text: _Text) -> Fields:
        taken = text.taken.setdefault(self.rule, [])
        option = self.options[draw_untaken(text.words, len(self.options), taken)]
        return option if isinstance(option, tuple) else (option.expand(text),)


class _Range:
    """A decimal integer, uniform from first to last, both included."""

    __slots__ = ("count", "first")

    def __init__(self, first: int, last: int) -> None:
        self.first = first
        self.count = last - first + 1

    def fill(self, text: _Text) -> Fields:
        return (str(self.first + draw_below(text.words, self.count)),)


class _Recall:
    """A field of a named value once more."""

    __slots__ = ("field", "name")

    def __init__(self, name: str, field: int) -> None:
        self.name = name
        self.field = field

    def fill(self, text: _Text) -> Fields:
        return (text.values[self.name][self.field],)


class _Compute:
    """A sum, difference or product of integers, strictly from left to right."""

    __slots__ = ("terms",)

    def __init__(self, terms: list[tuple[str, str]]) -> None:
        self.terms = terms

    def fill(self, text: _Text) -> Fields:
        total = 0
        for sign, term in self.terms:
            number = int(term if term.isdigit() else text.values[term][0])
            total = _OPERATORS[sign](total, number)
        return (str(total),)


class Grammar:
    """A compiled grammar.

    Args:
        rules: for each rule name its options; a string is a template, a list the fields of a word.
    """

    def __init__(self, rules: Mapping[str, Sequence[str | list[str]]]) -> None:
        self._draws = {rule: _Draw(rule, []) for rule in rules}
        for rule, options in rules.items():
            self._draws[rule].options.extend(map(self._compile, options))

    def expand(self, words: Iterator[int]) -> str:
        """Derive one text from the rule `text`; every draw takes the next of the random words."""
        return self._draws[START_RULE].fill(_Text(words))[0]

    def _compile(self, option: str | list[str]) -> _Template | Fields:
        if isinstance(option, list):
            return tuple(option)
        if "${" not in option:
            return (option,)
        # Splitting at a pattern with one group gives literals at even places and slots at odd ones.
        pieces: list[str | tuple[_Slot, str]] = []
        for place, part in enumerate(_SLOT.split(option)):
            if place % 2:
                name, _, source = part.rpartition(":")
                pieces.append((self._slot(source), name))
            elif part:
                pieces.append(part)
        return _Template(tuple(pieces))

    def _slot(self, source: str) -> _Slot:
        first, range_mark, last = source.partition("..")
        if range_mark:
            return _Range(int(first), int(last))
        if not source.startswith("="):
            return self._draws[source]
        name, _, field = source[1:].partition(".")
        if name.isidentifier():
            return _Recall(name, int(field or "0"))
        return _Compute(_TERM.findall(name))
