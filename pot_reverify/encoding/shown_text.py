"""How text of unknown origin is shown: nothing in it can pass for a line of ours.

A verdict is read on a screen, so what the screen shows is evidence. Whoever makes a file chooses
the names in it, and a name may hold colour codes, line breaks, characters that turn the direction
of writing, characters that nobody sees, or so many spaces that it fills the rest of a line. Every
string that this software did not write itself passes through one of these functions first.
"""

import re
import unicodedata
from collections.abc import Iterator
from typing import Final

from pot_reverify.errors import PotAuditError

NAME_COLUMNS: Final = 60
SENTENCE_COLUMNS: Final = 2000
MAX_MARKS: Final = 2
"""Combining marks on one character: living languages stack two at most."""

# Seen as nothing, or as blank, though Unicode calls them letters, marks or symbols: the rest of
# Default_Ignorable_Code_Point (DerivedCoreProperties.txt) and what is drawn empty.
_BLANK: Final = frozenset(
    map(
        chr,
        (
            0x034F,
            0x115F,
            0x1160,
            0x17B4,
            0x17B5,
            *range(0x180B, 0x1810),
            0x2800,
            0x3164,
            *range(0xFE00, 0xFE10),
            0xFFA0,
            0xFFFC,
            0x1D159,
            *range(0xE0100, 0xE01F0),
        ),
    )
)
_PLAIN_PATH: Final = re.compile(r"[A-Za-z0-9_./:@+,=~%#-]+")
_PLAIN_FACT: Final = re.compile(r"[A-Za-z0-9_./:@+,=~%#()'-]+(?: [A-Za-z0-9_./:@+,=~%#()'-]+)*")
_UNDECODABLE: Final = range(0xDC80, 0xDD00)


def sentence(text: str, limit: int = SENTENCE_COLUMNS) -> str:
    """A sentence of ours with strings of others in it: escaped, one space at a time, cut."""
    kept, left_out = _cut(text, limit, "")
    return f"{kept} (+{left_out} characters)" if left_out else kept


def quoted(text: str, limit: int = NAME_COLUMNS) -> str:
    """A string of others: in quotes, escaped, one space at a time, cut after `limit` columns."""
    kept, left_out = _cut(text, limit, '"\\')
    return f'"{kept}"' + (f" (+{left_out} characters)" if left_out else "")


def shown_path(path: object, limit: int = 200) -> str:
    """A path or an id: as it stands if every character of it is harmless, else quoted."""
    text = str(path)
    return text if len(text) <= limit and _PLAIN_PATH.fullmatch(text) else quoted(text, limit)


def shown_fact(text: str, limit: int = 400) -> str:
    """What was expected or found: as it stands if it is a few plain words, else quoted."""
    return text if len(text) <= limit and _PLAIN_FACT.fullmatch(text) else quoted(text, limit)


def error_text(error: PotAuditError) -> str:
    """A finding in one line: where, what, what was expected and found, and its reason code."""
    where = "" if error.where is None else f"{shown_fact(error.where)}: "
    parts = [where + sentence(error.message)]
    if error.expected is not None:
        parts.append(f"expected {shown_fact(error.expected)}")
    if error.got is not None:
        parts.append(f"got {shown_fact(error.got)}")
    return f"{'; '.join(parts)} [{error.code}]"


def columns(text: str) -> int:
    """How many columns of a terminal escaped text takes at most."""
    return len(text) if text.isascii() else sum(map(_columns_of, text))


def escape(character: str) -> str:
    """A character as its number in hex, behind a backslash; a byte of a file name as one."""
    number = ord(character)
    if number in _UNDECODABLE:
        return f"\\x{number - 0xDC00:02x}"
    return f"\\u{number:04x}" if number <= 0xFFFF else f"\\U{number:08x}"


def _cut(text: str, limit: int, backslashed: str) -> tuple[str, int]:
    """The text up to a width, and how many characters of it are left out."""
    kept: list[str] = []
    width = 0
    for position, piece in enumerate(_pieces(text, backslashed)):
        width += columns(piece)
        if width > limit:
            return "".join(kept) + "…", len(text) - position
        kept.append(piece)
    return "".join(kept), 0


def _pieces(text: str, backslashed: str) -> Iterator[str]:
    """What stands for each character; nothing for a space behind a space."""
    marks, before = MAX_MARKS, ""  # a mark needs a character to stand on
    for character in text:
        if character in backslashed:
            piece = f"\\{character}"
        elif character == " ":
            piece = "" if before == " " else " "
        elif not character.isprintable() or character in _BLANK:
            piece = escape(character)
        elif unicodedata.category(character)[0] == "M":
            marks += 1
            piece = character if marks <= MAX_MARKS else escape(character)
            yield piece
            continue
        else:
            piece = character
        marks = 0 if piece == character != " " else MAX_MARKS
        before = character
        yield piece


def _columns_of(character: str) -> int:
    """2 also for characters whose width depends on the terminal: rather wrapped too early."""
    return 2 if unicodedata.east_asian_width(character) in "WFA" else 1
