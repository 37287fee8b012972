"""Every claim of the threat model names a test that exists, or vectors that do."""

import ast
import fnmatch
import json
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "threat-model.md").read_text()
ROWS = [
    [cell.strip() for cell in line.strip("|").split("|")]
    for line in PAGE.splitlines()
    if line.startswith("|") and ("`tests/" in line or "`halo2/" in line or "vectors `" in line)
]
NAMES = [
    case["name"]
    for case in json.loads((ROOT / "fixtures/vectors/vectors.json").read_text())["cases"]
]


def test_the_claims_are_found():
    assert len(ROWS) > 40
    assert all(len(row) == 3 and all(row) for row in ROWS)


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row[0][:60])
def test_a_claim_is_attacked_by_a_test_that_exists(row):
    tests = re.findall(r"`((?:tests|halo2)/[^`:]+)(?:::([a-z0-9_]+))?`", row[2])
    vectors = [
        name
        for part in re.findall(r"vectors ((?:`[^`]+`(?:, )?)+)", row[2])
        for name in re.findall(r"`([^`]+)`", part)
    ]
    patterns = [name for name in vectors if "/" not in name]
    assert tests or patterns
    for file, function in tests:
        source = (ROOT / file).read_text()
        if function:
            defined = {
                node.name
                for node in ast.walk(ast.parse(source))
                if isinstance(node, ast.FunctionDef)
            }
            assert function in defined, (file, function)
    for pattern in patterns:
        assert fnmatch.filter(NAMES, pattern), pattern


def test_every_check_is_claimed():
    named = " ".join(row[1] for row in ROWS)
    spans = named.replace("C01–C04", "C01 C02 C03 C04")
    assert {f"C{number:02d}" for number in (1, 2, 3, 4, 5, 6, 7, 8, 10, 11)} <= set(
        spans.replace(",", " ").split()
    )
