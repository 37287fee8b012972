"""The journal: a `.potb.partial` file that grows by whole challenges and survives a crash.

Frames go to the operating system at once, so that a killed process loses nothing; they are forced
to disk every second or every 16 challenges, so that a power cut loses at most that much.
"""

import fcntl
import os
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

from pot_reverify.container.frames import HEADER, Frame, FrameType, encode_frame, read_frames
from pot_reverify.container.merkle import leaf_digest
from pot_reverify.documents.challenge_record import (
    PROBES,
    Content,
    Record,
    parse_content,
    parse_record,
)
from pot_reverify.documents.head import Head, parse_head
from pot_reverify.errors import Rejection
from pot_reverify.input_files import open_regular, size_of

SYNC_INTERVAL_S = 1.0
SYNC_CHALLENGES = 16


@dataclass(frozen=True, slots=True)
class JournaledChallenge:
    """What must be known of a challenge to go on, and to prove the decision.

    Args:
        scores: wherever they stand, in the record or hidden in the contents.
        salts: of the four contents.
    """

    record: Record
    scores: tuple[int, ...]
    salts: tuple[bytes, ...]

    @classmethod
    def of(cls, record: Record, contents: Sequence[Content]) -> Self:
        """A challenge of a record and its contents."""
        hidden = tuple(content.score for content in contents if content.score is not None)
        salts = tuple(content.salt for content in contents)
        return cls(record, hidden if record.scores is None else record.scores, salts)


@dataclass(frozen=True, slots=True)
class Recovered:
    """What a partial file holds.

    Args:
        head: its HEAD.
        challenges: the whole ones.
        leaf_digests: of all leaves that are kept, in order.
        end_offset_bytes: where the last whole challenge ends.
    """

    head: Head
    challenges: tuple[JournaledChallenge, ...]
    leaf_digests: tuple[bytes, ...]
    end_offset_bytes: int

    @property
    def records(self) -> tuple[Record, ...]:
        """One a whole challenge."""
        return tuple(challenge.record for challenge in self.challenges)


