import json
import runpy
import sys
from itertools import accumulate, pairwise
from math import isqrt
from pathlib import Path
from struct import pack

import pytest

from pot_reverify.score.affinity import SCORE_ID, affinity, affinity_score, parse_distributions

GOLDEN = Path(__file__).parents[2] / "fixtures" / "golden"
DOCUMENT = json.loads((GOLDEN / "scores.json").read_bytes())
CASES = [pytest.param(case, id=case["name"]) for case in DOCUMENT["cases"]]


@pytest.mark.parametrize("case", CASES)
def test_the_score_is_the_golden_one(case):
    arrays = (pack(f"<{len(case[name])}I", *case[name]) for name in ("token_ids", "p", "q"))
    distributions = parse_distributions(bytes(case["position_sizes"]), *arrays)
    assert affinity(distributions) == case["affinity"]
    assert affinity_score(distributions) == case["score"]


@pytest.mark.parametrize("case", CASES)
def test_the_formula_of_the_specification_gives_the_golden_score(case):
    """Cell by cell, as docs/statistics.md states it."""
    product = 2**32
    for start, end in pairwise(accumulate(case["position_sizes"], initial=0)):
        p, q = case["p"][start:end], case["q"][start:end]
        coefficient = isqrt((2**32 - sum(p)) * (2**32 - sum(q)))
        for j in range(end - start):
            coefficient += isqrt(p[j] * q[j])
        product = product * coefficient // 2**32
    assert product == case["affinity"]
    assert min(65535, (2 * (2**32 - product)) // 2**17) == case["score"]


def test_the_vectors_are_what_the_generator_writes(monkeypatch):
    monkeypatch.setattr(sys, "path", [str(GOLDEN), *sys.path])
    (written,) = runpy.run_path(str(GOLDEN / "generate_scores.py"))["documents"]().items()
    assert written == ("scores.json", (GOLDEN / "scores.json").read_bytes())


def test_the_vectors_name_their_score_and_show_both_ends():
    assert DOCUMENT["score"] == SCORE_ID
    scores = [case["score"] for case in DOCUMENT["cases"]]
    assert {0, 1, 65535} <= set(scores)
    assert len({case["name"] for case in DOCUMENT["cases"]}) == len(scores)
