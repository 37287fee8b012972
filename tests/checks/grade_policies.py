"""The policies of the fixture bundles of grades, as the re-verifier takes them."""

import json
from pathlib import Path

from pot_reverify import Policy, load_signer
from pot_reverify.policy import BindingPolicy, Grade
from pot_reverify.quotes.evidence import NamedSoftware, QuoteKind, QuotePolicy
from pot_reverify.quotes.roots import PINNED_ROOTS

FIXTURES = Path(__file__).parents[2] / "fixtures"
GRADES = FIXTURES / "bundles" / "grades"
POLICIES = json.loads((GRADES / "policies.json").read_text())
SIGNER = load_signer(FIXTURES / "keys" / "test-recorder.pub")
AT_NS = 1_796_083_200_000_000_000
"""2026-12-01: after every bundle was made, and before any of its certificates ends."""


def quote_policy(document, *, with_roots: bool = True, with_software: bool = True) -> QuotePolicy:
    named = {
        vendor: tuple((GRADES / file).read_bytes() for file in files)
        for vendor, files in document["roots"].items()
    }
    return QuotePolicy(
        roots={**PINNED_ROOTS, **(named if with_roots else {})},
        software=tuple(
            NamedSoftware(
                name=one["name"],
                kind=QuoteKind(one["kind"]),
                registers={name: bytes.fromhex(text) for name, text in one["registers"].items()},
                hashes_requests=one["hashes_requests"],
            )
            for one in (document["software"] if with_software else [])
        ),
    )


def policy_of(name: str, *, with_roots: bool = True, with_software: bool = True) -> Policy:
    document = POLICIES[name]
    quotes = quote_policy(document, with_roots=with_roots, with_software=with_software)
    required = frozenset(map(Grade, document["required"]))
    return Policy(signers=SIGNER, binding=BindingPolicy(required, quotes))
