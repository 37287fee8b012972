"""The command line as people and scripts use it: a process, its two streams, its exit code."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from pot_audit.__main__ import COMMANDS

BUNDLES = Path(__file__).parents[2] / "fixtures" / "bundles"
KEYS = Path(__file__).parents[2] / "fixtures" / "keys"
IDENTICAL = BUNDLES / "identical.potb"
SIGNER = KEYS / "fixtures.pub"


def run(*arguments: str | Path, stdin: str = "", **environment: str) -> subprocess.CompletedProcess:
    return subprocess.run(
        [sys.executable, "-m", "pot_audit", *map(str, arguments)],
        capture_output=True,
        text=True,
        input=stdin,
        env={**os.environ, **environment},
        check=False,
    )


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_has_help_with_an_example(command):
    done = run(command, "--help")
    assert done.returncode == 0
    assert "Usage: pot-audit" in done.stdout.replace("python -m pot_audit", "pot-audit")
    assert "Example: " in done.stdout
    assert done.stderr == ""


def test_the_list_of_commands_imports_nothing_heavy():
    probe = "import sys, pot_audit.__main__ as m; print(sorted(sys.modules))"
    modules = subprocess.run(
        [sys.executable, "-c", probe], capture_output=True, text=True, check=True
    ).stdout
    for heavy in ("torch", "transformers", "numpy", "jsonschema", "cryptography"):
        assert f"'{heavy}'" not in modules


def test_a_good_bundle_is_verified_and_its_limits_are_told():
    done = run("reverify", IDENTICAL, "--signer", SIGNER)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "VERIFIED" in done.stdout
    assert "SAME" in done.stdout
    for word in ("Attested", "Asserted", "Not covered", "certified margin"):
        assert word in done.stdout
    for number in range(1, 13):
        assert f"C{number:02d}" in done.stdout


def test_without_a_signer_nothing_is_verified():
    done = run("reverify", IDENTICAL)
    assert done.returncode == 3
    assert "INCOMPLETE" in done.stdout
    assert "key that you have not named" in done.stdout
    assert "--signer KEY.pub" in done.stdout


def test_expect_turns_another_decision_into_exit_code_4():
    assert run("reverify", IDENTICAL, "--signer", SIGNER, "--expect", "same").returncode == 0
    done = run("reverify", IDENTICAL, "--signer", SIGNER, "--expect", "different")
    assert done.returncode == 4
    assert "not different" in done.stderr


def test_expect_does_not_raise_an_incomplete_verdict():
    assert run("reverify", IDENTICAL, "--expect", "same").returncode == 3


def test_a_changed_file_is_rejected(tmp_path):
    data = bytearray(IDENTICAL.read_bytes())
    data[len(data) // 2] ^= 1
    changed = tmp_path / "changed.potb"
    changed.write_bytes(data)
    done = run("reverify", changed, "--signer", SIGNER)
    assert done.returncode == 1
    assert "REJECTED" in done.stdout
    assert "container.crc-mismatch" in done.stdout


def test_something_else_is_unreadable_and_named(tmp_path):
    other = tmp_path / "other.potb"
    other.write_bytes(b"PK\x03\x04 and so on")
    done = run("reverify", other)
    assert done.returncode == 2
    assert "UNREADABLE" in done.stdout
    assert "ZIP" in done.stdout


@pytest.mark.parametrize(
    ("arguments", "exit_code"),
    [
        (["reverify", IDENTICAL, "--signer", SIGNER], 0),
        (["reverify", IDENTICAL], 3),
        (["reverify", "no-such-file.potb"], 2),
        (["reverify"], 2),
        (["reverify", IDENTICAL, "--signer", IDENTICAL], 2),
        (["show", "no-such-file.potb"], 2),
        (["weights", "./no-such-model"], 2),
        (["no-such-command"], 2),
    ],
)
def test_json_is_one_object_in_every_case(arguments, exit_code):
    done = run(*arguments, "--json")
    assert done.returncode == exit_code, done.stderr
    document = json.loads(done.stdout)
    assert isinstance(document, dict)
    assert document["exit_code"] == exit_code
    if exit_code == 2:
        assert document["error"]["message"]
        assert done.stderr.startswith("error: ")


def test_json_verdicts_hold_no_float():
    done = run("reverify", IDENTICAL, "--signer", SIGNER, "--json")

    def refuse(text: str) -> float:
        raise AssertionError(f"a float: {text}")

    document = json.loads(done.stdout, parse_float=refuse)
    assert document["verdict"] == "VERIFIED"
    assert document["decision"]["decision"] == "SAME"
    assert [check["id"] for check in document["checks"]] == [f"C{n:02d}" for n in range(1, 13)]


def test_show_opens_with_not_verified():
    done = run("show", IDENTICAL)
    assert done.returncode == 0
    assert done.stdout.startswith("NOT VERIFIED")
    document = json.loads(run("show", IDENTICAL, "--json").stdout)
    assert document["verified"] is False
    assert document["frames"][0]["type"] == "HEAD"


def test_control_characters_of_a_file_are_never_printed():
    from pot_audit.screen import printable

    assert printable("a\x1b[31mb\u202ec") == "a\\u001b[31mb\\u202ec"


def test_redact_keeps_the_signature_and_asks_the_reader(tmp_path):
    redacted = tmp_path / "redacted.potb"
    done = run("redact", IDENTICAL, "--probe", "1", "--probe", "2:3", "-o", redacted)
    assert done.returncode == 0, done.stderr
    assert "5 contents withheld" in done.stdout
    unasked = run("reverify", redacted, "--signer", SIGNER)
    assert unasked.returncode == 3
    assert "withheld" in unasked.stdout
    assert run("reverify", redacted, "--signer", SIGNER, "--allow-withheld").returncode == 0
    again = run("redact", IDENTICAL, "--probe", "1", "-o", redacted)
    assert again.returncode == 2
    assert "never overwritten" in again.stderr


@pytest.mark.parametrize("probe", ["0", "x", "1:5", "1:0", "-1", "99999"])
def test_redact_refuses_probes_that_are_not_there(tmp_path, probe):
    output = tmp_path / "out.potb"
    done = run("redact", IDENTICAL, f"--probe={probe}", "-o", output)
    assert done.returncode == 2
    assert done.stderr.startswith("error: ")
    assert not output.exists()


def test_keygen_writes_a_pair_and_never_over_another(tmp_path):
    pytest.importorskip("cryptography")
    key = tmp_path / "acme"
    words = tmp_path / "words"
    words.write_text("correct horse\n")
    done = run("keygen", key, "--passphrase-file", words, "--json")
    assert done.returncode == 0, done.stderr
    made = json.loads(done.stdout)
    assert made["keys"][0]["algorithm"] == "ed25519"
    assert b"ENCRYPTED" in key.read_bytes()
    assert key.stat().st_mode & 0o777 == 0o600
    before = key.read_bytes()
    assert run("keygen", key, "--no-passphrase").returncode == 2
    assert key.read_bytes() == before
    assert run("keygen", tmp_path / "other").returncode == 2  # no terminal to ask on


def test_a_p256_key_is_made_and_cannot_record_alone(tmp_path):
    pytest.importorskip("cryptography")
    key = tmp_path / "acme"
    done = run("keygen", key, "--algorithm", "ecdsa-p256", "--no-passphrase", "--json")
    assert done.returncode == 0, done.stderr
    assert [one["algorithm"] for one in json.loads(done.stdout)["keys"]] == ["ecdsa-p256"]
    for command in ("record", "precommit"):
        done = run(command, "--reference", "x", "--candidate", "y", "--key", key, "-o",
                   tmp_path / "out", "--json")  # fmt: skip
        assert done.returncode == 2
        error = json.loads(done.stdout)["error"]
        assert error["code"] == "precommit.no-ed25519"
        assert "keygen --algorithm ed25519 --algorithm ecdsa-p256" in error["message"]
    both = tmp_path / "both"
    twice = ("--algorithm", "ed25519", "--algorithm")
    done = run("keygen", both, *twice, "ecdsa-p256", "--pq", "--no-passphrase", "--json")
    assert [one["algorithm"] for one in json.loads(done.stdout)["keys"]] == [
        "ed25519",
        "ecdsa-p256",
        "ml-dsa-65",
    ]
    assert run("keygen", tmp_path / "x", *twice, "ed25519", "--no-passphrase").returncode == 2


def test_doctor_says_what_is_there():
    done = run("doctor", "--json")
    assert done.returncode == 0
    abilities = json.loads(done.stdout)["abilities"]
    assert {one["what"] for one in abilities} >= {"re-verify bundles", "record bundles"}
    assert abilities[0]["able"] is True


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion_scripts_are_for_this_command(shell):
    done = run("completion", shell)
    assert done.returncode == 0
    assert "pot-audit" in done.stdout
    assert "_POT_AUDIT_COMPLETE" in done.stdout


def test_a_tokenizer_pair_that_differs_is_refused_by_name(tmp_path):
    done = run("record", "--reference", "openai:http://127.0.0.1:1/v1#m", "--candidate", "x",
               "--key", KEYS / "fixtures.key", "-o", tmp_path / "x.potb")  # fmt: skip
    assert done.returncode == 2
    assert "model.api-not-supported" in done.stderr
