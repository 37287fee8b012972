"""record --hide-scores, --prove and --hold, prove, redact, and reverify of several bundles."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
VECTORS = ROOT / "fixtures" / "vectors"
KEYS = ROOT / "fixtures" / "keys"
SIGNER = KEYS / "test-recorder.pub"
PROVEN = VECTORS / "base-proven.potb"
REDACTED = VECTORS / "proven-redacted.potb"
ALLOWING = ("--signer", SIGNER, "--allow-withheld")
needs_prover = pytest.mark.skipif("POT_HALO2" not in os.environ, reason="needs pot-halo2")

TWO_CHALLENGES = {
    "name": "custom",
    "alpha": [1, 100],
    "gamma": [1, 10],
    "eta": [1, 2],
    "delta": [1, 1],
    "epsilon": [1, 10],
    "n_min": 1,
    "n_max": 2,
}


def run(*arguments: str | Path, **environment: str) -> subprocess.CompletedProcess:
    return subprocess.run(
        [sys.executable, "-m", "pot_audit", *map(str, arguments)],
        capture_output=True,
        text=True,
        env={**os.environ, **environment},
        check=False,
    )


def test_the_screen_tells_what_is_proven_and_what_is_not():
    done = run("reverify", REDACTED, *ALLOWING, "--expect", "same", "--preset", "custom")
    assert done.returncode == 0, done.stdout + done.stderr
    for words in (
        "Proven       the committed scores give this decision, and no earlier stop",
        "decided by proof",
        "that the committed scores come from recorded distributions, or from any model",
        "they are those of the probes: the proof does not show it",
        "the mean divergence, its interval and the margin",
    ):
        assert words in done.stdout
    assert "the scores follow from" not in done.stdout
    whole = run("reverify", PROVEN, "--signer", SIGNER)
    assert whole.returncode == 0
    assert "decided by recomputation" in whole.stdout
    assert "Proven  " not in whole.stdout


def test_the_screen_says_that_sums_are_proven_where_they_are():
    sums = "the mean divergence, its interval and the margin"
    for name, is_proven in (("proven-redacted", False), ("challenges-redacted", True)):
        done = run("reverify", VECTORS / f"{name}.potb", *ALLOWING)
        assert done.returncode == 0, done.stdout + done.stderr
        above, asserted, below = done.stdout.partition("  Asserted ")
        assert asserted
        assert (sums in above, sums in below) == (is_proven, not is_proven)
        assert "the sums are proven" in done.stdout or not is_proven


def test_what_the_reader_has_not_allowed_is_not_relied_on():
    done = run("reverify", REDACTED, "--signer", SIGNER)
    assert done.returncode == 3
    assert "The signed sums give the following; do not rely on it." in done.stdout
    assert "--allow-withheld" in done.stdout


def test_several_bundles_get_a_verdict_each_and_the_worst_exit_code():
    good, bad = [PROVEN, REDACTED], VECTORS / "proof-bit.potb"
    done = run("reverify", *good, *ALLOWING)
    assert done.returncode == 0, done.stdout
    assert done.stdout.count("VERIFIED  ") == 2
    assert all(f"{path}\n" in done.stdout for path in good)
    unsealed = VECTORS / "unsealed.potb"
    for paths, exit_code in (
        ([*good, unsealed], 3),
        ([unsealed, bad, *good], 1),
        ([*good, VECTORS / "file-zip.potb", unsealed], 2),
    ):
        assert run("reverify", *paths, *ALLOWING).returncode == exit_code
    assert run("reverify", *good, *ALLOWING, "--expect", "different").returncode == 4
    assert run("reverify", *good, "no-such-file.potb", *ALLOWING).returncode == 2


def test_json_of_several_bundles_is_one_object():
    done = run("reverify", PROVEN, VECTORS / "proof-bit.potb", REDACTED, *ALLOWING, "--json")
    document = json.loads(done.stdout)
    assert document.keys() == {"bundles", "exit_code"}
    assert document["exit_code"] == done.returncode == 1
    assert [one["verdict"] for one in document["bundles"]] == ["VERIFIED", "REJECTED", "VERIFIED"]
    assert [one["decided_by"] for one in document["bundles"]] == ["recomputation", None, "proof"]
    assert document["bundles"][2]["path"] == str(REDACTED)
    alone = json.loads(run("reverify", REDACTED, *ALLOWING, "--json").stdout)
    assert alone["verdict"] == "VERIFIED"


@needs_prover
def test_fast_proofs_say_the_same():
    paths = [PROVEN, VECTORS / "proof-bit.potb", VECTORS / "proof-point-large.potb", REDACTED]
    at = [run("reverify", *paths, *ALLOWING, "--json", *more) for more in ([], ["--fast-proofs"])]
    slow, fast = (json.loads(done.stdout)["bundles"] for done in at)
    codes = [
        [[check["code"] for check in one["checks"]] for one in bundles] for bundles in (slow, fast)
    ]
    assert codes[0] == codes[1]
    assert [one["verdict"] for one in fast] == ["VERIFIED", "REJECTED", "REJECTED", "VERIFIED"]


def test_fast_proofs_without_the_program_let_nothing_pass():
    done = run("reverify", REDACTED, *ALLOWING, "--fast-proofs", POT_HALO2="/no/such/program")
    assert done.returncode == 3
    assert "C11  proof       skip" in done.stdout


@pytest.mark.parametrize(
    ("source", "words"),
    [
        (PROVEN, "note: the scores are withheld too; the proof shows"),
        (VECTORS / "good-hidden-scores.potb", "warning: the scores are withheld too, and there is"),
    ],
)
def test_redact_says_what_hidden_scores_will_need(tmp_path, source, words):
    done = run("redact", source, "--all", "-o", tmp_path / "redacted.potb")
    assert done.returncode == 0
    assert words in done.stderr
    verdict = run("reverify", tmp_path / "redacted.potb", *ALLOWING)
    assert verdict.returncode == (0 if source is PROVEN else 3)


def record(tmp_path: Path, *arguments: str | Path, preset: dict | None = None, **environment: str):
    (tmp_path / "preset.json").write_text(json.dumps(preset or TWO_CHALLENGES))
    return run(
        "record",
        *("--preset", "custom", "--preset-file", tmp_path / "preset.json"),
        *("--key", KEYS / "test-recorder", "-o", tmp_path / "run.potb"),
        *("--threads", "1", *arguments),
        **environment,
    )


def test_a_missing_prover_stops_before_any_model_is_read(tmp_path):
    nowhere = ("--reference", tmp_path / "no-model", "--candidate", tmp_path / "no-model")
    done = record(tmp_path, *nowhere, "--prove", POT_HALO2="/no/such/program")
    assert done.returncode == 2
    assert "cargo build --release" in done.stderr
    assert "no-model" not in done.stderr
    done = record(tmp_path, *nowhere, "--prover", "/bin/true")
    assert done.returncode == 2
    assert "--prover is for --prove" in done.stderr


def test_an_unprovable_preset_stops_before_any_model_is_read(tmp_path):
    pytest.importorskip("torch", reason="needs the `record` extra")
    nowhere = ("--reference", tmp_path / "no-model", "--candidate", tmp_path / "no-model")
    long = {**TWO_CHALLENGES, "n_max": 802}
    done = record(tmp_path, *nowhere, "--prove", "--prover", "/bin/true", preset=long)
    assert done.returncode == 2
    assert "proof.preset-not-provable" in done.stderr


def test_a_sealed_bundle_takes_no_proof():
    done = run("prove", PROVEN, "--prover", "/bin/true")
    assert done.returncode == 2
    assert "record with --prove, or with --hold and prove" in done.stderr


@needs_prover
@pytest.mark.models
def test_hold_prove_resume_and_prove_at_once(small_folder, tmp_path):
    pytest.importorskip("torch", reason="needs the `record` extra")
    models = ("--reference", small_folder, "--candidate", small_folder, "--hide-scores")
    held = record(tmp_path, *models, "--hold")
    assert held.returncode == 0, held.stderr
    assert "pot-audit prove" in held.stderr
    assert not (tmp_path / "run.potb").exists()
    proven = run("prove", tmp_path / "run.potb.partial", "--json")
    assert proven.returncode == 0, proven.stderr
    assert Path(json.loads(proven.stdout)["proof"]).exists()
    assert "proving 2 challenges" in proven.stderr
    differs = record(tmp_path, *models[:-1], "--resume")
    assert differs.returncode == 2
    assert "session.resume-differs" in differs.stderr
    sealed = record(tmp_path, *models, "--resume")
    assert sealed.returncode == 0, sealed.stderr
    assert not (tmp_path / "run.potb.evidence").exists()
    (tmp_path / "run.potb").rename(tmp_path / "first.potb")
    (tmp_path / "run.potb.precommit").unlink()
    at_once = record(tmp_path, *models, "--prove")
    assert at_once.returncode == 0, at_once.stderr
    assert "proving 2 challenges with eb-1.n66.v2" in at_once.stderr
    for name in ("first", "run"):
        run("redact", tmp_path / f"{name}.potb", "--all", "-o", tmp_path / f"{name}-r.potb")
    paths = [tmp_path / f"{name}.potb" for name in ("first", "run", "first-r", "run-r")]
    verdicts = json.loads(run("reverify", *paths, *ALLOWING, "--json").stdout)
    assert [one["verdict"] for one in verdicts["bundles"]] == ["VERIFIED"] * 4
    decided = [one["decided_by"] for one in verdicts["bundles"]]
    assert decided == ["recomputation", "recomputation", "proof", "proof"]
