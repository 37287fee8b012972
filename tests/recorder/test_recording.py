"""Whole recordings on a real model: repeated, interrupted, resumed, and gone wrong."""

import dataclasses
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

pytest.importorskip("torch", reason="needs the `record` extra")

from pot_recorder.event_log import EventLog, journal_key
from pot_recorder.keys import Protection, generate_private_keys, save_private_keys
from pot_recorder.partial_file import partial_path_of
from pot_recorder.promise import load_promise, save_promise, secret_path_of
from pot_recorder.recording import RecordingRequest, precommit_path_of, record_bundle
from pot_reverify import NamedSigner, Policy, Rejection, VerdictWord, verify
from pot_reverify.decision.presets import PRESETS

pytestmark = pytest.mark.models

KILLS = 20
SHORT = dataclasses.replace(PRESETS["audit"], name="custom", n_min=3, n_max=6)


@pytest.fixture(scope="module")
def signers():
    return generate_private_keys(post_quantum=False)


@pytest.fixture
def request_for(small_folder, signers, tmp_path):
    def make(name: str = "bundle", **changes) -> RecordingRequest:
        request = RecordingRequest(
            reference=str(small_folder),
            candidate=str(small_folder),
            preset=PRESETS["quick"],
            signers=signers,
            output=tmp_path / f"{name}.potb",
            threads=1,
        )
        return dataclasses.replace(request, **changes)

    return make


def named(signers) -> Policy:
    return Policy(signers=tuple(NamedSigner("test", one.public_key) for one in signers))


def scores_of(path: Path) -> list[int]:
    bundle = verify(path).bundle
    assert bundle is not None
    return [probe.claimed_score for one in bundle.challenges for probe in one.probes]


def test_the_same_weights_give_zero_on_every_probe(request_for, signers):
    request = request_for()
    statement = record_bundle(request)
    verdict = verify(request.output, named(signers))
    assert verdict.word is VerdictWord.VERIFIED, verdict.checks
    assert (statement.decision, statement.challenges) == ("SAME", 18)
    assert scores_of(request.output) == [0] * 72
    assert verify(request.output).word is VerdictWord.INCOMPLETE
    assert not secret_path_of(precommit_path_of(request.output)).exists()


def test_one_secret_gives_the_same_scores_whatever_the_order_and_threads(
    request_for, signers, small_folder, tmp_path
):
    from pot_recorder.variants import save_noise

    noisy = tmp_path / "noisy"
    save_noise(small_folder, noisy, 0.02)
    changes_of_all = {"candidate": str(noisy), "preset": SHORT}
    first = request_for("first", **changes_of_all)
    path = precommit_path_of(first.output)
    # Keep the promise, to make it again: the recorder deletes a secret that is revealed.
    kept: list = []

    def keep_promise(_step) -> None:
        if not kept:
            kept.append(load_promise(path, signers))

    record_bundle(first, on_step=keep_promise)
    reference_scores = scores_of(first.output)
    assert min(reference_scores) > 0
    for name, changes in {
        "again": {},
        "threads": {"threads": 2},
        "one": {"one_at_a_time": True},
    }.items():
        request = request_for(name, **changes_of_all, **changes)
        promise_path = tmp_path / f"{name}.precommit"
        save_promise(kept[0], promise_path, signers)
        record_bundle(dataclasses.replace(request, precommit=promise_path))
        assert scores_of(request.output) == reference_scores, name
        assert verify(request.output, named(signers)).word is VerdictWord.VERIFIED


RECORD = """
import sys
from pathlib import Path
from pot_recorder.keys import load_private_keys
from pot_recorder.recording import RecordingRequest, record_bundle
from pot_reverify.decision.presets import PRESETS
folder, candidate, output, key, mode = sys.argv[1:]
output = Path(output)
request = RecordingRequest(reference=folder, candidate=candidate, preset=PRESETS["audit"],
    signers=load_private_keys(Path(key), None), output=output, threads=1)
record_bundle(request, resume=mode == "resume", on_step=lambda step: print(step.n, flush=True))
"""


def _start(arguments: list[str], mode: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", RECORD, *arguments, mode],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "OMP_WAIT_POLICY": "PASSIVE"},
    )


def test_killed_at_random_moments_and_resumed_nothing_is_lost(small_folder, tmp_path, signers):
    """SIGKILL between, inside and before challenges; the scores are those of one quiet run."""
    from pot_recorder.variants import save_noise

    noisy, key = tmp_path / "noisy", tmp_path / "key"
    save_noise(small_folder, noisy, 0.01)
    save_private_keys(signers, key, Protection.UNSAFE_NONE)
    output = tmp_path / "killed.potb"
    arguments = [str(small_folder), str(noisy), str(output), str(key)]
    moments = random.Random(20261122)
    promise = None
    kills = 0
    while kills < KILLS and not output.exists():
        resume = partial_path_of(output).exists()
        process = _start(arguments, "resume" if resume else "record")
        assert process.stdout is not None
        if promise is None:
            process.stdout.readline()
            promise = load_promise(precommit_path_of(output), signers)
        # A moment between the start of the process and a few challenges into its work.
        for _ in range(moments.randrange(3)):
            process.stdout.readline()
        time.sleep(moments.random() * 0.4)
        if process.poll() is None:
            process.send_signal(signal.SIGKILL)
            kills += 1
        _, errors = process.communicate()
        assert process.returncode in (-signal.SIGKILL, 0), errors
    assert kills == KILLS
    last = _start(arguments, "resume")
    _, errors = last.communicate()
    assert last.returncode == 0, errors

    quiet = tmp_path / "quiet.potb"
    promise_path = tmp_path / "quiet.precommit"
    save_promise(promise, promise_path, signers)
    record_bundle(
        RecordingRequest(
            reference=str(small_folder),
            candidate=str(noisy),
            preset=PRESETS["audit"],
            signers=signers,
            output=quiet,
            precommit=promise_path,
            threads=1,
        )
    )
    one, other = verify(output, named(signers)), verify(quiet, named(signers))
    assert one.word is other.word is VerdictWord.VERIFIED, one.checks
    assert one.step == other.step
    assert scores_of(output) == scores_of(quiet)
    assert one.bundle is not None
    assert one.bundle.reveal is not None
    assert any(event.kind == "resume" for event in one.bundle.reveal.events)


