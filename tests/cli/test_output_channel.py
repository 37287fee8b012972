"""What becomes of the output changes no exit code, and no terminal makes a command fail.

Real processes and real pipes of a shell: a reader that goes away, streams that are closed, a full
device, encodings that cannot say γ, arguments that are not UTF-8.
"""

import os
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from pot_audit.__main__ import COMMANDS

ROOT = Path(__file__).parents[2]
VECTORS = ROOT / "fixtures" / "vectors"
KEYS = ROOT / "fixtures" / "keys"
SMALL = VECTORS / "small.potb"
NAMED = ("--signer", KEYS / "test-recorder.pub", "--allow-withheld")
VERDICTS = {
    0: ("reverify", SMALL, *NAMED),
    1: ("reverify", VECTORS / "score-record.potb", *NAMED),
    2: ("reverify", VECTORS / "file-zip.potb", *NAMED),
    3: ("reverify", SMALL),
    4: ("reverify", SMALL, *NAMED, "--expect", "different"),
}
RECORDER = ("--key", KEYS / "test-recorder", "-o", "NEW")
TOKEN = ("--token", SMALL, "--tsa-certificate", SMALL, "-o", "NEW")
COMMANDS_AND_CODES = {
    "demo": (("demo", "-o", KEYS), 2),
    "keygen": (("keygen", "NEW", "--no-passphrase"), 0),
    "precommit": (("precommit", "--reference", "NEW", "--candidate", "NEW", *RECORDER), 2),
    "record": (("record", "--reference", "x", "--candidate", "x", "--prover", "x", *RECORDER), 2),
    "prove": (("prove", SMALL, "--prover", "/bin/true"), 2),
    "reverify": (VERDICTS[1], 1),
    "policy": (("policy", "explain", ROOT / "fixtures" / "policies" / "regulator.toml"), 0),
    "countersign": (("countersign", SMALL, "--key", KEYS / "test-stranger", "-o", "NEW"), 3),
    "counterpart": (("counterpart", SMALL, "--key", KEYS / "test-stranger", "-o", "NEW"), 2),
    "show": (("show", ROOT / "fixtures" / "bundles" / "identical.potb", "--json"), 0),
    "redact": (("redact", SMALL, "--all", "-o", "NEW"), 0),
    "export": (("export", SMALL, "--dsse", "-o", "NEW"), 0),
    "timestamp": (("timestamp", SMALL, *TOKEN), 2),
    "weights": (("weights", "./no-such-model"), 2),
    "quote": (("quote", SMALL), 2),
    "attach": (("attach", "--print-report-data", "--key", KEYS / "test-recorder.pub"), 2),
    "doctor": (("doctor",), 0),
    "completion": (("completion", "bash"), 0),
}


def shell(tail: str, *arguments: str | Path, before: str = "", **environment: str):
    """``pot-audit … | tail`` and the exit code of the first."""
    line = shlex.join([sys.executable, "-m", "pot_audit", *map(str, arguments)])
    done = subprocess.run(
        ["bash", "-c", f"{before} {line} {tail}; exit ${{PIPESTATUS[0]}}"],
        capture_output=True,
        check=False,
        env={**os.environ, **environment},
    )
    assert b"Traceback" not in done.stderr, done.stderr
    assert b"Exception ignored" not in done.stderr, done.stderr
    return done


TAILS = {
    "closed pipe": "| true",
    "one line": "| head -1",
    "closed output": ">&-",
    "closed errors": "2>&-",
    "both closed": ">&- 2>&-",
    "all closed": "<&- >&- 2>&-",
    "full device": ">/dev/full",
    "full errors": ">/dev/null 2>/dev/full",
    "read only": ">&0 </dev/null",
}


@pytest.mark.parametrize("tail", TAILS.values(), ids=TAILS)
def test_no_channel_changes_a_verdict(tail):
    for code in VERDICTS if tail == TAILS["closed pipe"] else (0, 1):
        done = shell(tail, *VERDICTS[code])
        assert done.returncode == code, done.stderr


