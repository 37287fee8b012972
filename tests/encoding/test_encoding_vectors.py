"""The vectors that tests read: copies are verbatim, golden files are as generated."""

import csv
import hashlib
import runpy
from pathlib import Path

import pytest

FIXTURES = Path(__file__).parents[2] / "fixtures"
SOURCES = [
    FIXTURES / "public" / name / "SOURCES.tsv"
    for name in ("cctv", "dsse", "ed25519-speccheck", "msgpack", "rfc6962", "wycheproof")
]


@pytest.mark.parametrize("sources", SOURCES, ids=lambda path: path.parent.name)
def test_public_vectors_are_verbatim_copies_with_their_licence(sources):
    with sources.open(newline="") as file:
        rows = list(csv.DictReader(file, delimiter="\t"))
    for row in rows:
        content = (FIXTURES / "public" / row["file"]).read_bytes()
        assert hashlib.sha256(content).hexdigest() == row["sha256"]
        assert row["licence"]
    listed = {FIXTURES / "public" / row["file"] for row in rows}
    present = {path for path in sources.parent.rglob("*") if path.is_file()}
    assert present == listed | {sources}
    assert sources.with_name("LICENSE") in listed


@pytest.mark.parametrize("name", ["msgpack.json", "tree.json"])
def test_golden_vectors_are_what_the_generator_writes(name):
    generator = runpy.run_path(str(FIXTURES / "golden" / "generate_encoding.py"))
    assert generator["documents"]()[name] == (FIXTURES / "golden" / name).read_bytes()
