"""Run the command line in a fork of this process: a terminal or a pipe behind it, and no import."""

import fcntl
import io
import os
import pty
import struct
import sys
import termios
import unicodedata
from dataclasses import dataclass
from pathlib import Path

COLUMNS = 80


@dataclass(frozen=True)
class Done:
    """What came out of both streams together, and the exit code."""

    exit_code: int
    output: bytes

    @property
    def text(self) -> str:
        """Decoded; a stream that is not UTF-8 fails the test."""
        return self.output.decode()


def run_forked(*arguments: str | bytes | Path, terminal: bool = False) -> Done:
    """Run a command with 80 columns and read all that it says."""
    if terminal:
        reader, writer = pty.openpty()
        fcntl.ioctl(writer, termios.TIOCSWINSZ, struct.pack("HHHH", 24, COLUMNS, 0, 0))
    else:
        reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        _be_the_command([os.fsdecode(one) for one in arguments], reader, writer)
    os.close(writer)
    output = b""
    while True:
        try:
            more = os.read(reader, 1 << 16)
        except OSError:  # how a terminal says that nobody holds its other end
            break
        if not more:
            break
        output += more
    os.close(reader)
    _, status = os.waitpid(child, 0)
    return Done(os.waitstatus_to_exitcode(status), output.replace(b"\r\n", b"\n"))


def _be_the_command(arguments: list[str], reader: int, writer: int) -> None:
    code = 99
    try:
        os.close(reader)
        os.environ.pop("COLUMNS", None)
        os.environ.pop("NO_COLOR", None)
        os.environ["TERM"] = "xterm"
        empty = os.open(os.devnull, os.O_RDONLY)
        for number, descriptor in enumerate((empty, writer, writer)):
            os.dup2(descriptor, number)
        sys.stdin = io.TextIOWrapper(io.BufferedReader(io.FileIO(0)), encoding="utf-8")
        for name, number in (("stdout", 1), ("stderr", 2)):
            raw = io.FileIO(number, "w", closefd=False)
            stream = io.TextIOWrapper(io.BufferedWriter(raw), encoding="utf-8")
            setattr(sys, name, stream)
            setattr(sys, f"__{name}__", stream)
        sys.argv = ["pot-audit", *arguments]
        from pot_audit.__main__ import main

        main()
    except SystemExit as end:
        code = end.code if isinstance(end.code, int) else 98
    finally:
        os._exit(code)


def screen_lines(text: str) -> list[str]:
    """The lines as a terminal of 80 columns shows them: what is too long is wrapped."""
    shown = []
    for line in text.split("\n"):
        row, width = "", 0
        for character in line:
            columns = 2 if unicodedata.east_asian_width(character) in "WF" else 1
            if width + columns > COLUMNS:
                shown.append(row)
                row, width = "", 0
            row, width = row + character, width + columns
        shown.append(row)
    return shown
