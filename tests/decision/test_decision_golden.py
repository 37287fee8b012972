import json
import runpy
import sys
from fractions import Fraction
from pathlib import Path

import fraction_oracle
import pytest

from pot_reverify.decision.constants import derive_constants
from pot_reverify.decision.empirical_bernstein import RULE_ID, SequentialTest
from pot_reverify.decision.presets import parse_preset

GOLDEN = Path(__file__).parents[2] / "fixtures" / "golden"
FILES = sorted((GOLDEN / "decision").glob("*.json"))
CASES = [
    pytest.param(case, id=f"{file.stem}-{case['name']}")
    for file in FILES
    for case in json.loads(file.read_bytes())["cases"]
]


@pytest.mark.parametrize("case", CASES)
def test_the_rule_gives_the_golden_steps_and_outcome(case):
    preset = parse_preset(case["preset"])
    alpha = preset.effective_alpha(case["attempt"])
    assert list(alpha.as_integer_ratio()) == case["effective_alpha"]
    assert [line.A for line in derive_constants(alpha)] == case["A"]
    assert [line.P for line in derive_constants(alpha)] == case["P"]
    test = SequentialTest(preset, case["attempt"])
    steps = [test.observe(challenge) for challenge in case["scores"]]
    assert [[s.n, s.S, s.V, s.H, s.L, s.U] for s in steps] == case["steps"]
    outcome = test.outcome()
    assert case["outcome"] == {
        "decision": outcome.decision,
        "reason": outcome.reason,
        "n": outcome.n,
        "S": outcome.S,
        "V": outcome.V,
        "H": outcome.H,
        "margin": list(outcome.margin.as_integer_ratio()),
    }


@pytest.mark.parametrize("case", CASES)
def test_fraction_arithmetic_gives_the_golden_steps_and_outcome(case):
    preset, alpha = parse_preset(case["preset"]), Fraction(*case["effective_alpha"])
    steps = list(fraction_oracle.run(preset, alpha, case["scores"]))
    assert [list(numbers) for *numbers, _ in steps] == case["steps"]
    assert [held for *_, held in steps[:-1] if held] == []
    assert steps[-1][-1][0] == case["outcome"]["reason"]


def test_the_vectors_are_what_the_generator_writes(monkeypatch):
    monkeypatch.setattr(sys, "path", [str(GOLDEN), *sys.path])
    written = runpy.run_path(str(GOLDEN / "generate_decision.py"))["documents"]()
    assert sorted(written) == [f"decision/{file.name}" for file in FILES]
    for path, content in written.items():
        assert (GOLDEN / path).read_bytes() == content, path


def test_every_preset_shows_every_decision_and_reason():
    seen = {
        (case["preset"]["name"], case["outcome"]["decision"], case["outcome"]["reason"])
        for (case,) in (parameters.values for parameters in CASES)
    }
    outcomes = {
        ("SAME", "same"),
        ("DIFFERENT", "different"),
        ("UNDECIDED", "between"),
        ("UNDECIDED", "exhausted"),
    }
    presets = ("quick", "audit", "extended", "custom")
    assert seen == {(preset, *outcome) for preset in presets for outcome in outcomes}


def test_names_are_unique_and_numbers_fit_any_reader():
    for file in FILES:
        document = json.loads(file.read_bytes())
        names = [case["name"] + case["preset"]["name"] for case in document["cases"]]
        assert document["rule"] == RULE_ID
        assert len(names) == len(set(names))
        assert max(v for case in document["cases"] for step in case["steps"] for v in step) < 2**53
    assert sum(file.stat().st_size for file in FILES) < 3 * 2**20
