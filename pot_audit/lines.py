"""The only way to say something: a line on standard output or error, or one JSON object.

Lines are wrapped here, with an indent, and not by the terminal: what a name makes too long goes on
further to the right, where no row of a verdict and no verdict can start. Rows of ours start in
column 0 or 2.
"""

import json
import os
import re
import shutil
import sys
from collections.abc import Iterable
from typing import Final, Self, TextIO

import click

from pot_audit.channel import Channel
from pot_reverify.encoding.shown_text import columns

DEFAULT_COLUMNS: Final = 80
_MIN_COLUMNS: Final = 40
_MIN_INDENT: Final = 4
_LABEL_COLUMNS: Final = 30
_WORD: Final = re.compile(r" *[^ ]+")
_SPACES_IN_A_STRING: Final = re.compile(r"(?<=[^ \n])  +")


class Line(str):
    """A line, a part of which is coloured on a terminal.

    Args:
        text: the line.
        colour: a colour of click, or None.
        start: where the coloured part starts.
        end: where it ends; None for the end of the line, however it is wrapped.
    """

    __slots__ = ("bold", "colour", "end", "start")

    def __new__(
        cls,
        text: str,
        colour: str | None = None,
        start: int = 0,
        end: int | None = None,
        *,
        bold: bool = False,
    ) -> Self:
        """A line is made in one go, as every string is."""
        line = super().__new__(cls, text)
        line.colour, line.start, line.end, line.bold = colour, start, end, bold
        return line

    colour: str | None
    start: int
    end: int | None
    bold: bool


def say(*lines: str) -> None:
    """Say lines on standard output."""
    _say(lines, sys.stdout)


def tell(*lines: str) -> None:
    """Say lines on standard error: what is going on, errors, hints."""
    _say(lines, sys.stderr)


def say_json(document: object, indent: int | None = None) -> None:
    """Say one JSON object: in ASCII, without control characters, and without runs of spaces.

    An escaped space is a space to whoever parses it, and cannot fill the rest of a screen's line.
    """
    text = json.dumps(document, indent=indent, ensure_ascii=True).replace("\x7f", "\\u007f")
    text = _SPACES_IN_A_STRING.sub(lambda run: " " + "\\u0020" * (len(run[0]) - 1), text)
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


def _say(lines: Iterable[str], stream: TextIO) -> None:
    width = screen_columns(stream)
    for line in lines:
        text = line if isinstance(line, Line) else Line(line)
        encodable = stream.encodable(text) if isinstance(stream, Channel) else text
        for number, part in enumerate(fold(encodable, width)):
            _put(part, text if number == 0 or text.end is None else Line(""), stream)
    stream.flush()


def _put(part: str, look: Line, stream: TextIO) -> None:
    if look.colour is None or not _is_coloured(stream):
        stream.write(part + "\n")
        return
    end = len(part) if look.end is None else look.end
    stream.write(part[: look.start])
    styled = click.style(part[look.start : end], fg=look.colour, bold=look.bold or None)
    if isinstance(stream, Channel):
        stream.write_control(styled)
    else:
        stream.write(styled)
    stream.write(part[end:] + "\n")


def fold(line: str, width: int) -> list[str]:
    """A line in pieces of at most `width` columns; those behind the first are indented.

    They start below the text of the first where that has a label in front of it.
    """
    if columns(line) <= width:
        return [line]
    gaps = [gap.end() for gap in re.finditer(r"  +", line[:_LABEL_COLUMNS])]
    indent = max(_MIN_INDENT, gaps[-1] if gaps else 0)
    indent = _MIN_INDENT if indent > width // 2 else indent
    pieces, piece = [], ""
    for word in _WORD.findall(line):
        if columns(piece + word) <= width:
            piece += word
            continue
        if piece.strip():
            pieces.append(piece)
            word = word.lstrip(" ")  # noqa: PLW2901  it starts a piece
            # A digest stays in one piece where it can.
            room = width - columns(word)
            piece = " " * (indent if indent <= room else _MIN_INDENT)
        rest = piece + word
        while columns(rest) > width:
            cut = _fitting(rest, width)
            pieces.append(rest[:cut])
            rest = " " * indent + rest[cut:]
        piece = rest
    return [*pieces, piece]


def _fitting(text: str, width: int) -> int:
    """How many characters go into `width` columns."""
    taken = 0
    for position, character in enumerate(text):
        taken += columns(character)
        if taken > width:
            return position
    return len(text)


def screen_columns(stream: TextIO) -> int:
    """The width of a terminal; of anything else COLUMNS, or 80."""
    wanted = shutil.get_terminal_size((DEFAULT_COLUMNS, 24)).columns
    try:
        # COLUMNS may widen a file, not a terminal.
        real = os.get_terminal_size(stream.fileno()).columns if stream.isatty() else wanted
    except (OSError, ValueError):
        real = wanted
    return max(_MIN_COLUMNS, min(wanted, real or wanted))


def _is_coloured(stream: TextIO) -> bool:
    return (
        stream.isatty()
        and os.name != "nt"  # older consoles of Windows show the codes
        and not os.environ.get("NO_COLOR")
        and os.environ.get("TERM") != "dumb"
    )
