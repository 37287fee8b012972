"""What is not the recorder's own is never continued, whatever was done to the files of a run."""

import os
import stat
import tempfile
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule
from test_journal import HEAD, KEY, challenge, write

from pot_recorder.event_log import EventLog, events_path_of, journal_key
from pot_recorder.journal import Journal, require_authentic
from pot_recorder.partial_file import recover
from pot_reverify import Rejection
from pot_reverify.challenge.seeds import derive_challenge_key
from pot_reverify.container.frames import FrameType, encode_frame


def refusal(path, key=KEY):
    with pytest.raises(Rejection) as refused:
        require_authentic(path, key)
    with pytest.raises(Rejection) as again:
        Journal.reopen(path, key)
    assert again.value.code == refused.value.code
    return refused.value.code


def frames_of(path, count):
    """HEADER and HEAD, then the bytes of each challenge."""
    whole, ends = path.read_bytes(), recover(path).end_offsets_bytes
    assert len(ends) == count + 1
    return [whole[: ends[0]], *(whole[start:end] for start, end in pairwise(ends))]


def test_the_key_follows_from_the_secret_and_is_no_other_key():
    secret, run_id = bytes(32), bytes(16)
    assert len(journal_key(secret, run_id)) == 32
    assert journal_key(secret, run_id) != derive_challenge_key(secret, b"", run_id)
    assert journal_key(secret, run_id) != journal_key(secret, bytes(15) + b"1")


def test_an_edited_challenge_is_refused(tmp_path):
    """Whole and well formed, with other scores in it: the edit that a CRC does not see."""
    path, other = tmp_path / "a.partial", tmp_path / "b.partial"
    write(path, 3)
    with Journal.create(other, HEAD, KEY) as journal:
        for index in (1, 12, 3):
            record, contents = challenge(index)
            record = type(record)(**{**fields(record), "index": len(journal.challenges) + 1})
            journal.append_challenge(record, contents)
    path.write_bytes(other.read_bytes())
    assert refusal(path) == "journal.not-authentic"


def fields(record):
    return {name: getattr(record, name) for name in record.__slots__}


@pytest.mark.parametrize(
    ("order", "code"),
    [
        ((0, 1, 3), "journal.damaged"),  # dropped
        ((0, 1, 1, 2, 3), "journal.damaged"),  # doubled
        ((0, 2, 1, 3), "journal.damaged"),  # swapped
        ((0, 2, 3), "journal.damaged"),
    ],
)
def test_challenges_that_are_dropped_doubled_or_swapped_are_refused(tmp_path, order, code):
    path = tmp_path / "a.partial"
    write(path, 3)
    parts = frames_of(path, 3)
    path.write_bytes(b"".join(parts[number] for number in order))
    assert refusal(path) == code


def test_what_was_cut_off_and_continued_by_another_is_refused(tmp_path):
    path, other = tmp_path / "a.partial", tmp_path / "b.partial"
    write(path, 3)
    with Journal.create(other, HEAD, bytes(32)) as journal:
        for index in (1, 2, 3):
            record, contents = challenge(index)
            late = type(record)(**{**fields(record), "started_ns": record.started_ns + 1})
            journal.append_challenge(record if index == 1 else late, contents)
    path.write_bytes(other.read_bytes())
    assert refusal(path) == "journal.not-authentic"
    # With the other's log it is the other's run.
    events_path_of(path).write_bytes(events_path_of(other).read_bytes())
    assert refusal(path) == "journal.not-authentic"


def test_more_challenges_than_were_vouched_for_are_cut_off(tmp_path):
    path, other = tmp_path / "a.partial", tmp_path / "b.partial"
    write(path, 2)
    write(other, 3)
    path.write_bytes(other.read_bytes())
    journal, recovered = Journal.reopen(path, KEY)
    journal.close()
    assert len(recovered.challenges) == 2
    assert len(recover(path).challenges) == 2


