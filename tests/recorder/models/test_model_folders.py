"""The folders of fixtures/models, from the command line: what is promised is what can be run."""

import dataclasses
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("torch", reason="needs the `record` extra")

from pot_recorder.keys import generate_private_keys
from pot_recorder.models import file_names
from pot_recorder.recording import RecordingRequest, record_bundle
from pot_reverify import NamedSigner, Policy, VerdictWord, verify
from pot_reverify.decision.presets import PRESETS

ROOT = Path(__file__).parents[3]
MODELS = ROOT / "fixtures" / "models"
KEY = ROOT / "fixtures" / "keys" / "test-recorder"
MICRO = MODELS / "micro"
PRESET = {
    "name": "custom", "alpha": [1, 100], "gamma": [1, 10], "eta": [1, 2], "delta": [1, 1],
    "epsilon": [1, 10], "n_min": 1, "n_max": 2,
}  # fmt: skip
REFUSED = {
    "adapter-beside-weights": "model.adapter",
    "single-and-index": "model.ambiguous-weights",
    "lfs-pointer": "model.lfs-pointer",
    "q-fp8": "model.quantised",
}
NO_SENTENCEPIECE = (
    "import sys; sys.modules['sentencepiece'] = None; sys.argv[0] = 'pot-audit'; "
    "from pot_audit.__main__ import main; main()"
)


def run(*arguments: str | Path, program: tuple[str, ...] = ("-m", "pot_audit")):
    return subprocess.run(
        [sys.executable, *program, *map(str, arguments)],
        capture_output=True,
        text=True,
        env=os.environ,
        check=False,
    )


def models(reference: Path, candidate: Path, tmp_path: Path) -> tuple[str | Path, ...]:
    (tmp_path / "preset.json").write_text(json.dumps(PRESET))
    chosen = "--preset", "custom", "--preset-file", tmp_path / "preset.json", "--key", KEY
    return "--reference", reference, "--candidate", candidate, *chosen


@pytest.mark.parametrize(("name", "code"), REFUSED.items())
def test_refused_alike_before_anything_is_promised(tmp_path: Path, name: str, code: str) -> None:
    pair = models(MICRO, MODELS / name, tmp_path)
    dtype = ("--candidate-dtype", "bfloat16") if name == "q-fp8" else ()
    commands = (
        ("weights", MODELS / name),
        ("precommit", *pair, "-o", tmp_path / "run.precommit"),
        ("record", *pair, "-o", tmp_path / "run.potb", *dtype),
    )
    for command in commands:
        done = run(*command)
        assert done.returncode == 2, (command[0], done.stdout, done.stderr)
        assert f"[{code}]" in done.stderr
        assert str(MODELS / name) in done.stderr
        assert "--resume" not in done.stderr
        assert "pot-audit-model-" not in done.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["preset.json"]


def test_what_a_desktop_leaves_changes_no_digest(tmp_path: Path) -> None:
    plain, copied = (run("weights", folder, "--json") for folder in (MICRO, MODELS / "appledouble"))
    assert json.loads(plain.stdout) == json.loads(copied.stdout)
    assert plain.stderr == ""
    assert "neither hashed nor used: ._config.json, ._model.safetensors" in copied.stderr
    pair = models(MICRO, MODELS / "appledouble", tmp_path)
    done = run("precommit", *pair, "-o", tmp_path / "run.precommit")
    assert done.returncode == 0, done.stderr
    assert "neither hashed nor used: ._config.json" in done.stderr


def test_record_says_what_was_applied(tmp_path: Path) -> None:
    pair = models(MICRO, MODELS / "true-linear8", tmp_path)
    output = "-o", tmp_path / "run.potb"
    done = run("record", *pair, *output, "--candidate-dtype", "bfloat16", "--json")
    assert done.returncode == 0, done.stderr
    lines = done.stderr.splitlines()
    assert (
        "reference: LlamaForCausalLM, dtype float32, quantisation: none, rope scaling: none, "
        "adapter: none"
    ) in lines
    assert (
        "candidate: LlamaForCausalLM, dtype bfloat16 (stored in float32), quantisation: none, "
        "rope scaling: linear (factor 8), adapter: none"
    ) in lines
    document = json.loads(done.stdout)
    assert document["score_sum"] > 50_000 * document["probes"]  # of at most 65,535 each


def test_a_model_that_fails_is_refused_in_words_and_without_a_hint(tmp_path: Path) -> None:
    folder = tmp_path / "model"
    shutil.copytree(MICRO, folder)
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps(config | {"return_dict": False}))
    done = run("record", *models(folder, folder, tmp_path), "-o", tmp_path / "run.potb")
    assert done.returncode == 2, done.stderr
    assert "[model.cannot-run]" in done.stderr
    assert "--resume" not in done.stderr


