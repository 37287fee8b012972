"""Evidence waits beside a recording, is never overwritten, and becomes blobs by name."""

import pytest

from pot_recorder.evidence_folder import (
    add_evidence,
    evidence_folder_of,
    read_evidence,
    remove_evidence,
)
from pot_reverify import Rejection


def test_evidence_becomes_blobs_sorted_by_name(tmp_path):
    output = tmp_path / "run.potb"
    assert read_evidence(output) == ()
    add_evidence(output, "time/precommit.tsr", b"\x30")
    add_evidence(output, "quote/candidate.json", b"{}")
    blobs = read_evidence(output)
    assert [(blob.name, blob.media_type, blob.data) for blob in blobs] == [
        ("quote/candidate.json", "application/json", b"{}"),
        ("time/precommit.tsr", "application/timestamp-reply", b"\x30"),
    ]
    remove_evidence(output)
    assert not evidence_folder_of(output).exists()
    remove_evidence(output)


def test_evidence_is_never_overwritten(tmp_path):
    output = tmp_path / "run.potb"
    path = add_evidence(output, "proof/decision.json", b"first")
    with pytest.raises(Rejection) as refused:
        add_evidence(output, "proof/decision.json", b"second")
    assert refused.value.code == "evidence.exists"
    assert path.read_bytes() == b"first"


@pytest.mark.parametrize(
    "name", ["quote/x.bin", "weights/reference.json", "quote/../../x.json", "x.json"]
)
def test_only_evidence_is_taken(tmp_path, name):
    output = tmp_path / "run.potb"
    with pytest.raises(Rejection) as refused:
        add_evidence(output, name, b"{}")
    assert refused.value.code == "evidence.name"
    assert list(tmp_path.iterdir()) == []


def test_a_stray_file_stops_sealing(tmp_path):
    output = tmp_path / "run.potb"
    add_evidence(output, "quote/candidate.json", b"{}")
    (evidence_folder_of(output) / "notes.txt").write_text("to do")
    with pytest.raises(Rejection) as refused:
        read_evidence(output)
    assert refused.value.code == "evidence.name"
