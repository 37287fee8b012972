"""The verifier in Python and `pot-halo2`, asked about the same damaged proofs of decisions.

    POT_HALO2=halo2/target/release/pot-halo2 \\
        python tests/proof/verifier_agreement.py 10000 SEED

Every claim is about a circuit of the registry. Bits, items, lengths and public values are changed,
items and proofs are exchanged, and true proofs are offered for false claims; one in ten is left as
it is. Each claim is checked by itself in Python, and in long arrays by the program. Before that,
both check as many proofs of the largest circuit as they ever add up at a time, which takes the most
memory. Prints one JSON object: the verdicts, each disagreement, and the memory that each of the two
took at most.
"""

import json
import os
import random
import resource
import sys
from collections import Counter
from dataclasses import replace
from pathlib import Path

from decision_vectors import SMALL, SMALL_2, circuit_and_proof, decision_claim, proof_claim
from proof_mutations import damage

from pot_reverify.decision.empirical_bernstein import StopReason
from pot_reverify.decision.presets import PRESETS
from pot_reverify.errors import Rejection
from pot_reverify.proof.external import MAX_CLAIMS, verify_with_binary
from pot_reverify.proof.pasta_fields import P
from pot_reverify.proof.registry import prepare_claim
from pot_reverify.proof.verify import MAX_BATCH, check_proofs

# Most proofs are of the smallest circuit; one of the largest costs ten times as much.
GROUPS = (
    (SMALL, 565),
    (SMALL_2, 400),
    (("second-attempt", "v2-second-attempt"), 20),
    (("n285", "v2-n280"), 10),
    (("n579", "v2-n564"), 4),
    (("n801", "v2-n801"), 1),
)


def changed_claim(source):
    groups, shares = zip(*GROUPS, strict=True)
    names = source.choices(groups, shares)[0]
    if source.random() < 0.1:
        return false_claim(source, source.choice(names))
    return damage(source, [proof_claim(name) for name in names])


def false_claim(source, name):
    """A true proof for another claim, one that a bundle could make."""
    circuit, proof = circuit_and_proof(name)
    claim = decision_claim(name)
    while True:
        lie = replace(claim, **_lie(source, claim))
        try:
            return prepare_claim(circuit, lie, proof)
        except Rejection:  # no such run: refused before the proof is looked at
            continue


def _lie(source, claim):
    return source.choice(
        (
            {"reason": source.choice(list(StopReason))},
            {"n": claim.n + source.choice((-1, 1))},
            {"attempt": claim.attempt + 1},
            {"preset": PRESETS[source.choice(sorted(PRESETS))]},
            {"preset": replace(claim.preset, name="custom", n_max=claim.preset.n_max + 1)},
            {"score_commitment": source.randrange(P)},
            {"run_digest": source.randbytes(32)},
            {"sums": claim.sums and replace(claim.sums, scores=claim.sums.scores + 1)},
            {"sums": claim.sums and replace(claim.sums, squares=claim.sums.squares + 1)},
        )
    )


def verdict(finding):
    return "accepted" if finding is None else finding.code


def agree(ours, theirs):
    """The program looks at ranges of public values that are computed within them in Python."""
    return ours == theirs or (ours, theirs) == (
        "proof.opening-failed",
        "proof.instance-out-of-range",
    )


def check_a_full_batch(program):
    for name in ("n801", "v2-n801"):
        largest = [proof_claim(name)] * MAX_BATCH
        assert verify_with_binary(largest, program) == check_proofs(largest) == [None] * MAX_BATCH


def compare(program, count, seed):
    source = random.Random(seed)
    verdicts, disagreements = Counter(), []
    for start in range(0, count, MAX_CLAIMS):
        claims = [changed_claim(source) for _ in range(min(MAX_CLAIMS, count - start))]
        findings = verify_with_binary(claims, program)
        for number, (claim, finding) in enumerate(zip(claims, findings, strict=True), start):
            ours, theirs = verdict(check_proofs([claim])[0]), verdict(finding)
            verdicts[ours] += 1
            if not agree(ours, theirs):
                disagreements.append({"number": number, "python": ours, "pot-halo2": theirs})
        sys.stderr.write(f"{start + len(claims)} of {count}\n")
    return verdicts, disagreements


def peak_megabytes(whose):
    return resource.getrusage(whose).ru_maxrss // 1024


def main(count, seed="agreement"):
    program = Path(os.environ["POT_HALO2"])
    check_a_full_batch(program)
    verdicts, disagreements = compare(program, int(count), seed)
    result = {
        "claims": int(count),
        "seed": seed,
        "verdicts": dict(sorted(verdicts.items())),
        "disagreements": disagreements,
        "python_peak_megabytes": peak_megabytes(resource.RUSAGE_SELF),
        "pot_halo2_peak_megabytes": peak_megabytes(resource.RUSAGE_CHILDREN),
    }
    sys.stdout.write(json.dumps(result, indent=2) + "\n")


if __name__ == "__main__":
    main(*sys.argv[1:])
