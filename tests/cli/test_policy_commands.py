"""`policy`, `reverify --policy`, `--at`, `--weights`, and `countersign`, as people run them."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("cryptography")

FIXTURES = Path(__file__).parents[2] / "fixtures"
POLICIES = FIXTURES / "policies"
KEYS = FIXTURES / "keys"
IDENTICAL = FIXTURES / "bundles" / "identical.potb"
SMALL = FIXTURES / "vectors" / "small.potb"
AUDITOR = POLICIES / "auditor.toml"


def run(*arguments: str | Path) -> subprocess.CompletedProcess:
    return subprocess.run(
        [sys.executable, "-m", "pot_audit", *map(str, arguments)],
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.parametrize("path", sorted(POLICIES.glob("*.toml")), ids=lambda path: path.stem)
def test_the_example_policies_can_be_used_and_say_that_they_are_examples(path):
    assert "EXAMPLE: the private halves of these keys are published" in path.read_text()
    done = run("policy", "check", path)
    assert done.returncode == 0, done.stderr
    assert f"example {path.stem}" in done.stdout
    document = json.loads(run("policy", "check", path, "--json").stdout)
    assert document["digest"] in done.stdout
    assert document["replaced_roots"] == []
    assert document["demands"]["time"]["authorities"] == []
    explained = json.loads(run("policy", "explain", path, "--json").stdout)
    assert explained["digest"] == document["digest"]
    for sentence in (*explained["must"], *explained["accepts"], *explained["not_demanded"]):
        assert sentence.endswith(".")
        assert sentence in run("policy", "explain", path).stdout


def test_a_policy_that_is_wrong_cannot_be_used(tmp_path):
    path = tmp_path / "policy.toml"
    path.write_text('kind = "pot-audit/policy/1"\n[accept]\nmax_atempts = 1\n')
    for command in (
        ("policy", "check"),
        ("policy", "explain"),
        ("reverify", IDENTICAL, "--policy"),
    ):
        done = run(*command, path, "--json")
        assert done.returncode == 2
        assert json.loads(done.stdout)["error"]["code"] == "policy.unknown-key"
        assert "accept.max_atempts" in done.stderr


def test_check_warns_of_what_will_fail(tmp_path):
    path = tmp_path / "policy.toml"
    shutil.copy(KEYS / "test-recorder.pub", tmp_path)
    path.write_text(
        """
kind = "pot-audit/policy/1"
[signatures]
quorum = [{recorder = 1, vendor = 1}]
algorithms = ["ml-dsa-65"]
[time]
required = ["statement"]
[binding]
required = ["A"]
[[signer]]
name = "Acme"
public_key = "test-recorder.pub"
not_after = 2020-01-01T00:00:00Z
"""
    )
    warnings = json.loads(run("policy", "check", path, "--json").stdout)["warnings"]
    for part in (
        '"Acme"\'s ed25519 key has expired',
        "no recorder with a valid key",
        "never fill the quorum: 1 recorder and 1 vendor",
        "no recorder's ml-dsa-65 key",
        "no time authority",
        "no software is named",
    ):
        assert any(part in warning for warning in warnings), part


def test_reverify_under_a_policy_shows_it():
    done = run("reverify", IDENTICAL, "--policy", AUDITOR)
    assert done.returncode == 0, done.stdout
    digest = json.loads(run("policy", "check", AUDITOR, "--json").stdout)["digest"]
    assert f'policy {digest}, "example auditor"' in done.stdout
    document = json.loads(run("reverify", IDENTICAL, "--policy", AUDITOR, "--json").stdout)
    assert (document["policy_digest"], document["policy_name"]) == (digest, "example auditor")
    strict = run("reverify", IDENTICAL, "--policy", POLICIES / "regulator.toml")
    assert strict.returncode == 1
    assert "precommit.preset-not-allowed" in strict.stdout


@pytest.mark.parametrize(
    "option",
    [
        ["--signer", KEYS / "fixtures.pub"],
        ["--preset", "quick"],
        ["--max-attempts", "8"],
        ["--allow-withheld"],
    ],
)
def test_a_policy_says_all(option):
    done = run("reverify", IDENTICAL, "--policy", AUDITOR, *option)
    assert done.returncode == 2
    assert option[0] in done.stderr


@pytest.mark.parametrize(
    ("at", "exit_code"),
    [
        ("2026-12-01", 0),
        ("2030-06-01T12:00:00.5+02:00", 0),
        ("2025-12-31T23:59:59Z", 1),
        ("2036-01-02", 3),
        ("2026-13-01", 2),
        ("20261201", 2),
        ("2026-12-01T00:00:00", 2),
        ("1969-12-31", 2),
    ],
)
def test_a_bundle_is_judged_at_the_time_that_is_given(at, exit_code):
    done = run("reverify", IDENTICAL, "--policy", AUDITOR, "--at", at)
    assert done.returncode == exit_code, done.stdout + done.stderr
    if exit_code != 2:
        assert "as --at says" in done.stdout
    if exit_code == 3:
        assert "nothing proves that it signed before its end" in done.stdout


@pytest.fixture
def model(tmp_path) -> Path:
    return shutil.copytree(FIXTURES / "models" / "micro", tmp_path / "model")


@pytest.mark.parametrize("role", ["", "reference=", "candidate="])
def test_other_weights_are_told_and_change_the_exit_code(model, role):
    command = ("reverify", IDENTICAL, "--policy", AUDITOR, "--weights", f"{role}{model}")
    done = run(*command)
    assert done.returncode == 1
    assert "VERIFIED" in done.stdout
    assert ("neither the" if role == "" else "NOT the") in done.stdout
    document = json.loads(run(*command, "--json").stdout)
    assert document["exit_code"] == 1
    assert document["weights"][0]["equal_to"] == []


def test_weights_that_a_bundle_does_not_name_cannot_be_compared(model):
    bundle = FIXTURES / "vectors" / "good-unbound.potb"
    signer = ("--signer", KEYS / "test-recorder.pub", "--allow-withheld")
    done = run("reverify", bundle, *signer, "--weights", model)
    assert done.returncode == 3
    assert "the bundle names no weights" in done.stdout
    assert run("reverify", bundle, *signer, "--weights", f"{model}-none").returncode == 2


def test_weights_alone_tells_other_weights_too(model):
    done = run("weights", model, "--bundle", IDENTICAL)
    assert done.returncode == 1
    assert "NOT the reference" in done.stdout


def test_countersign_and_reverify_with_a_quorum(tmp_path):
    key, audited = tmp_path / "ada", tmp_path / "audited.potb"
    assert run("keygen", key, "--no-passphrase").returncode == 0
    assert run("countersign", IDENTICAL, "--key", key, "--policy", AUDITOR, "-o", audited,
               "--detached", tmp_path / "ada.json").returncode == 0  # fmt: skip
    policy = tmp_path / "policy.toml"
    policy.write_text(
        f"""