def test_ctrl_c_keeps_what_was_recorded(request_for, signers):
    request = request_for()

    def interrupt(step) -> None:
        if step.n == 3:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        record_bundle(request, on_step=interrupt)
    partial = partial_path_of(request.output)
    assert not request.output.exists()
    verdict = verify(partial, named(signers))
    assert verdict.word is VerdictWord.INCOMPLETE
    assert verdict.step is not None
    assert verdict.step.n == 3
    with pytest.raises(Rejection) as refused:
        record_bundle(request)
    assert refused.value.code == "journal.exists"
    statement = record_bundle(request, resume=True)
    assert statement.challenges == 18
    verdict = verify(request.output, named(signers))
    assert verdict.word is VerdictWord.VERIFIED
    assert [one.kind for one in verdict.bundle.reveal.events] == ["interrupt", "resume"]


def test_a_full_disk_is_an_error_and_what_was_recorded_is_kept(request_for, signers):
    request = request_for()
    limit = 40_000

    def fill(step) -> None:
        if step.n == 2:
            import resource

            resource.setrlimit(resource.RLIMIT_FSIZE, (limit, resource.RLIM_INFINITY))

    before = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    try:
        with pytest.raises(OSError, match="large"):
            record_bundle(request, on_step=fill)
    finally:
        import resource

        resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
        signal.signal(signal.SIGXFSZ, before)
    partial = partial_path_of(request.output)
    assert partial.stat().st_size <= limit
    promise = load_promise(precommit_path_of(request.output), signers)
    log = EventLog.reopen(partial, journal_key(promise.secret, promise.precommit.run_id))
    assert log.events[0].kind == "error"
    log.close()
    record_bundle(request, resume=True)
    assert verify(request.output, named(signers)).word is VerdictWord.VERIFIED


def test_resuming_in_another_configuration_is_refused(request_for):
    request = request_for()

    def interrupt(_step) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        record_bundle(request, on_step=interrupt)
    with pytest.raises(Rejection) as refused:
        record_bundle(dataclasses.replace(request, dtype="bfloat16"), resume=True)
    assert refused.value.code == "session.resume-differs"


@pytest.mark.parametrize(
    ("code", "changes"),
    [
        ("session.nothing-to-resume", {}),
        ("session.no-folder", {"output": Path("no-such-folder/x.potb")}),
        ("model.not-found", {"candidate": "./no-such-model"}),
    ],
)
def test_what_cannot_start_is_refused_before_anything_is_written(
    request_for, tmp_path, code, changes
):
    request = request_for(**changes)
    with pytest.raises(Rejection) as refused:
        record_bundle(request, resume=code == "session.nothing-to-resume")
    assert refused.value.code == code
    assert list(tmp_path.glob("bundle*")) == []


def test_a_model_that_gives_nan_stops_the_run_and_makes_no_bundle(
    request_for, small_folder, tmp_path
):
    import shutil

    from safetensors.torch import load_file, save_file

    broken = tmp_path / "broken"
    shutil.copytree(small_folder, broken)
    weights = load_file(broken / "model.safetensors")
    weights["model.norm.weight"][0] = float("nan")
    save_file(weights, broken / "model.safetensors", metadata={"format": "pt"})
    request = request_for(candidate=str(broken))
    with pytest.raises(Rejection) as refused:
        record_bundle(request)
    assert refused.value.code == "model.non-finite-logits"
    assert not request.output.exists()
    assert verify(partial_path_of(request.output)).word is VerdictWord.INCOMPLETE


def test_a_precommit_binds_the_weights(request_for, signers, tmp_path):
    from pot_recorder.promise import make_promise
    from pot_reverify.documents.model_identity import ModelClaim

    promise = make_promise(
        reference=ModelClaim("model", b"\x01" * 32),
        candidate=ModelClaim("model", b"\x01" * 32),
        preset=PRESETS["quick"],
        attempt=1,
        counterpart=None,
        signers=signers,
    )
    path = tmp_path / "run.precommit"
    save_promise(promise, path, signers)
    with pytest.raises(Rejection) as refused:
        record_bundle(request_for(precommit=path))
    assert refused.value.code == "session.model-not-promised"


def test_a_second_attempt_runs_at_half_the_level_and_says_so(request_for, signers):
    request = request_for(attempt=2)
    statement = record_bundle(request)
    assert statement.challenges > 18
    assert verify(request.output, named(signers)).word is VerdictWord.VERIFIED
    strict = dataclasses.replace(named(signers), max_attempts=1)
    verdict = verify(request.output, strict)
    assert verdict.word is VerdictWord.REJECTED
    assert "precommit.attempt-over-limit" in {check.code for check in verdict.checks}


def test_a_noise_floor_is_reported_and_changes_nothing(request_for, signers):
    request = request_for(measure_noise_floor=True, candidate_dtype="bfloat16")
    statement = record_bundle(request)
    assert statement.noise_floor is not None
    assert statement.noise_floor.probes == 32
    assert statement.noise_floor.score_max > 0
    assert verify(request.output, named(signers)).word is VerdictWord.VERIFIED
