"""Signals that end a program: they raise, so that everything is put in order on the way out."""

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from types import FrameType
from typing import Final

ENDING_SIGNALS: Final = tuple(
    getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name)
)


class Stopped(KeyboardInterrupt):
    """A signal asked the program to end.

    Args:
        number: of the signal.
    """

    def __init__(self, number: int) -> None:
        self.number = number
        super().__init__(signal.Signals(number).name)

    @property
    def exit_code(self) -> int:
        """What shells report of a program that the signal ended."""
        return 128 + self.number


def raise_on_signals() -> None:
    """From now on Ctrl-C, SIGTERM and SIGHUP raise `Stopped` in the main thread.

    A signal that whoever started the program has it ignore (``nohup``) stays ignored.
    """
    for number in ENDING_SIGNALS:
        if signal.getsignal(number) is not signal.SIG_IGN:
            signal.signal(number, _raise)


@contextmanager
def deferred_interrupts() -> Iterator[None]:
    """The signals wait until the block is done: sealing, and taking away what nobody may find."""
    caught: list[int] = []

    def remember(number: int, _frame: FrameType | None) -> None:
        caught.append(number)

    before = {}
    try:
        for number in ENDING_SIGNALS:
            if signal.getsignal(number) is not signal.SIG_IGN:
                before[number] = signal.signal(number, remember)
    except ValueError:  # not in the main thread, which is the only one that gets signals
        yield
        return
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
        if caught:
            raise Stopped(caught[0])


@contextmanager
def private_folder(prefix: str) -> Iterator[Path]:
    """A temporary folder of mode 0700 that no signal leaves behind."""
    folder = TemporaryDirectory(prefix=prefix)
    try:
        yield Path(folder.name)
    finally:
        with deferred_interrupts():
            folder.cleanup()


def _raise(number: int, _frame: FrameType | None) -> None:
    raise Stopped(number)