class Journal:
    """An append-only bundle in the making. One process at a time writes it.

    Attributes:
        leaf_digests: of every leaf so far.
        challenges: every challenge so far.
    """

    def __init__(self, path: Path, descriptor: int) -> None:
        self.path = path
        self.leaf_digests: list[bytes] = []
        self.challenges: list[JournaledChallenge] = []
        self._descriptor = descriptor
        self._unsynced_challenges = 0
        self._synced_at_s = time.monotonic()

    @classmethod
    def create(cls, path: Path, head: Head) -> Self:
        """Start a new file.

        Raises:
            Rejection: ``journal.exists``.
            OSError: it cannot be written.
        """
        try:
            descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o644)
        except FileExistsError:
            raise Rejection(
                "journal.exists",
                "an interrupted recording is there; continue it with --resume, or delete it",
                where=str(path),
            ) from None
        journal = cls(path, descriptor)
        try:
            journal._lock()
            journal._write(HEADER)
            journal.append_leaf(FrameType.HEAD, head.encode())
            journal.sync()
        except BaseException:  # a file without a whole HEAD is worth nothing, and is in the way
            journal.close()
            path.unlink()
            raise
        return journal

    @classmethod
    def reopen(cls, path: Path) -> tuple[Self, Recovered]:
        """Cut a partial file after its last whole challenge, and go on from there.

        Raises:
            Rejection: ``journal.locked``; ``journal.damaged``; what reading the head raises, if
                not even HEAD is whole.
            OSError: it cannot be read or written.
        """
        journal = cls(path, os.open(path, os.O_RDWR | os.O_CLOEXEC))
        try:
            journal._lock()
            recovered = recover(path)
            journal.leaf_digests += recovered.leaf_digests
            journal.challenges += recovered.challenges
            os.ftruncate(journal._descriptor, recovered.end_offset_bytes)
            os.lseek(journal._descriptor, 0, os.SEEK_END)
            journal.sync()
        except BaseException:
            journal.close()
            raise
        return journal, recovered

    def append_challenge(self, record: Record, contents: tuple[Content, ...]) -> None:
        """Append one challenge; all of it, or after a crash none of it."""
        frames = [encode_frame(FrameType.RECORD, record.encode())]
        leaves = [leaf_digest(FrameType.RECORD, record.encode())]
        for content in contents:
            payload = content.encode()
            frames.append(encode_frame(FrameType.CONTENT, payload))
            leaves.append(leaf_digest(FrameType.CONTENT, payload))
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
        os.fsync(self._descriptor)
        self._unsynced_challenges = 0
        self._synced_at_s = time.monotonic()

    def publish(self, path: Path) -> None:
        """Give the finished file its name, atomically, and make the name durable.

        Raises:
            Rejection: ``session.output-exists``; then the journal stays.
            OSError: the file cannot be linked or forced to disk.
        """
        self.sync()
        try:
            path.hardlink_to(self.path)  # unlike a rename, it replaces nothing
        except FileExistsError:
            raise Rejection(
                "session.output-exists", "bundles are never overwritten", where=str(path)
            ) from None
        self.path.unlink()
        self.close()
        folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)

    def close(self) -> None:
        """Close the file; closing twice is allowed."""
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

    def _lock(self) -> None:
        try:
            fcntl.flock(self._descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise Rejection(
                "journal.locked", "another process is recording into it", where=str(self.path)
            ) from None

    def _write(self, data: bytes) -> None:
        rest = memoryview(data)
        try:
            while rest:
                rest = rest[os.write(self._descriptor, rest) :]
        except OSError:
            self.close()  # nothing may be written behind a frame that is cut off
            raise


def recover(path: Path) -> Recovered:
    """Read a partial file up to its last whole challenge; what follows is ignored.

    Raises:
        Rejection: ``journal.damaged``, if a whole frame is not what was written; what reading the
            head raises, if not even HEAD is whole.
        OSError: it cannot be read.
    """
    with open_regular(path) as stream:
        frames = read_frames(stream, size_of(stream))
        first = next(frames, None)
        if first is None or first.type is not FrameType.HEAD:
            raise Rejection(
                "container.head-missing",
                "the partial recording does not even hold a whole HEAD; delete it",
                where=str(path),
            )
        head = parse_head(first.payload, first.where)
        challenges: list[JournaledChallenge] = []
        leaves = [leaf_digest(first.type, first.payload)]
        end = first.end_offset_bytes
        pending: list[Frame] = []
        try:
            for frame in frames:
                wanted = FrameType.CONTENT if pending else FrameType.RECORD
                if frame.type is not wanted:
                    break
                pending.append(frame)
                if len(pending) == 1 + PROBES:
                    digests = [leaf_digest(one.type, one.payload) for one in pending]
                    number = len(challenges) + 1
                    challenges.append(_read_challenge(pending, digests[1:], number, path))
                    leaves += digests
                    end = frame.end_offset_bytes
                    pending = []
        except Rejection as error:
            if error.code == "journal.damaged":
                raise
            # Else what a crash cut off, or what a power cut left behind the last forced frame.
    return Recovered(head, tuple(challenges), tuple(leaves), end)


def _read_challenge(
    frames: Sequence[Frame], content_digests: list[bytes], number: int, path: Path
) -> JournaledChallenge:
    """A crash cuts a file off; it neither skips a challenge nor exchanges a content."""
    record = parse_record(frames[0].payload, frames[0].where)
    if record.index == number and list(record.content_digests) == content_digests:
        contents = [parse_content(frame.payload, frame.where) for frame in frames[1:]]
        challenge = JournaledChallenge.of(record, contents)
        if len(challenge.scores) == PROBES:
            return challenge
    raise Rejection(
        "journal.damaged",
        "the interrupted recording was changed or damaged; it cannot be continued",
        where=f"{path}, challenge {number}",
    )


def partial_path_of(output: Path) -> Path:
    """Where the journal of a recording is kept."""
    return output.with_name(output.name + ".partial")
