"""What the documents promise about the program is what the program does."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from pot_audit.__main__ import COMMANDS

ROOT = Path(__file__).parents[2]
PRODUCT = [*(ROOT / "pot_reverify").rglob("*.py"), *(ROOT / "pot_recorder").rglob("*.py")]
_CODE = re.compile(r'(?:Rejection|Indeterminate|Truncated|NotABundle|skipped|absent|refused|_[a-z_]+)'
                   r'\(\s*(?:CheckId\.\w+,\s*)?"([a-z0-9-]+\.[a-z0-9-]+)"')  # fmt: skip


def reason_codes(paths) -> set[str]:
    return {code for path in paths for code in _CODE.findall(path.read_text())}


def test_every_reason_code_of_the_reader_is_specified():
    specification = (ROOT / "docs" / "format.md").read_text()
    codes = reason_codes((ROOT / "pot_reverify").rglob("*.py"))
    assert len(codes) > 80
    assert sorted(code for code in codes if f"`{code}`" not in specification) == []


def test_every_command_stands_in_the_readme():
    readme = (ROOT / "README.md").read_text()
    for command in COMMANDS:
        assert f"pot-audit {command}" in readme, command


def test_the_help_in_the_readme_is_the_programs():
    readme = (ROOT / "README.md").read_text()
    quoted = re.search(r"<!-- help -->\n```console\n\$ pot-audit --help\n(.*?)```", readme, re.DOTALL)
    assert quoted is not None
    printed = subprocess.run(
        [sys.executable, "-c", "import sys; sys.argv[0] = 'pot-audit'\n"
         "from pot_audit.__main__ import main\nmain()", "--help"],
        capture_output=True, text=True, check=True, env={"COLUMNS": "100", "PATH": "/usr/bin"},
    ).stdout  # fmt: skip
    assert quoted[1] == printed


def test_the_readme_is_short():
    text = (ROOT / "README.md").read_text()
    prose = re.sub(r"```.*?```", "", text, flags=re.DOTALL)
    assert len(prose.split()) <= 600


@pytest.mark.parametrize("path", sorted((ROOT / "docs").rglob("*.md")), ids=lambda path: path.name)
def test_links_lead_somewhere(path):
    for target in re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", path.read_text()):
        assert (path.parent / target).exists(), target
