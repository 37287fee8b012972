"""Standard output and standard error as they are: closed, full, or unable to say γ.

The exit code of a command says what it found. A pipe that was closed, a full disk or a terminal
that knows only Latin-1 must not change it: what cannot be written is lost, and nothing else is. The
channel is also the last guard of the screen: no control character goes through it but our own.
"""

import codecs
import contextlib
import errno
import io
import os
import select
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from pot_reverify.encoding.shown_text import escape

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer

_READABLE: Final = {
    "α": "alpha",
    "γ": "gamma",
    "δ": "delta",
    "ε": "epsilon",
    "−": "-",
    "–": "-",
    "…": "...",
    "·": "*",
    "×": "x",
    "≤": "<=",
    "²": "^2",
}
_HANDLER: Final = "pot-audit-readable"


class Channel(io.TextIOWrapper):
    """A text stream that never fails, whatever becomes of what is behind it.

    Args:
        stream: what Python opened, or None if there was nothing to open.

    Attributes:
        failure: what went wrong first, if anything did.
    """

    def __init__(self, stream: io.TextIOWrapper | None) -> None:
        self._said_encoding = "utf-8" if stream is None else stream.encoding
        self._sink = _Sink(None if stream is None else stream.buffer)
        # click replaces a stream that calls itself ASCII by one of its own. ASCII is UTF-8.
        is_ascii = codecs.lookup(self._said_encoding).name == "ascii"
        super().__init__(
            self._sink,
            encoding="utf-8" if is_ascii else self._said_encoding,
            errors="backslashreplace",
            write_through=True,
        )

    @property
    def failure(self) -> OSError | ValueError | None:
        """The first error of the stream behind."""
        return self._sink.failure

    def write(self, text: str) -> int:
        """Write text; characters that are no text become escapes."""
        return self.write_control("\n".join(map(visible, text.split("\n"))))

    def write_control(self, text: str) -> int:
        """Write our own text, in which control characters are meant."""
        super().write(self.encodable(text))
        return len(text)

    def encodable(self, text: str) -> str:
        """The text with what the channel cannot say in other words."""
        try:
            text.encode(self._said_encoding)
        except UnicodeEncodeError:
            return text.encode(self._said_encoding, _HANDLER).decode(self._said_encoding)
        return text


class _Sink(io.RawIOBase):
    """Bytes go to a stream until it fails, and nowhere after that."""

    name = "<channel>"

    def __init__(self, stream: Any) -> None:  # noqa: ANN401  any kind of buffer
        # Behind Python's buffer: what a buffer cannot get rid of, it fails with once more at exit.
        self._raw: io.RawIOBase | None = getattr(stream, "raw", stream)
        self.failure: OSError | ValueError | None = None

    def writable(self) -> bool:
        """Always."""
        return True

    def write(self, data: "ReadableBuffer") -> int:
        """Write all of it, or remember why not."""
        whole = memoryview(data).cast("B")
        rest = whole
        while rest and self.failure is None and self._raw is not None:
            try:
                written = self._raw.write(rest)
                if written is None:  # others may have made the pipe non-blocking
                    select.select([], [self._raw], [])
                rest = rest[written or 0 :]
            except (OSError, ValueError) as error:
                self.failure = error
        return len(whole)

    def fileno(self) -> int:
        """Of the stream behind."""
        if self._raw is None:
            raise OSError(errno.EBADF, os.strerror(errno.EBADF))
        return int(self._raw.fileno())

    def isatty(self) -> bool:
        """Whether the stream behind is a terminal."""
        try:
            return self._raw is not None and bool(self._raw.isatty())
        except (OSError, ValueError):
            return False


def open_channels() -> None:
    """Put channels in the place of Python's streams. Afterwards no output can raise.

    Descriptors 0 to 2 that are closed are opened on nothing first: else the first file that a
    command opens would get the number, and whatever a library prints would go into it.
    """
    for number in range(3):
        try:
            os.fstat(number)
        except OSError:
            with contextlib.suppress(OSError):
                os.open(os.devnull, os.O_RDWR)
    if sys.stdin is None:
        sys.stdin = Path(os.devnull).open(encoding="utf-8")  # noqa: SIM115  for good
    # Whoever runs a command inside a program of theirs may have put something else there.
    if sys.stdout is None or isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout = Channel(sys.stdout)
    if sys.stderr is None or isinstance(sys.stderr, io.TextIOWrapper):
        sys.stderr = Channel(sys.stderr)


def visible(text: str) -> str:
    """Text of one line, with escapes for what is neither a character to see nor a space."""
    if text.isprintable():
        return text
    return "".join(one if one.isprintable() else escape(one) for one in text)


def _say_otherwise(error: UnicodeError) -> tuple[str | bytes, int]:
    if not isinstance(error, UnicodeEncodeError):
        raise error
    lost = error.object[error.start : error.end]
    return "".join(_READABLE.get(one) or escape(one) for one in lost), error.end


codecs.register_error(_HANDLER, _say_otherwise)