def test_every_changed_byte_of_the_journal_is_refused_or_cut_off(tmp_path):
    path = tmp_path / "a.partial"
    ends = write(path, 2)
    whole, log = path.read_bytes(), events_path_of(path).read_bytes()
    authentic, codes = recover(path), set()
    for at in range(0, len(whole), 11):
        path.write_bytes(whole[:at] + bytes([whole[at] ^ 0x20]) + whole[at + 1 :])
        events_path_of(path).write_bytes(log)
        try:
            journal, recovered = Journal.reopen(path, KEY)
        except Rejection as refused:
            codes.add(refused.code if at >= ends[0] else "in HEAD")
            continue
        journal.close()
        assert recovered == authentic.first(len(recovered.challenges)), at
        assert len(recovered.challenges) < 2
    assert codes <= {"journal.damaged", "journal.not-authentic", "in HEAD"}


def test_every_changed_byte_of_the_log_is_refused_or_cut_off(tmp_path):
    path = tmp_path / "a.partial"
    write(path, 2)
    journal, _ = Journal.reopen(path, KEY)
    with journal:
        journal.events.note("interrupt", "from the keyboard")
    whole, frames = events_path_of(path).read_bytes(), path.read_bytes()
    authentic, codes = recover(path), set()
    for at in range(len(whole)):
        changed = whole[:at] + bytes([whole[at] ^ (1, 0x20)[at % 2]]) + whole[at + 1 :]
        path.write_bytes(frames)
        events_path_of(path).write_bytes(changed)
        try:
            journal, recovered = Journal.reopen(path, KEY)
        except Rejection as refused:
            codes.add(refused.code)
            continue
        with journal:
            assert recovered == authentic.first(len(recovered.challenges))
            # What is left is what stood before the changed line.
            assert journal.events.events == ()
    assert codes == {"journal.not-authentic", "journal.not-authenticated"}


def test_dropped_and_swapped_events_are_refused(tmp_path):
    path = tmp_path / "a.partial"
    write(path, 1)
    journal, _ = Journal.reopen(path, KEY)
    with journal:
        for number in range(3):
            journal.events.note("error", f"error {number}")
    lines = events_path_of(path).read_bytes().splitlines(keepends=True)
    assert len(lines) == 5
    for order in ((0, 1, 3, 4), (0, 1, 3, 2, 4), (0, 1, 2, 2, 3, 4), (1, 2, 3, 4), (0, 2, 1, 3, 4)):
        events_path_of(path).write_bytes(b"".join(lines[number] for number in order))
        assert refusal(path) == "journal.not-authentic", order


def test_another_key_is_another_run(tmp_path):
    path = tmp_path / "a.partial"
    write(path, 1)
    assert refusal(path, bytes(32)) == "journal.not-authentic"


@pytest.mark.parametrize(
    "content",
    [None, b"", b'{"at_ns": 1, "kind": "interrupt", "message": "Ctrl-C"}\n', bytes(100)],
)
def test_a_journal_of_an_older_version_is_named(tmp_path, content):
    path = tmp_path / "a.partial"
    write(path, 1)
    events_path_of(path).unlink()
    if content is not None:
        events_path_of(path).write_bytes(content)
    before = path.read_bytes()
    assert refusal(path) == "journal.not-authenticated"
    assert path.read_bytes() == before


def test_a_full_disk_loses_no_event_that_fits_afterwards(tmp_path, monkeypatch):
    """What a failed write left of a line is written over by the next."""
    path = tmp_path / "a.partial"
    log = EventLog.create(path, KEY, bytes(32))
    log.note("error", "first")
    pwrite = os.pwrite

    def torn(descriptor: int, data: bytes, offset: int) -> int:
        pwrite(descriptor, data[:20], offset)
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "pwrite", torn)
    log.note("error", "lost")
    monkeypatch.setattr(os, "pwrite", pwrite)
    log.note("error", "second")
    log.close()
    again = EventLog.reopen(path, KEY)
    assert [event.message for event in again.events] == ["first", "second"]
    again.close()


def test_nobody_else_can_read_a_journal_or_its_log(tmp_path):
    path, output = tmp_path / "a.partial", tmp_path / "a.potb"
    before = os.umask(0)
    try:
        write(path, 1)
        for file in (path, events_path_of(path)):
            assert stat.S_IMODE(file.stat().st_mode) == 0o600
        journal, _ = Journal.reopen(path, KEY)
        journal.publish(output, is_public=False)
        assert stat.S_IMODE(output.stat().st_mode) == 0o600
        output.unlink()
        os.umask(0o027)
        write(path, 1)
        journal, _ = Journal.reopen(path, KEY)
        journal.publish(output, is_public=True)
        assert stat.S_IMODE(output.stat().st_mode) == 0o640
    finally:
        os.umask(before)


