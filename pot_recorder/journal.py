"""The journal: a `.potb.partial` file that grows by whole challenges and survives a crash.

Frames go to the operating system at once, so that a killed process loses nothing; they are forced
to disk every second or every 16 challenges, so that a power cut loses at most that much.
"""

import fcntl
import os
import time
from pathlib import Path
from types import TracebackType
from typing import Self

from pot_recorder.event_log import EventLog, events_path_of, not_authentic
from pot_recorder.file_modes import PRIVATE, public_mode
from pot_recorder.interrupts import deferred_interrupts
from pot_recorder.partial_file import JournaledChallenge, Recovered, recover
from pot_reverify.container.frames import HEADER, FrameType, encode_frame
from pot_reverify.container.merkle import leaf_digest
from pot_reverify.documents.challenge_record import Content, Record
from pot_reverify.documents.head import Head
from pot_reverify.errors import Rejection

SYNC_INTERVAL_S = 1.0
SYNC_CHALLENGES = 16


class Journal:
    """An append-only bundle in the making. One process at a time writes it.

    Attributes:
        leaf_digests: of every leaf so far.
        challenges: every challenge so far.
        events: what happened to the run, and what vouches for the challenges.
    """

    def __init__(self, path: Path, descriptor: int, events: EventLog) -> None:
        self.path = path
        self.events = events
        self.leaf_digests: list[bytes] = []
        self.challenges: list[JournaledChallenge] = []
        self._descriptor = descriptor
        self._unsynced_challenges = 0
        self._synced_at_s = time.monotonic()

    @classmethod
    def create(cls, path: Path, head: Head, key: bytes) -> Self:
        """Start a new file of mode 0600: it holds what the signer may want to withhold.

        Args:
            key: from `journal_key`; it authenticates what is written.

        Raises:
            Rejection: ``journal.exists``.
            OSError: it cannot be written.
        """
        try:
            descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, PRIVATE)
        except FileExistsError:
            raise Rejection(
                "journal.exists",
                "an interrupted recording is there; continue it with --resume, or delete it",
                where=str(path),
            ) from None
        payload, journal = head.encode(), None
        try:
            _lock(descriptor, path)
            events = EventLog.create(path, key, leaf_digest(FrameType.HEAD, payload))
            journal = cls(path, descriptor, events)
            journal._write(HEADER)
            journal.append_leaf(FrameType.HEAD, payload)
            journal.sync()
        except BaseException:  # a file without a whole HEAD is worth nothing, and is in the way
            if journal is None:
                os.close(descriptor)
            else:
                journal.close()
            path.unlink()
            events_path_of(path).unlink(missing_ok=True)
            raise
        return journal

    @classmethod
    def reopen(cls, path: Path, key: bytes) -> tuple[Self, Recovered]:
        """Cut a partial file after its last whole and authentic challenge, and go on from there.

        Raises:
            Rejection: ``journal.locked``; ``journal.damaged``; ``journal.not-authentic`` for a
                challenge that is another than the recorder wrote there;
                ``journal.not-authenticated``; what reading the head raises, if not even HEAD is
                whole.
            OSError: it cannot be read or written.
        """
        descriptor = os.open(path, os.O_RDWR | os.O_CLOEXEC)
        try:
            _lock(descriptor, path)
            recovered, events = _recover_authentic(path, key)
        except BaseException:
            os.close(descriptor)
            raise
        journal = cls(path, descriptor, events)
        try:
            events.cut(len(recovered.challenges))
            journal.leaf_digests += recovered.leaf_digests
            journal.challenges += recovered.challenges
            os.ftruncate(descriptor, recovered.end_offset_bytes)
            os.lseek(descriptor, 0, os.SEEK_END)
            journal.sync()
        except BaseException:
            journal.close()
            raise
        return journal, recovered

    def append_challenge(self, record: Record, contents: tuple[Content, ...]) -> None:
        """Append one challenge; all of it, or after a crash none of it."""
        # What vouches for it is there first: a crash between the two loses only this challenge.
        frames = [encode_frame(FrameType.RECORD, record.encode())]
        leaves = [leaf_digest(FrameType.RECORD, record.encode())]
        for content in contents:
            payload = content.encode()
            frames.append(encode_frame(FrameType.CONTENT, payload))
            leaves.append(leaf_digest(FrameType.CONTENT, payload))
        self.events.add_challenge(leaves)
        self._write(b"".join(frames))
        self.leaf_digests += leaves
        self.challenges.append(JournaledChallenge.of(record, contents))
        self._unsynced_challenges += 1
        if (
            self._unsynced_challenges >= SYNC_CHALLENGES
            or time.monotonic() - self._synced_at_s >= SYNC_INTERVAL_S
        ):
            self.sync()

    def append_leaf(self, frame_type: FrameType, payload: bytes) -> None:
        """Append a HEAD, BLOB or REVEAL."""
        self._write(encode_frame(frame_type, payload))
        self.leaf_digests.append(leaf_digest(frame_type, payload))

    def append_unsigned(self, frame_type: FrameType, payload: bytes) -> None:
        """Append a STATEMENT, SIGNATURE or ATTACHMENT, which are no leaves."""
        self._write(encode_frame(frame_type, payload))

    def sync(self) -> None:
        """Force everything to disk."""
        self.events.sync()
        os.fsync(self._descriptor)
        self._unsynced_challenges = 0
        self._synced_at_s = time.monotonic()

    def publish(self, path: Path, *, is_public: bool) -> None:
        """Give the finished file its name, atomically, and make the name durable.

        Args:
            is_public: give it the mode of a new file, too; else only its owner can read it.

        Raises:
            Rejection: ``session.output-exists``; then the journal stays.
            OSError: the file cannot be linked or forced to disk.
        """
        self.sync()
        if is_public:
            os.fchmod(self._descriptor, public_mode())
        try:
            path.hardlink_to(self.path)  # unlike a rename, it replaces nothing
        except FileExistsError:
            raise Rejection(
                "session.output-exists", "bundles are never overwritten", where=str(path)
            ) from None
        self.path.unlink()
        self.events.delete()
        self.close()
        folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)

    def close(self) -> None:
        """Close both files; closing twice is allowed."""
        self.events.close()
        self._close_frames()

    def _close_frames(self) -> None:
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def _write(self, data: bytes) -> None:
        rest = memoryview(data)
        try:
            while rest:
                rest = rest[os.write(self._descriptor, rest) :]
        except OSError:
            self._close_frames()  # nothing may be written behind a frame that is cut off
            raise