@pytest.mark.parametrize("tail", ["| true", ">&- 2>&-", ">/dev/full"])
def test_no_channel_changes_a_verdict_as_json(tail):
    assert shell(tail, *VERDICTS[1], "--json").returncode == 1
    assert shell(tail, *VERDICTS[0], "--json").returncode == 0


def test_there_is_a_case_for_every_command():
    assert COMMANDS_AND_CODES.keys() == set(COMMANDS)


@pytest.mark.parametrize("name", COMMANDS_AND_CODES)
def test_every_command_keeps_its_code(name, tmp_path):
    arguments, code = COMMANDS_AND_CODES[name]
    for number, tail in enumerate(("", "| true", ">&- 2>&-", ">/dev/full 2>/dev/full")):
        named = [tmp_path / f"new{number}" if one == "NEW" else one for one in arguments]
        done = shell(tail, *named)
        assert done.returncode == code, (tail, done.stderr)


def test_a_full_disk_is_told_and_a_closed_pipe_is_not():
    assert b"could not be written: [Errno 28]" in shell(">/dev/full", *VERDICTS[0]).stderr
    assert shell("| true", *VERDICTS[0]).stderr == b""


def test_help_and_version_survive_too():
    for arguments in (("--help",), ("reverify", "--help"), ("--version",)):
        for tail in ("| true", ">&-", ">/dev/full"):
            assert shell(tail, *arguments).returncode == 0
    assert shell("2>&-", "no-such-command").returncode == 2


ENCODINGS = [
    {"PYTHONIOENCODING": "latin-1"},
    {"PYTHONIOENCODING": "ascii"},
    {"PYTHONIOENCODING": "cp1252"},
    {"PYTHONIOENCODING": "cp437:strict"},
    {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"},
    {"LC_ALL": "POSIX", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"},
]


@pytest.mark.parametrize("environment", ENCODINGS, ids=lambda one: "-".join(one.values()))
def test_no_encoding_changes_a_verdict(environment):
    for code, arguments in VERDICTS.items():
        done = shell("", *arguments, **environment)
        assert done.returncode == code, done.stderr
    said = shell("", *VERDICTS[0], **environment).stdout
    encoding = environment.get("PYTHONIOENCODING", "ascii").partition(":")[0]
    text = said.decode(encoding)
    assert "at most gamma = " in text or "at most γ = " in text
    fake = ROOT / "fixtures" / "screen" / "fakerow.potb"
    done = shell("", "show", fake, **environment)
    assert done.returncode == 0
    done.stdout.decode(encoding)


@pytest.mark.parametrize("name", COMMANDS_AND_CODES)
def test_every_command_speaks_ascii(name, tmp_path):
    arguments, code = COMMANDS_AND_CODES[name]
    named = [tmp_path / "new" if one == "NEW" else one for one in arguments]
    done = shell("", *named, PYTHONIOENCODING="ascii")
    assert done.returncode == code, done.stderr
    assert done.stdout.isascii()
    assert done.stderr.isascii()
    assert shell("", name, "--help", PYTHONIOENCODING="ascii").stdout.isascii()


def test_a_file_that_is_opened_never_gets_the_number_of_a_stream(tmp_path):
    """Else what a library prints would go into it."""
    for number, tail in enumerate((">&-", "2>&-", "<&-", "<&- >&- 2>&-")):
        output = tmp_path / f"{number}.potb"
        assert shell(tail, "redact", SMALL, "--all", "-o", output).returncode == 0
        assert shell("", "reverify", output, *NAMED).returncode == 0


def test_a_prompt_without_an_input_is_wrong_usage(tmp_path):
    words = tmp_path / "words"
    words.write_text("correct horse\n")
    words.chmod(0o600)
    key = tmp_path / "key"
    assert shell("", "keygen", key, "--passphrase-file", words).returncode == 0
    for tail in ("<&-", "</dev/null"):
        done = shell(tail, "countersign", SMALL, *NAMED[:2], "--even-if-not-verified", "--key", key,
                     "-o", tmp_path / "x.potb")  # fmt: skip
        assert done.returncode == 2
        assert b"is encrypted" in done.stderr
        assert shell(tail, "keygen", tmp_path / "other").returncode == 2
