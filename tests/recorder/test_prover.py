"""Proofs of recordings: the prover is found or asked for, and only a proof of this run is sealed.

The recording is a real one, cut after its last content: the state in which ``--hold`` leaves it.
"""

import dataclasses
import json
import os
from fractions import Fraction
from pathlib import Path

import pytest

from pot_recorder.committed_run import CommittedRun, require_provable
from pot_recorder.event_log import EventLog, events_path_of
from pot_recorder.evidence_folder import add_evidence, evidence_folder_of
from pot_recorder.journal import Journal
from pot_recorder.partial_file import partial_path_of, recover
from pot_recorder.prover import Prover, evidence_to_seal, find_prover, prove_recording
from pot_reverify import Indeterminate, Rejection
from pot_reverify.container.frames import FrameType, read_frames_of
from pot_reverify.decision.presets import PRESETS
from pot_reverify.documents.blob import DECISION_PROOF
from pot_reverify.documents.bundle_reader import read_bundle_of
from pot_reverify.documents.proof_document import parse_proof_document
from pot_reverify.proof.challenge_commitments import commit_to_challenge
from pot_reverify.proof.run_binding import challenge_salt, format_commitment

VECTORS = Path(__file__).parents[2] / "fixtures" / "vectors"
PROVEN = VECTORS / "base-proven.potb"
KEY = bytes(32)
needs_prover = pytest.mark.skipif("POT_HALO2" not in os.environ, reason="needs pot-halo2")


def held(source: Path, output: Path, contents: int) -> Path:
    """The journal of a recording up to the given content."""
    recording, seen = partial_path_of(output), 0
    for frame in read_frames_of(source):
        seen += frame.type is FrameType.CONTENT
        if seen == contents:
            recording.write_bytes(source.read_bytes()[: frame.end_offset_bytes])
            vouch_for(recording)
            return recording
    raise AssertionError("fewer contents")


def vouch_for(recording: Path) -> None:
    """The event log that the recorder would have written beside it."""
    recovered = recover(recording)
    log = EventLog.create(recording, KEY, recovered.leaf_digests[0])
    for number in range(1, len(recovered.challenges) + 1):
        log.add_challenge(recovered.leaves_of(number))
    log.close()


@pytest.fixture
def recording(tmp_path):
    return held(PROVEN, tmp_path / "run.potb", 4)


def run_of(recording: Path) -> CommittedRun:
    recovered = recover(recording)
    return CommittedRun.of(recovered.head, recovered.challenges, recovered.leaf_digests)


def seal_evidence(output: Path, prover: Prover | None = None):
    journal, recovered = Journal.reopen(partial_path_of(output), KEY)
    with journal:
        return evidence_to_seal(output, recovered.head, journal, prover)


def test_hidden_scores_are_recovered_from_the_contents(recording):
    (challenge,) = recover(recording).challenges
    assert challenge.record.scores is None
    bundle = read_bundle_of(PROVEN)
    (read,) = bundle.challenges
    assert list(challenge.scores) == [probe.recomputed_score for probe in read.probes]
    assert list(challenge.salts) == [probe.salt for probe in read.probes]


def test_the_journal_gives_the_commitment_that_was_sealed(recording):
    run, bundle = run_of(recording), read_bundle_of(PROVEN)
    assert bundle.statement is not None
    proof = bundle.blob(DECISION_PROOF)
    assert run.require_proven(proof.data) == bundle.statement.score_commitment


@needs_prover
def test_a_held_recording_is_proven_and_the_proof_waits_for_it(recording):
    notes = []
    path = prove_recording(recording, find_prover(None, notes.append))
    assert path == evidence_folder_of(recording.with_suffix("")) / DECISION_PROOF
    assert notes == ["proving 1 challenges with eb-1.n66.v2"]
    blobs, commitment = seal_evidence(recording.with_suffix(""))
    assert [blob.name for blob in blobs] == [DECISION_PROOF]
    assert commitment == format_commitment(run_of(recording).commitment(), 2)
    with pytest.raises(Rejection) as refused:
        prove_recording(recording, find_prover(None))
    assert refused.value.code == "evidence.exists"


@needs_prover
def test_a_proof_is_made_while_sealing_unless_one_waits(recording):
    output = recording.with_suffix("")
    assert seal_evidence(output) == ((), None)
    blobs, commitment = seal_evidence(output, find_prover(None))
    assert commitment == format_commitment(run_of(recording).commitment(), 2)
    add_evidence(output, DECISION_PROOF, blobs[0].data)
    waiting, again = seal_evidence(output, Prover(Path("/no/such/program")))
    assert (waiting, again) == (blobs, commitment)


@needs_prover
def test_the_prover_keeps_scores_to_itself(recording, capfd):
    prove_recording(recording, find_prover(None))
    assert capfd.readouterr() == ("", "")
    files = {path for path in recording.parent.rglob("*") if path.is_file()}
    (made,) = files - {recording, events_path_of(recording)}
    proof = json.loads(made.read_bytes())
    assert proof.keys() == {"challenge_commitments", "circuit", "kind", "proof"}