def test_a_resumption_is_proposed_only_where_it_may_end_otherwise(tmp_path: Path) -> None:
    pair = models(MICRO, MICRO, tmp_path)
    held = run("record", *pair, "-o", tmp_path / "run.potb", "--hold")
    assert held.returncode == 0, held.stderr
    other = run("record", *pair, "-o", tmp_path / "run.potb", "--resume", "--dtype", "bfloat16")
    assert other.returncode == 2
    assert "[session.resume-differs]" in other.stderr
    assert "what was recorded is kept" in other.stderr
    assert "hint: run the same command" not in other.stderr
    anew = run("record", *pair, "-o", tmp_path / "run.potb")
    assert "[journal.exists]" in anew.stderr
    assert "hint: run the same command with --resume" in anew.stderr


def test_a_tokenizer_names_the_packages_that_it_needs(tmp_path: Path) -> None:
    folder = MODELS / "sentencepiece-only"
    pair = models(folder, folder, tmp_path)
    for command in ("precommit", "record"):
        done = run(command, *pair, "-o", tmp_path / command, program=("-c", NO_SENTENCEPIECE))
        assert done.returncode == 2
        assert "[tokenizer.package-missing]" in done.stderr
        assert "hint: pip install sentencepiece\n" in done.stderr
    done = run("weights", folder, program=("-c", NO_SENTENCEPIECE))
    assert done.returncode == 0, done.stderr


def test_a_tokenizer_model_is_read(tmp_path: Path) -> None:
    pytest.importorskip("sentencepiece")
    folder = MODELS / "sentencepiece-only"
    done = run("record", *models(folder, folder, tmp_path), "-o", tmp_path / "run.potb", "--json")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["score_sum"] == 0


def test_a_pipe_among_the_files_is_refused_and_not_waited_for(tmp_path: Path) -> None:
    folder = tmp_path / "model"
    shutil.copytree(MICRO, folder)
    (folder / "model.safetensors").unlink()
    os.mkfifo(folder / "model.safetensors")
    done = run("weights", folder)
    assert done.returncode == 2
    assert "[model.unreadable-file]" in done.stderr


@pytest.fixture
def recorded_earlier(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """A folder, and a bundle of it by a version that counted every small JSON file."""
    folder = tmp_path / "model"
    shutil.copytree(MICRO, folder)
    (folder / "results.json").write_text("{}")
    (folder / "notes.txt").write_text("not counted by anybody")
    signers = generate_private_keys(post_quantum=False)
    bundle = tmp_path / "earlier.potb"
    with monkeypatch.context() as earlier:
        names = file_names.SMALL_NAMES | {"results.json"}
        earlier.setattr(file_names, "SMALL_NAMES", names)
        preset = dataclasses.replace(PRESETS["audit"], name="custom", n_min=1, n_max=2)
        record_bundle(RecordingRequest(str(folder), str(folder), preset, signers, bundle))
    policy = Policy(signers=tuple(NamedSigner("test", one.public_key) for one in signers))
    assert verify(bundle, policy).word is VerdictWord.VERIFIED
    return folder, bundle


def test_a_folder_that_was_recorded_earlier_is_still_the_same(recorded_earlier) -> None:
    folder, bundle = recorded_earlier
    assert "results.json" not in run("weights", folder).stdout
    done = run("weights", folder, "--bundle", bundle)
    assert (done.returncode, "equal to the reference" in done.stdout) == (0, True), done.stdout
    screen = run("reverify", bundle, "--weights", folder).stdout
    assert f"{folder} is the reference and the candidate of the bundle" in screen
    # The signed manifest names it: another content is another folder, and so is none.
    (folder / "results.json").write_text("[]")
    done = run("weights", folder, "--bundle", bundle)
    assert (done.returncode, "differs: results.json" in done.stdout) == (1, True)
    assert "is neither" in run("reverify", bundle, "--weights", folder).stdout
    (folder / "results.json").unlink()
    done = run("weights", folder, "--bundle", bundle)
    assert (done.returncode, "only on one side: results.json" in done.stdout) == (1, True)


def test_a_changed_model_is_another_whatever_the_manifest_counts(recorded_earlier) -> None:
    folder, bundle = recorded_earlier
    (folder / "chat_template.jinja").write_text("{{ messages }}")
    done = run("weights", folder, "--bundle", bundle)
    assert (done.returncode, "only on one side: chat_template.jinja" in done.stdout) == (1, True)


def test_links_of_a_hub_cache_are_part_of_it(tmp_path: Path) -> None:
    snapshot, blobs = tmp_path / "snapshots" / ("0" * 40), tmp_path / "blobs"
    snapshot.mkdir(parents=True)
    blobs.mkdir()
    for number, file in enumerate(sorted(MICRO.iterdir())):
        shutil.copy(file, blobs / str(number))
        (snapshot / file.name).symlink_to(Path("../../blobs") / str(number))
    here, there = (json.loads(run("weights", one, "--json").stdout) for one in (MICRO, snapshot))
    assert here == there
    (snapshot / "config.json").unlink()
    (snapshot / "config.json").symlink_to(MICRO / "config.json")
    assert "[model.link-leaves-folder]" in run("weights", snapshot).stderr