kind = "pot-audit/policy/1"
name = "two"
[signatures]
quorum = [{{recorder = 1, auditor = 1}}]
[[signer]]
name = "Recorder"
public_key = "{KEYS / "fixtures.pub"}"
[[signer]]
name = "Ada"
public_key = "ada.pub"
roles = ["auditor"]
"""
    )
    done = run("reverify", audited, "--policy", policy)
    assert done.returncode == 0, done.stdout
    assert "countersigned by Ada: VERIFIED at" in done.stdout
    assert run("reverify", IDENTICAL, "--policy", policy).returncode == 3
    envelope = json.loads((tmp_path / "ada.json").read_text())
    assert envelope["payloadType"] == "application/vnd.in-toto+json"
    assert len(envelope["signatures"]) == 1
    appended = tmp_path / "appended.potb"
    done = run("countersign", IDENTICAL, "--append", tmp_path / "ada.json", "-o", appended)
    assert done.returncode == 0, done.stderr
    assert appended.read_bytes() == audited.read_bytes()
    other = FIXTURES / "bundles" / "int8.potb"
    done = run("countersign", other, "--append", tmp_path / "ada.json", "-o", tmp_path / "x.potb")
    assert done.returncode == 2
    assert "about another bundle" in done.stderr
    again = run("countersign", IDENTICAL, "--key", key, "--policy", AUDITOR, "-o", audited)
    assert again.returncode == 2
    assert "never overwritten" in again.stderr


def test_countersign_vouches_and_signs(tmp_path):
    key = KEYS / "test-stranger"
    options = ("--key", key, "--signer", KEYS / "fixtures.pub", "-o")
    vouched, signed = tmp_path / "vouched.potb", tmp_path / "signed.potb"
    assert run("countersign", IDENTICAL, *options, vouched, "--vouch-for", "candidate",
               ).returncode == 0  # fmt: skip
    done = run("countersign", vouched, *options, signed, "--sign-statement", "--json")
    assert json.loads(done.stdout)["verdict"] == "VERIFIED"
    policy = tmp_path / "policy.toml"
    policy.write_text(
        f"""
kind = "pot-audit/policy/1"
[signatures]
quorum = [{{recorder = 1, vendor = 1}}]
[[signer]]
name = "Recorder"
public_key = "{KEYS / "fixtures.pub"}"
[[signer]]
name = "Vendor"
public_key = "{KEYS / "test-stranger.pub"}"
roles = ["vendor"]
"""
    )
    done = run("reverify", signed, "--policy", policy)
    assert done.returncode == 0, done.stdout
    assert "D (vendor commitment)" in done.stdout
    assert "Vendor vouches for the candidate" in done.stdout


def test_nothing_is_countersigned_that_is_not_verified(tmp_path):
    output = tmp_path / "out.potb"
    command = ("countersign", IDENTICAL, "--key", KEYS / "test-stranger", "-o", output)
    done = run(*command)
    assert done.returncode == 3
    assert "INCOMPLETE" in done.stdout
    assert "nothing was signed" in done.stderr
    assert json.loads(run(*command, "--json").stdout)["output"] is None
    assert not output.exists()
    assert run(*command, "--even-if-not-verified").returncode == 0
    assert run("reverify", output, "--signer", KEYS / "fixtures.pub").returncode == 0


@pytest.mark.parametrize(
    "options",
    [
        [],
        ["--sign-statement", "--detached", "x.json"],
        ["--sign-statement", "--vouch-for", "candidate", "-o", "x.potb"],
        ["--detached", __file__],
        ["--append", __file__, "-o", "x.potb"],
    ],
)
def test_wrong_usage_of_countersign(options):
    done = run("countersign", IDENTICAL, "--key", KEYS / "test-stranger", *options)
    assert done.returncode == 2
    assert done.stderr.startswith("error: ")


def test_countersigning_needs_a_key():
    done = run("countersign", IDENTICAL, "--signer", KEYS / "fixtures.pub", "-o", "x.potb")
    assert done.returncode == 2
    assert "--key" in done.stderr


def test_two_keys_make_no_single_detached_envelope(tmp_path):
    done = run("countersign", IDENTICAL, "--signer", KEYS / "fixtures.pub", "--key",
               KEYS / "test-recorder-pq", "--detached", tmp_path / "x.json")  # fmt: skip
    assert done.returncode == 2
    assert not (tmp_path / "x.json").exists()