@needs_prover
def test_a_proof_with_other_commitments_beside_it_is_not_sealed(recording):
    document = find_prover(None).prove(run_of(recording))
    (challenge,) = recover(recording).challenges
    salt = challenge_salt(run_of(recording).run_id, 1, challenge.salts)
    assert document.challenge_commitments == (commit_to_challenge(challenge.scores, salt),)
    output = recording.with_suffix("")
    other = dataclasses.replace(document, challenge_commitments=(1,))
    path = add_evidence(output, DECISION_PROOF, other.to_json())
    with pytest.raises(Rejection) as refused:
        seal_evidence(output)
    assert refused.value.code == "session.proof-mismatch"
    path.unlink()
    add_evidence(output, DECISION_PROOF, document.to_json())
    assert seal_evidence(output)[1] == format_commitment(run_of(recording).commitment(), 2)
    assert parse_proof_document(document.to_json(), "proof") == document


def test_a_proof_of_the_version_before_that_waits_is_still_sealed(recording):
    bundle = read_bundle_of(PROVEN)
    output = recording.with_suffix("")
    add_evidence(output, DECISION_PROOF, bundle.blob(DECISION_PROOF).data)
    blobs, commitment = seal_evidence(output)
    assert [blob.data for blob in blobs] == [bundle.blob(DECISION_PROOF).data]
    assert commitment == bundle.statement.score_commitment


@pytest.mark.parametrize(
    "change",
    [
        lambda data: data[:-1],
        lambda _data: b"{}",
        lambda data: data.replace(b"n66", b"n141"),
        lambda _data: read_bundle_of(VECTORS / "proof-bit.potb").blob(DECISION_PROOF).data,
    ],
)
def test_evidence_that_is_no_proof_of_this_run_is_not_sealed(recording, change):
    good = read_bundle_of(PROVEN).blob(DECISION_PROOF).data
    output = recording.with_suffix("")
    add_evidence(output, DECISION_PROOF, change(good))
    with pytest.raises(Rejection) as refused:
        seal_evidence(output)
    assert refused.value.code == "session.proof-mismatch"


def test_a_proof_of_another_run_is_not_sealed(tmp_path):
    output = tmp_path / "other.potb"
    held(VECTORS / "base.potb", output, 8)
    add_evidence(output, DECISION_PROOF, read_bundle_of(PROVEN).blob(DECISION_PROOF).data)
    with pytest.raises(Rejection) as refused:
        seal_evidence(output)
    assert refused.value.code == "session.proof-mismatch"


def test_a_run_that_goes_on_is_not_proven(tmp_path):
    recording = held(VECTORS / "base.potb", tmp_path / "run.potb", 4)
    with pytest.raises(Rejection) as refused:
        prove_recording(recording, Prover(Path("/no/such/program")))
    assert refused.value.code == "decision.not-stopped"


@pytest.mark.parametrize("name", ["bundle.potb", "bundle"])
def test_a_sealed_bundle_takes_no_proof(tmp_path, name):
    (tmp_path / name).write_bytes(PROVEN.read_bytes())
    with pytest.raises(Rejection) as refused:
        prove_recording(tmp_path / name, Prover(Path("/no/such/program")))
    assert refused.value.code == "prover.sealed"
    assert "--prove" in refused.value.message


def test_a_prover_that_is_not_there_is_named_with_what_makes_one(tmp_path, monkeypatch):
    monkeypatch.delenv("POT_HALO2", raising=False)
    monkeypatch.setenv("PATH", str(tmp_path))
    for named in (None, tmp_path / "pot-halo2"):
        with pytest.raises(Indeterminate) as missing:
            find_prover(named)
        assert missing.value.code == "prover.missing"
        assert "cargo build --release" in missing.value.needs
    program = tmp_path / "pot-halo2"
    program.write_text("#!/bin/sh\nexit 1\n")
    program.chmod(0o755)
    assert find_prover(None) == find_prover(program) == Prover(program)
    monkeypatch.setenv("POT_HALO2", "/no/such/program")
    with pytest.raises(Indeterminate):
        find_prover(None)


@pytest.mark.parametrize(
    ("script", "code"),
    [
        ("echo '{\"error\": {}}'; echo bad luck >&2; exit 2", "prover.failed"),
        ('echo \'{"score_commitment": "00"}\'', "prover.other-commitment"),
        ("echo '{}'", "schema.missing-field"),
        ("echo nothing", "json.malformed"),
    ],
)
def test_a_program_that_is_no_prover_is_refused(recording, tmp_path, script, code):
    program = tmp_path / "program"
    program.write_text(f"#!/bin/sh\ncat > /dev/null\n{script}\n")
    program.chmod(0o755)
    with pytest.raises(Rejection) as refused:
        prove_recording(recording, Prover(program))
    assert refused.value.code == code
    assert not evidence_folder_of(recording.with_suffix("")).exists()


@pytest.mark.parametrize("name", PRESETS)
def test_named_presets_are_provable(name):
    for attempt in (1, 2, 32):
        require_provable(PRESETS[name], attempt)


@pytest.mark.parametrize("changes", [{"n_max": 802}, {"gamma": Fraction(1009, 10_007)}])
def test_presets_that_no_circuit_can_hold_are_refused(changes):
    preset = dataclasses.replace(PRESETS["extended"], name="custom", **changes)
    with pytest.raises(Rejection) as refused:
        require_provable(preset, 1)
    assert refused.value.code == "proof.preset-not-provable"
