"""The policies of the fixture bundles of grades, whole and with less in them."""

import json
from dataclasses import replace
from pathlib import Path

from pot_reverify import Policy, load_signer
from pot_reverify.policy.toml_file import load_policy
from pot_reverify.quotes.roots import PINNED_ROOTS

FIXTURES = Path(__file__).parents[2] / "fixtures"
GRADES = FIXTURES / "bundles" / "grades"
EXPECTED = json.loads((GRADES / "expected.json").read_text())
SIGNER = load_signer(FIXTURES / "keys" / "test-recorder.pub")
AT_NS = 1_796_083_200_000_000_000
"""2026-12-01: after every bundle was made, and before any of its certificates ends."""


def policy_of(name: str, *, with_roots: bool = True, with_software: bool = True) -> Policy:
    policy = load_policy((GRADES / name).with_suffix(".toml"))
    quotes = policy.binding.quotes
    quotes = replace(
        quotes,
        roots=quotes.roots if with_roots else PINNED_ROOTS,
        software=quotes.software if with_software else (),
    )
    return replace(policy, binding=replace(policy.binding, quotes=quotes))
