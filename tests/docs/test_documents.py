"""What the documents promise about the program is what the program does."""

import ast
import re
import subprocess
import sys
from pathlib import Path

import pytest

from pot_audit.__main__ import COMMANDS

ROOT = Path(__file__).parents[2]
_CODE = re.compile(r"[a-z0-9-]+\.[a-z0-9-]+")
# File names, and the names of events in vendors' documents.
_NOT_CODES = (".json", ".pub", ".key", ".html", "request.received", "response.returned")


def reason_codes(folder: Path) -> set[str]:
    """The first argument of every call that looks like a reason code."""
    calls = (
        node
        for path in folder.rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Call)
    )
    arguments = (argument for call in calls for argument in call.args)
    return {
        one.value
        for one in arguments
        if isinstance(one, ast.Constant)
        and isinstance(one.value, str)
        and _CODE.fullmatch(one.value)
        and not one.value.endswith(_NOT_CODES)
    }


def test_every_reason_code_of_the_reader_is_specified():
    specification = (ROOT / "docs" / "reason-codes.md").read_text()
    codes = reason_codes(ROOT / "pot_reverify")
    assert len(codes) > 80
    assert sorted(code for code in codes if f"`{code}`" not in specification) == []


def test_every_command_stands_in_the_readme():
    readme = (ROOT / "README.md").read_text()
    for command in COMMANDS:
        assert f"pot-audit {command}" in readme, command


def test_the_help_in_the_readme_is_the_programs():
    readme = (ROOT / "README.md").read_text()
    block = r"<!-- help -->\n```console\n\$ pot-audit --help\n(.*?)```"
    quoted = re.search(block, readme, re.DOTALL)
    assert quoted is not None
    code = "import sys; sys.argv[0] = 'pot-audit'; from pot_audit.__main__ import main; main()"
    printed = subprocess.run(
        [sys.executable, "-c", code, "--help"],
        capture_output=True,
        text=True,
        check=True,
        env={"COLUMNS": "100", "PATH": "/usr/bin"},
    ).stdout
    assert quoted[1] == printed


def test_the_readme_is_short():
    text = (ROOT / "README.md").read_text()
    prose = re.sub(r"```.*?```", "", text, flags=re.DOTALL)
    assert len(prose.split()) <= 600


@pytest.mark.parametrize("path", sorted((ROOT / "docs").rglob("*.md")), ids=lambda path: path.name)
def test_links_lead_somewhere(path):
    for target in re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", path.read_text()):
        assert (path.parent / target).exists(), target
