"""--expect asks for a decision by a named preset; whoever wants a custom one says so."""

import json
from pathlib import Path

import pytest
from test_commands import IDENTICAL, SIGNER, run

from pot_reverify.decision.presets import PRESETS
from pot_reverify.documents.bundle_reader import read_bundle_of

ROOT = Path(__file__).parents[2]
WIDE = ROOT / "fixtures" / "vectors" / "good-custom-wide.potb"
RECORDER = ROOT / "fixtures" / "keys" / "test-recorder.pub"
SIGNED = ("reverify", WIDE, "--signer", RECORDER)
POLICY = """
kind = "pot-audit/policy/1"
[[signer]]
name = "recorder"
public_key = "{key}"
[accept]
{accept}
"""


def test_the_file_is_what_the_tests_take_it_for():
    preset = read_bundle_of(WIDE).head.preset
    assert (preset.name, float(preset.gamma)) == ("custom", 1.97)
    assert read_bundle_of(IDENTICAL).head.preset == PRESETS["quick"]


def test_a_custom_rule_is_verified_and_said_first():
    done = run(*SIGNED)
    assert done.returncode == 0
    assert "\ncustom rule: SAME  " in done.stdout
    assert "\nSAME" not in done.stdout
    assert "made by the signer: α = 0.25, γ = 1.97" in done.stdout
    assert "a mean divergence is from 0 to 2" in done.stdout
    shown = run("show", WIDE)
    assert "\ncustom rule: SAME  " in shown.stdout
    claimed = run("show", ROOT / "fixtures" / "vectors" / "proven-redacted.potb")
    assert "custom rule: SAME at challenge 1 (claimed; its scores are withheld)" in claimed.stdout


@pytest.mark.parametrize("expected", ["same", "different", "undecided"])
def test_a_custom_rule_is_not_expected(expected):
    done = run(*SIGNED, "--expect", expected)
    assert done.returncode == 4
    assert "error: the decision is SAME" in done.stderr
    if expected == "same":
        assert "under a custom rule" in done.stderr
        assert "quick, audit, extended" in done.stderr
        assert "--preset custom" in done.stderr


def test_a_custom_rule_is_expected_by_whoever_says_so():
    assert run(*SIGNED, "--expect", "same", "--preset", "custom").returncode == 0
    assert run(*SIGNED, "--expect", "different", "--preset", "custom").returncode == 4
    both = ("--preset", "custom", "--preset", "audit")
    assert run(*SIGNED, "--expect", "same", *both).returncode == 0


def test_whoever_accepts_named_presets_alone_rejects_a_custom_one():
    done = run(*SIGNED, "--expect", "same", "--preset", "audit")
    assert done.returncode == 1
    assert "precommit.preset-not-allowed" in done.stdout


@pytest.mark.parametrize(
    ("accept", "exit_code", "sentence"),
    [
        ("", 4, "is said under a named preset"),
        ('presets = ["custom"]', 0, "may be said under a custom rule"),
        ('presets = ["audit", "custom"]', 0, "may be said under a custom rule"),
        ('presets = ["audit"]', 1, "is said under a named preset"),
    ],
)
def test_a_policy_file_says_so_by_naming_it(tmp_path, accept, exit_code, sentence):
    policy = tmp_path / "policy.toml"
    policy.write_text(POLICY.format(key=RECORDER, accept=accept))
    done = run("reverify", WIDE, "--policy", policy, "--expect", "same")
    assert done.returncode == exit_code, done.stdout + done.stderr
    assert sentence in run("policy", "explain", policy).stdout


def test_json_says_why():
    custom = json.loads(run(*SIGNED, "--expect", "same", "--json").stdout)
    assert (custom["verdict"], custom["is_custom_rule"], custom["exit_code"]) == (
        "VERIFIED",
        True,
        4,
    )
    assert "custom rule" in custom["why_not_as_expected"]
    named = json.loads(run("reverify", IDENTICAL, "--signer", SIGNER, "--expect", "same",
                           "--json").stdout)  # fmt: skip
    assert (named["is_custom_rule"], named["why_not_as_expected"]) == (False, None)
    unread = json.loads(run("reverify", SIGNER, "--json").stdout)
    assert unread["is_custom_rule"] is None


def test_every_bundle_of_several_is_held_to_it():
    done = run(*SIGNED, IDENTICAL, "--signer", SIGNER, "--expect", "same")
    assert done.returncode == 4
    assert done.stderr.count("error: ") == 1
