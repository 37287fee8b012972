"""The journal loses no whole challenge: not to a cut at any byte, a full disk, or a kill."""

import errno
import os
import random
import resource
import signal
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from pot_recorder import journal as journal_module
from pot_recorder.event_log import EventLog, events_path_of
from pot_recorder.journal import SYNC_CHALLENGES, Journal
from pot_recorder.partial_file import partial_path_of, recover
from pot_reverify import Rejection, VerdictWord, verify
from pot_reverify.container.frames import FrameType, read_frames
from pot_reverify.container.merkle import leaf_digest
from pot_reverify.documents.blob import Blob
from pot_reverify.documents.challenge_record import Content, Record
from pot_reverify.documents.head import parse_head
from pot_reverify.score.affinity import ProbeDistributions, affinity_score

BASE = Path(__file__).parents[2] / "fixtures" / "vectors" / "base.potb"


def head_of_base():
    with BASE.open("rb") as stream:
        first = next(read_frames(stream, BASE.stat().st_size))
    return parse_head(first.payload, first.where)


HEAD = head_of_base()
KEY = bytes(range(32))


def challenge(index: int) -> tuple[Record, tuple[Content, ...]]:
    """A challenge of the smallest size that the format allows."""
    draw = random.Random(index)
    contents = tuple(
        Content(
            salt=draw.randbytes(16),
            text=f"probe {number} of challenge {index}",
            token_ids=b"".join(draw.randbytes(1) + bytes(3) for _ in range(17)),
            distributions=ProbeDistributions(b"\x01" * 16, bytes(64), *[draw.randbytes(64)] * 2),
            score=None,
        )
        for number in range(4)
    )
    record = Record(
        index=index,
        scores=tuple(affinity_score(content.distributions) for content in contents),
        content_digests=tuple(
            leaf_digest(FrameType.CONTENT, content.encode()) for content in contents
        ),
        started_ns=2**62 + index,
        duration_ns=1,
        is_cold=index == 1,
    )
    return record, contents


def write(path: Path, count: int) -> list[int]:
    """A journal of `count` challenges; returns where HEAD and every challenge end."""
    with Journal.create(path, HEAD, KEY) as journal:
        ends = [path.stat().st_size]
        for index in range(1, count + 1):
            journal.append_challenge(*challenge(index))
            ends.append(path.stat().st_size)
    return ends