class Runs(RuleBasedStateMachine):
    """Append, note, kill, tear, tamper and resume in any order: only the recorder's own is kept."""

    @initialize()
    def begin(self):
        self.folder = tempfile.TemporaryDirectory()
        self.path = Path(self.folder.name) / "a.partial"
        self._start()

    def _start(self):
        self.journal = Journal.create(self.path, HEAD, KEY)
        self.written: list[int] = []
        self.noted: list[str] = []
        self.refused = None

    def teardown(self):
        if hasattr(self, "journal") and self.journal is not None:
            self.journal.close()
        if hasattr(self, "folder"):
            self.folder.cleanup()

    def is_open(self):
        return getattr(self, "journal", None) is not None

    @precondition(lambda self: self.is_open())
    @rule()
    def append(self):
        index = len(self.written) + 1
        self.journal.append_challenge(*challenge(index))
        self.written.append(index)

    @precondition(lambda self: self.is_open())
    @rule(message=st.text(max_size=20))
    def note(self, message):
        self.journal.events.note("error", message)
        self.noted.append(message)

    @precondition(lambda self: self.is_open())
    @rule()
    def stop(self):
        self.journal.close()
        self.journal = None

    @precondition(lambda self: not self.is_open() and not self.refused)
    @rule(data=st.data(), which=st.booleans())
    def tear(self, data, which):
        """A power cut takes the end of one file."""
        file = self.path if which else events_path_of(self.path)
        os.truncate(file, data.draw(st.integers(0, file.stat().st_size)))

    @precondition(lambda self: not self.is_open() and not self.refused)
    @rule(data=st.data(), which=st.booleans(), bit=st.integers(0, 7))
    def tamper(self, data, which, bit):
        file = self.path if which else events_path_of(self.path)
        content = bytearray(file.read_bytes())
        if content:
            content[data.draw(st.integers(0, len(content) - 1))] ^= 1 << bit
            file.write_bytes(content)

    @precondition(lambda self: not self.is_open() and not self.refused)
    @rule()
    def forge(self):
        """Another key's challenge behind what is there."""
        try:
            whole = recover(self.path)
        except Rejection:
            return
        record, contents = challenge(len(whole.challenges) + 1)
        late = type(record)(**{**fields(record), "started_ns": 1})
        os.truncate(self.path, whole.end_offset_bytes)
        with self.path.open("ab") as file:
            file.write(encode_frame(FrameType.RECORD, late.encode()))
            for content in contents:
                file.write(encode_frame(FrameType.CONTENT, content.encode()))

    @precondition(lambda self: not self.is_open() and not self.refused)
    @rule()
    def resume(self):
        try:
            self.journal, recovered = Journal.reopen(self.path, KEY)
        except Rejection as refused:
            self.refused = refused.code
            return
        kept = len(recovered.challenges)
        assert kept <= len(self.written)
        assert list(recovered.records) == [challenge(index)[0] for index in range(1, kept + 1)]
        messages = [event.message for event in self.journal.events.events]
        assert messages == self.noted[: len(messages)]
        self.written, self.noted = self.written[:kept], messages

    @precondition(lambda self: getattr(self, "refused", None))
    @rule()
    def start_anew(self):
        """As the message says: delete it."""
        self.path.unlink()
        self._start()

    @invariant()
    def what_is_refused_is_refused_for_what_was_done(self):
        if getattr(self, "refused", None):
            assert self.refused.startswith(("journal.", "container."))

    @invariant()
    def what_is_open_is_what_was_written(self):
        if self.is_open():
            assert self.journal.events.challenges == len(self.written)
            assert len(self.journal.challenges) == len(self.written)


Runs.TestCase.settings = settings(
    max_examples=50,
    stateful_step_count=20,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.too_slow],
)
TestRuns = Runs.TestCase
