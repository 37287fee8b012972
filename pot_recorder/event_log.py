"""What happened to a run, authenticated: every challenge, error, interruption and resumption.

A journal lies open until it is sealed, and a resumed run signs what stands in it. Beside it lies
this file, to which each challenge and each event is added as a line under a key that follows from
the run's secret, chained to the line before. Who can write the files, and has not the recorder's
key, can cut a recording off, as a crash does; nothing else is taken for the recorder's.
"""

import hmac
import json
import os
import re
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, Self

from pot_recorder.file_modes import PRIVATE
from pot_reverify.documents.reveal import RunEvent
from pot_reverify.encoding.digest import sha256_digest
from pot_reverify.errors import Rejection
from pot_reverify.input_files import open_regular

_KEY_INFO: Final = b"pot-audit/journal-key/1"
_MAX_MESSAGE_CHARACTERS: Final = 2000
_LINE: Final = re.compile(rb"([0-9a-f]{64}) (\{.*\})")
_START: Final = bytes(32)


def journal_key(secret: bytes, run_id: bytes) -> bytes:
    """HKDF-SHA256 (RFC 5869) of the run's secret with the run id as salt; one block of output."""
    extracted = hmac.digest(run_id, secret, "sha256")
    return hmac.digest(extracted, _KEY_INFO + b"\x01", "sha256")


@dataclass(slots=True)
class _Contents:
    """What the authentic lines say.

    Args:
        link: the authentication of the last of them.
        end_bytes: where they end.
    """

    head: str | None = None
    challenges: list[str] = field(default_factory=list)
    events: list[RunEvent] = field(default_factory=list)
    link: bytes = _START
    end_bytes: int = 0


class EventLog:
    """A file of authenticated lines beside a journal. Whoever opens it holds the journal's lock."""

    def __init__(self, path: Path, descriptor: int, key: bytes) -> None:
        self._path = path
        self._descriptor = descriptor
        self._key = key
        self._contents = _Contents()

    @classmethod
    def create(cls, journal_path: Path, key: bytes, head_leaf: bytes) -> Self:
        """Start a new log, in the place of one whose journal is gone.

        Args:
            key: from `journal_key`.
            head_leaf: leaf digest of the journal's HEAD.

        Raises:
            OSError: it cannot be written.
        """
        path = events_path_of(journal_path)
        path.unlink(missing_ok=True)
        flags = os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC
        log = cls(path, os.open(path, flags, PRIVATE), key)
        try:
            log._add({"head": head_leaf.hex()})
        except BaseException:
            log.close()
            log.delete()
            raise
        return log

    @classmethod
    def reopen(cls, journal_path: Path, key: bytes) -> Self:
        """Read a log, to go on with it behind its last authentic line.

        Raises:
            Rejection: ``journal.not-authenticated`` if there is none of this kind,
                ``journal.not-authentic`` for a line that is not the recorder's.
            OSError: it cannot be read.
        """
        path = events_path_of(journal_path)
        try:
            log = cls(path, os.open(path, os.O_RDWR | os.O_CLOEXEC | os.O_NOFOLLOW), key)
        except FileNotFoundError:
            raise _not_authenticated(path) from None
        try:
            log._read()
        except BaseException:
            log.close()
            raise
        return log

    @property
    def events(self) -> tuple[RunEvent, ...]:
        """What happened so far, but for the challenges."""
        return tuple(self._contents.events)

    @property
    def challenges(self) -> int:
        """How many challenges it vouches for."""
        return len(self._contents.challenges)

    def vouches_for_head(self, leaf: bytes) -> bool:
        """Whether the journal was begun with this HEAD."""
        return self._contents.head == leaf.hex()

    def vouches_for(self, number: int, leaves: Sequence[bytes]) -> bool:
        """Whether these are the leaves of a challenge, counted from 1."""
        return self._contents.challenges[number - 1] == _digest_of(leaves)

    def note(self, kind: str, message: str) -> None:
        """Add an event; a full disk must not hide the error that the event tells of."""
        event = {
            "at_ns": time.time_ns(),
            "kind": kind,
            "message": message[:_MAX_MESSAGE_CHARACTERS],
        }
        try:
            self._add({"event": event})
            self.sync()
        except OSError:
            return

    def add_challenge(self, leaves: Sequence[bytes]) -> None:
        """Vouch for the next challenge, before it is written.

        Raises:
            OSError: the line cannot be written.
        """
        self._add({"challenge": _digest_of(leaves)})

    def cut(self, challenges: int) -> None:
        """Vouch for the first challenges only: a crash took the others from the journal.

        Raises:
            OSError: the line cannot be written.
        """
        if challenges < self.challenges:
            self._add({"cut": challenges})

    def sync(self) -> None:
        """Force everything to disk."""
        os.fsync(self._descriptor)

    def close(self) -> None:
        """Close the file; closing twice is allowed."""
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1

    def delete(self) -> None:
        """The events are in the bundle now."""
        self._path.unlink(missing_ok=True)

    def _add(self, entry: Mapping[str, object]) -> None:
        """Write a line behind the last; what a failed write left there is written over."""
        contents, text = self._contents, json.dumps(entry).encode()
        link = self._link(text)
        line = link.hex().encode() + b" " + text + b"\n"
        position = contents.end_bytes
        while line:
            written = os.pwrite(self._descriptor, line, position)
            position, line = position + written, line[written:]
        os.ftruncate(self._descriptor, position)
        contents.link, contents.end_bytes = link, position
        _apply(contents, entry)

    def _read(self) -> None:
        with open_regular(self._path) as stream:
            data = stream.read()
        for number, line in enumerate(data.split(b"\n")[:-1], start=1):  # behind the last: torn
            match = _LINE.fullmatch(line)
            if match is None:
                break  # no line of ours was ever there: what a power cut left
            link = self._link(match[2])
            if not hmac.compare_digest(link.hex().encode(), match[1]):
                raise not_authentic(f"{self._path}, line {number}")
            self._contents.link = link
            self._contents.end_bytes += len(line) + 1
            _apply(self._contents, json.loads(match[2]))
        if self._contents.head is None:
            raise _not_authenticated(self._path)

    def _link(self, text: bytes) -> bytes:
        return hmac.digest(self._key, self._contents.link + text, "sha256")


def events_path_of(journal_path: Path) -> Path:
    """Where the log of a journal is kept."""
    return journal_path.with_name(journal_path.name + ".events")


def not_authentic(where: str) -> Rejection:
    """Something stands there that the recorder has not written."""
    return Rejection(
        "journal.not-authentic",
        "the interrupted recording was changed, or is of another run; it cannot be continued",
        where=where,
    )


def _not_authenticated(path: Path) -> Rejection:
    return Rejection(
        "journal.not-authenticated",
        "nothing vouches for the interrupted recording: it is of an older version, or this file "
        "was lost; delete it and start anew with a later attempt number",
        where=str(path),
    )


def _apply(contents: _Contents, entry: Mapping[str, object]) -> None:
    match entry:
        case {"head": str(leaf)}:
            contents.head = leaf
        case {"challenge": str(digest)}:
            contents.challenges.append(digest)
        case {"cut": int(count)}:
            del contents.challenges[count:]
        case {"event": {"at_ns": int(at_ns), "kind": str(kind), "message": str(message)}}:
            contents.events.append(RunEvent(at_ns, kind, message))


def _digest_of(leaves: Sequence[bytes]) -> str:
    return sha256_digest(b"".join(leaves)).hex()