@contextmanager
def file_size_limit(limit_bytes: int) -> Iterator[None]:
    """Writing beyond `limit_bytes` fails in this process, as on a full disk."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    before = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit_bytes, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
        signal.signal(signal.SIGXFSZ, before)


def test_what_is_written_is_recovered(tmp_path):
    path = tmp_path / "a.partial"
    ends = write(path, 3)
    recovered = recover(path)
    assert recovered.head == HEAD
    assert list(recovered.records) == [challenge(index)[0] for index in (1, 2, 3)]
    assert recovered.end_offset_bytes == ends[-1] == path.stat().st_size
    with path.open("rb") as stream:
        frames = list(read_frames(stream, ends[-1]))
    assert list(recovered.leaf_digests) == [
        leaf_digest(frame.type, frame.payload) for frame in frames
    ]


def test_a_journal_is_an_unsealed_bundle(tmp_path):
    path = tmp_path / "a.partial"
    write(path, 1)
    assert verify(path).word is VerdictWord.INCOMPLETE
    with path.open("r+b") as file:
        file.truncate(path.stat().st_size - 1)
    assert verify(path).word is VerdictWord.REJECTED


def test_a_cut_at_every_byte(tmp_path):
    """Everything up to the last whole challenge is there, and nothing else."""
    path = tmp_path / "a.partial"
    ends = write(path, 3)
    whole = path.read_bytes()
    leaves = recover(path).leaf_digests
    for length in range(len(whole), -1, -1):
        os.truncate(path, length)
        if length < ends[0]:
            with pytest.raises(Rejection) as refused:
                recover(path)
            assert refused.value.code in {
                "container.not-a-bundle",
                "container.truncated",
                "container.head-missing",
            }
            continue
        recovered = recover(path)
        kept = sum(end <= length for end in ends[1:])
        assert len(recovered.records) == kept
        assert recovered.end_offset_bytes == ends[kept]
        assert recovered.leaf_digests == leaves[: 1 + 5 * kept]


def test_going_on_after_a_cut_gives_the_same_file(tmp_path):
    path, cut = tmp_path / "a.partial", tmp_path / "b.partial"
    ends = write(path, 3)
    whole, log = path.read_bytes(), events_path_of(path).read_bytes()
    draw = random.Random(1)
    near = {end + step for end in ends for step in (-1, 0, 1)} & set(range(ends[0], len(whole)))
    for length in sorted(near | {draw.randrange(ends[0], len(whole)) for _ in range(50)}):
        cut.write_bytes(whole[:length])
        events_path_of(cut).write_bytes(log)
        journal, recovered = Journal.reopen(cut, KEY)
        with journal:
            for index in range(len(recovered.records) + 1, 4):
                journal.append_challenge(*challenge(index))
            assert len(journal.leaf_digests) == 1 + 5 * 3
        assert cut.read_bytes() == whole


@pytest.mark.parametrize(
    "tail",
    [bytes(1), bytes(5000), b"\xff" * 100, b"\x89POTB\r\n\x1a", random.Random(2).randbytes(3000)],
    ids=["zero", "zeros", "ones", "magic", "noise"],
)
def test_what_a_power_cut_leaves_behind_the_last_challenge_is_cut_off(tmp_path, tail):
    path = tmp_path / "a.partial"
    ends = write(path, 2)
    with path.open("ab") as file:
        file.write(tail)
    journal, recovered = Journal.reopen(path, KEY)
    journal.close()
    assert len(recovered.records) == 2
    assert path.stat().st_size == ends[-1]


def test_a_damaged_challenge_ends_what_is_kept(tmp_path):
    path = tmp_path / "a.partial"
    ends = write(path, 3)
    data = bytearray(path.read_bytes())
    data[ends[1] + 20] ^= 1
    path.write_bytes(data)
    recovered = recover(path)
    assert [record.index for record in recovered.records] == [1]
    assert recovered.end_offset_bytes == ends[1]


def test_a_seal_that_was_cut_short_is_taken_back(tmp_path):
    path = tmp_path / "a.partial"
    ends = write(path, 2)
    whole = path.read_bytes()
    journal, _ = Journal.reopen(path, KEY)
    with journal:
        journal.append_leaf(FrameType.BLOB, Blob("environment.json", "a/b", b"{}").encode())
        assert len(journal.leaf_digests) == 1 + 5 * 2 + 1
        journal.append_unsigned(FrameType.STATEMENT, b"{}")
        assert len(journal.leaf_digests) == 1 + 5 * 2 + 1
    assert path.stat().st_size > ends[-1]
    Journal.reopen(path, KEY)[0].close()
    assert path.read_bytes() == whole


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04 and more", b"not a bundle at all"])
def test_another_file_is_no_journal(tmp_path, content):
    path = tmp_path / "a.partial"
    path.write_bytes(content)
    with pytest.raises(Rejection) as refused:
        Journal.reopen(path, KEY)
    assert refused.value.code == "container.not-a-bundle"
    assert path.read_bytes() == content


def test_a_journal_that_starts_with_another_frame_is_none(tmp_path):
    path = tmp_path / "a.partial"
    write(path, 1)
    data = path.read_bytes()
    with path.open("rb") as stream:
        first = next(read_frames(stream, len(data)))
    path.write_bytes(data[:16] + data[first.end_offset_bytes :])
    with pytest.raises(Rejection) as refused:
        recover(path)
    assert refused.value.code == "container.head-missing"


def test_an_interrupted_recording_is_never_overwritten(tmp_path):
    path = tmp_path / "a.partial"
    write(path, 1)
    before = path.read_bytes()
    with pytest.raises(Rejection) as refused:
        Journal.create(path, HEAD, KEY)
    assert refused.value.code == "journal.exists"
    assert path.read_bytes() == before


def test_nothing_is_reopened_where_there_is_nothing(tmp_path):
    with pytest.raises(FileNotFoundError):
        Journal.reopen(tmp_path / "a.partial", KEY)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("missing_bytes", [1, 400, 1500])
def test_a_full_disk_loses_only_the_challenge_that_did_not_fit(tmp_path, missing_bytes):
    path, other = tmp_path / "a.partial", tmp_path / "b.partial"
    ends = write(other, 3)
    with Journal.create(path, HEAD, KEY) as journal:
        journal.append_challenge(*challenge(1))
        journal.append_challenge(*challenge(2))
        with (
            file_size_limit(ends[3] - missing_bytes),
            pytest.raises(OSError, match="File too large"),
        ):
            journal.append_challenge(*challenge(3))
        assert len(journal.leaf_digests) == 1 + 5 * 2
    assert path.stat().st_size == ends[3] - missing_bytes
    journal, recovered = Journal.reopen(path, KEY)
    with journal:
        assert len(recovered.records) == 2
        journal.append_challenge(*challenge(3))
    assert path.read_bytes() == other.read_bytes()


def test_a_device_without_room(tmp_path):
    descriptor = os.open("/dev/full", os.O_RDWR)
    path = tmp_path / "a.partial"
    with Journal(path, descriptor, EventLog.create(path, KEY, bytes(32))) as journal:
        with pytest.raises(OSError, match="No space left"):
            journal.append_challenge(*challenge(1))
        assert journal.leaf_digests == []


def test_a_killed_process_loses_nothing_that_was_appended(tmp_path):
    path = tmp_path / "a.partial"
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            with Journal.create(path, HEAD, KEY) as journal:
                for index in range(1, 10_000):
                    journal.append_challenge(*challenge(index))
                    os.write(writer, b".")
        finally:
            os._exit(1)
    os.close(writer)
    seen = 0
    while seen < 20:
        seen += len(os.read(reader, 1))
    os.kill(child, signal.SIGKILL)
    _, status = os.waitpid(child, 0)
    while more := os.read(reader, 4096):
        seen += len(more)
    os.close(reader)
    assert os.WTERMSIG(status) == signal.SIGKILL
    records = recover(path).records
    assert len(records) in (seen, seen + 1)
    assert list(records) == [challenge(index)[0] for index in range(1, len(records) + 1)]


class Syncs:
    """Counts what is forced to disk, and lets it through."""

    def __init__(self, monkeypatch) -> None:
        self.files = self.folders = 0
        self._fsync = os.fsync
        monkeypatch.setattr(journal_module.os, "fsync", self)

    def __call__(self, descriptor: int) -> None:
        if stat.S_ISDIR(os.fstat(descriptor).st_mode):
            self.folders += 1
        else:
            self.files += 1
        self._fsync(descriptor)


def test_disk_writes_are_forced_every_second_or_every_16_challenges(tmp_path, monkeypatch):
    now_s = [1000.0]
    monkeypatch.setattr(journal_module.time, "monotonic", lambda: now_s[0])
    syncs = Syncs(monkeypatch)
    with Journal.create(tmp_path / "a.partial", HEAD, KEY) as journal:
        assert syncs.files == 2
        for index in range(1, SYNC_CHALLENGES):
            journal.append_challenge(*challenge(index))
        assert syncs.files == 2
        journal.append_challenge(*challenge(SYNC_CHALLENGES))
        assert syncs.files == 4
        now_s[0] += 0.99
        journal.append_challenge(*challenge(SYNC_CHALLENGES + 1))
        assert syncs.files == 4
        now_s[0] += 0.01
        journal.append_challenge(*challenge(SYNC_CHALLENGES + 2))
        assert syncs.files == 6
        journal.append_challenge(*challenge(SYNC_CHALLENGES + 3))
        assert syncs.files == 6


def test_publishing_gives_the_whole_file_its_name(tmp_path, monkeypatch):
    output = tmp_path / "a.potb"
    path = partial_path_of(output)
    assert path == tmp_path / "a.potb.partial"
    write(path, 1)
    whole = path.read_bytes()
    journal, _ = Journal.reopen(path, KEY)
    syncs = Syncs(monkeypatch)
    journal.publish(output, is_public=True)
    assert (syncs.files, syncs.folders) == (2, 1)
    assert output.read_bytes() == whole
    assert list(tmp_path.iterdir()) == [output]
    with pytest.raises(OSError, match="Bad file descriptor"):
        journal.append_challenge(*challenge(2))
    journal.close()


def test_what_cannot_be_forced_to_disk_gets_no_name(tmp_path, monkeypatch):
    output = tmp_path / "a.potb"
    path = partial_path_of(output)
    write(path, 1)
    journal, _ = Journal.reopen(path, KEY)

    def fail(_descriptor: int) -> None:
        raise OSError(errno.EIO, "Input/output error")

    monkeypatch.setattr(journal_module.os, "fsync", fail)
    with journal, pytest.raises(OSError, match="Input/output"):
        journal.publish(output, is_public=True)
    assert set(tmp_path.iterdir()) == {path, events_path_of(path)}
    assert len(recover(path).records) == 1


def test_two_processes_cannot_continue_one_recording(tmp_path):
    path = tmp_path / "a.partial"
    write(path, 1)
    journal, _ = Journal.reopen(path, KEY)
    with journal, pytest.raises(Rejection) as refused:
        Journal.reopen(path, KEY)
    assert refused.value.code == "journal.locked"
    Journal.reopen(path, KEY)[0].close()


def test_a_journal_that_cannot_be_started_leaves_nothing(tmp_path):
    path = tmp_path / "a.partial"
    open_before = len(list(Path("/proc/self/fd").iterdir()))
    with file_size_limit(100), pytest.raises(OSError, match="large"):
        Journal.create(path, HEAD, KEY)
    assert not path.exists()
    assert len(list(Path("/proc/self/fd").iterdir())) == open_before


def test_nothing_is_written_behind_a_frame_that_was_cut_off(tmp_path):
    path = tmp_path / "a.partial"
    ends = write(path, 1)
    journal, _ = Journal.reopen(path, KEY)
    with file_size_limit(ends[-1] + 50), pytest.raises(OSError, match="large"):
        journal.append_challenge(*challenge(2))
    with pytest.raises(OSError, match="descriptor"):
        journal.append_challenge(*challenge(2))
    assert len(recover(path).records) == 1


def test_publishing_never_replaces_a_file(tmp_path):
    path, output = tmp_path / "a.partial", tmp_path / "a.potb"
    write(path, 1)
    output.write_bytes(b"somebody else's")
    journal, _ = Journal.reopen(path, KEY)
    with journal, pytest.raises(Rejection) as refused:
        journal.publish(output, is_public=True)
    assert refused.value.code == "session.output-exists"
    assert output.read_bytes() == b"somebody else's"
    assert len(recover(path).records) == 1


def test_a_recording_that_was_changed_is_not_continued(tmp_path):
    path = tmp_path / "a.partial"
    with Journal.create(path, HEAD, KEY) as journal:
        journal.append_challenge(*challenge(1))
        journal.append_challenge(*challenge(3))
    with pytest.raises(Rejection) as refused:
        recover(path)
    assert refused.value.code == "journal.damaged"
    other = tmp_path / "b.partial"
    with Journal.create(other, HEAD, KEY) as journal:
        journal.append_challenge(challenge(1)[0], challenge(2)[1])
    with pytest.raises(Rejection) as refused:
        recover(other)
    assert refused.value.code == "journal.damaged"
