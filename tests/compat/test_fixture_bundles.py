"""Every released bundle keeps the verdict and the numbers that it had."""

import json
from pathlib import Path

import pytest

from pot_reverify import Policy, Withheld, load_signer, verify

BUNDLES = Path(__file__).parents[2] / "fixtures" / "bundles"
SIGNER = BUNDLES.parent / "keys" / "fixtures.pub"
EXPECTED = json.loads((BUNDLES / "expected.json").read_text())


def test_every_bundle_has_its_expectation():
    assert {path.name for path in BUNDLES.glob("*.potb")} == EXPECTED.keys()


@pytest.mark.parametrize("name", EXPECTED)
@pytest.mark.parametrize("policy_name", ["named", "named_withheld_allowed", "nobody_named"])
def test_verdicts_and_numbers_stay(name, policy_name):
    expected = EXPECTED[name]
    policy = {
        "named": Policy(signers=load_signer(SIGNER)),
        "named_withheld_allowed": Policy(signers=load_signer(SIGNER), withheld=Withheld.SCORES),
        "nobody_named": Policy(),
    }[policy_name]
    verdict = verify(BUNDLES / name, policy)
    assert verdict.word.value == expected[policy_name], verdict.checks
    step = verdict.step
    assert (step.n, step.S, step.V, step.H) == (
        expected["challenges"],
        expected["score_sum"],
        expected["square_sum"],
        expected["half_width_sum"],
    )
    assert (step.decision and step.decision.value) == expected["decision"]
    assert (step.reason and step.reason.value) == expected["stop_reason"]


def test_the_real_pairs_are_told_apart():
    """The claim of the project in one table; the numbers come from real models."""
    decisions = {name.removesuffix(".potb"): row["decision"] for name, row in EXPECTED.items()}
    assert decisions["identical"] == decisions["gemma-identical"] == "SAME"
    assert decisions["bf16"] == decisions["int8"] == decisions["interrupted"] == "SAME"
    assert decisions["noise"] == "UNDECIDED"
    assert decisions["int4"] == decisions["dropped-layers"] == "DIFFERENT"
    assert EXPECTED["identical.potb"]["score_sum"] == 0
