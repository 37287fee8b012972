"""The page that says what holds each field names every field of every schema, and no other."""

import re
from fnmatch import fnmatchcase
from pathlib import Path

import pytest

from pot_reverify.checks.result import CheckId
from pot_reverify.checks.schemas import schema

PAGE = (Path(__file__).parents[2] / "docs" / "fields.md").read_text()
TABLES = {
    title: re.findall(r"^\| (`.*?) \| (.*) \|$", rows, re.MULTILINE)
    for title, rows in re.findall(r"^\| ([^|`]*) \| held by \|\n\|---\|---\|\n((?:\|.*\n)+)", PAGE,
                                  re.MULTILINE)
}  # fmt: skip
SCHEMAS = {
    "HEAD": ("head",),
    "RECORD": ("record",),
    "CONTENT": ("content",),
    "WITHHELD, BLOB, SIGNATURE, ATTACHMENT": ("withheld", "blob", "signature", "attachment"),
    "REVEAL": ("reveal",),
    "STATEMENT": ("statement",),
    "precommit": ("precommit",),
    "environment": ("environment",),
}


def alternatives(node):
    """A schema and all that it may be instead."""
    yield node
    for one in (*node.get("anyOf", ()), *node.get("oneOf", ())):
        yield from alternatives(one)


def leaves(node, path=""):
    """The paths of all fields that have no fields of their own."""
    inner = list(alternatives(node))
    fields = {
        f"{path}.{name}".lstrip("."): sub
        for one in inner
        for name, sub in one.get("properties", {}).items()
    }
    items = [one["items"] for one in inner if isinstance(one.get("items"), dict)]
    found = {leaf for name, sub in fields.items() for leaf in leaves(sub, name)}
    found |= {leaf for sub in items for leaf in leaves(sub, f"{path}[]") if leaf != f"{path}[]"}
    return found or {path}


@pytest.mark.parametrize("title", SCHEMAS)
def test_every_field_has_a_row_and_every_row_a_field(title):
    names = [name for row, _ in TABLES[title] for name in re.findall(r"`([^`]+)`", row)]
    patterns = [name.replace("[]", "[[]]") for name in names]
    fields = set().union(*(leaves(schema(kind)) for kind in SCHEMAS[title]))
    assert len(fields) >= 3
    assert {one for one in fields if not any(fnmatchcase(one, p) for p in patterns)} == set()
    assert {p for p in patterns if not any(fnmatchcase(one, p) for one in fields)} == set()


def test_every_row_names_a_check_or_says_that_none_holds_it():
    rows = [row for table in TABLES.values() for row in table]
    assert len(rows) > 40
    for name, text in rows:
        checks = re.findall(r"\bC\d\d\b", text)
        assert set(checks) <= {check.value for check in CheckId}, name
        assert checks or re.match(r"asserted|nothing reads it|reader: ", text), name


def test_every_table_is_compared():
    assert TABLES.keys() == SCHEMAS.keys()