def note_interruption(journal: Journal, stopped: KeyboardInterrupt) -> None:
    """Write into the events that the run was stopped, and by what, before anything else can."""
    by = str(stopped) or "a signal"
    with deferred_interrupts():
        journal.events.note("interrupt", f"interrupted by {by}")


def require_authentic(path: Path, key: bytes) -> None:
    """Find out whether a partial file can be continued, and change nothing.

    Raises:
        Rejection: as `Journal.reopen` raises, but for ``journal.locked``.
        OSError: a file cannot be read.
    """
    _recover_authentic(path, key)[1].close()


def _recover_authentic(path: Path, key: bytes) -> tuple[Recovered, EventLog]:
    recovered = recover(path)
    events = EventLog.reopen(path, key)
    try:
        return _authentic(recovered, events, path), events
    except BaseException:
        events.close()
        raise


def _lock(descriptor: int, path: Path) -> None:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        raise Rejection(
            "journal.locked", "another process is recording into it", where=str(path)
        ) from None


def _authentic(recovered: Recovered, events: EventLog, path: Path) -> Recovered:
    """What the log vouches for of a partial file; what a crash left behind that is cut off."""
    if not events.vouches_for_head(recovered.leaf_digests[0]):
        raise not_authentic(f"{path}, HEAD")
    count = min(len(recovered.challenges), events.challenges)
    for number in range(1, count + 1):
        if not events.vouches_for(number, recovered.leaves_of(number)):
            raise not_authentic(f"{path}, challenge {number}")
    return recovered.first(count)
