"""A `.potb.partial` file as a crash may have left it: what of it is whole."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from pot_reverify.container.frames import Frame, FrameType, read_frames
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

LEAVES_A_CHALLENGE = 1 + PROBES


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
    """What a partial file holds; whether it is what was written is for its event log to say.

    Args:
        head: its HEAD.
        challenges: the whole ones.
        leaf_digests: of all leaves that are kept, in order.
        end_offsets_bytes: where HEAD ends, and each whole challenge.
    """

    head: Head
    challenges: tuple[JournaledChallenge, ...]
    leaf_digests: tuple[bytes, ...]
    end_offsets_bytes: tuple[int, ...]

    @property
    def end_offset_bytes(self) -> int:
        """Where the last whole challenge ends."""
        return self.end_offsets_bytes[-1]

    def leaves_of(self, number: int) -> tuple[bytes, ...]:
        """The leaf digests of a challenge, counted from 1."""
        end = 1 + LEAVES_A_CHALLENGE * number
        return self.leaf_digests[end - LEAVES_A_CHALLENGE : end]

    def first(self, count: int) -> Self:
        """The same without what stands behind the first challenges."""
        return type(self)(
            self.head,
            self.challenges[:count],
            self.leaf_digests[: 1 + LEAVES_A_CHALLENGE * count],
            self.end_offsets_bytes[: 1 + count],
        )

    @property
    def records(self) -> tuple[Record, ...]:
        """One a whole challenge."""
        return tuple(challenge.record for challenge in self.challenges)


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
        ends = [first.end_offset_bytes]
        pending: list[Frame] = []
        try:
            for frame in frames:
                wanted = FrameType.CONTENT if pending else FrameType.RECORD
                if frame.type is not wanted:
                    break
                pending.append(frame)
                if len(pending) == LEAVES_A_CHALLENGE:
                    digests = [leaf_digest(one.type, one.payload) for one in pending]
                    number = len(challenges) + 1
                    challenges.append(_read_challenge(pending, digests[1:], number, path))
                    leaves += digests
                    ends.append(frame.end_offset_bytes)
                    pending = []
        except Rejection as error:
            if error.code == "journal.damaged":
                raise
            # Else what a crash cut off, or what a power cut left behind the last forced frame.
    return Recovered(head, tuple(challenges), tuple(leaves), tuple(ends))


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
