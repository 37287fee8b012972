"""No regular expression of this program needs more than a little for a long text.

Each is found by looking into the modules, and tried on texts that repeat what it can match: whoever
writes one that goes back and forth over its input gets a text of that kind here.
"""

import importlib
import pkgutil
import re
import resource
import subprocess
import sys
import time
from pathlib import Path

import pytest

import pot_audit
import pot_recorder
import pot_reverify

LENGTH = 12_000
_PIECES = (
    " ", "\n", "a", "A", "0", "0f", "g", "=", "-", "\\", '"', "'", "[", "]", "{", "}", ".", "_",
    "/", ":", "$", "${", "é", "\x00", "A\n", "A =", " a", "-----BEGIN A-----", "-----END A-----",
    "-----BEGIN CERTIFICATE-----", "-----BEGIN PUBLIC KEY-----\n", "-----BEGIN PRIVATE KEY-----\n",
    "-----BEGIN ENCRYPTED PRIVATE KEY-----\n", "sha256:", "a.", '"a".',
)  # fmt: skip
_ENDS = ("", "!", "-", "\n", "=", "é", '"')


# They read data of this package, and nothing that anybody hands over.
_OWN_DATA = {
    "pot_reverify.challenge.grammar._SLOT",
    "pot_reverify.challenge.grammar._TERM",
    "pot_reverify.proof.verifying_key._LEXEMES",
}
_METHODS = ("match", "fullmatch", "search", "findall", "finditer", "sub", "split")


def expressions() -> dict[str, tuple[re.Pattern, set[str]]]:
    """Every compiled expression at the top of a module, and the methods that the module calls."""
    found = {}
    for package in (pot_audit, pot_recorder, pot_reverify):
        for module in pkgutil.walk_packages(package.__path__, f"{package.__name__}."):
            if module.name.endswith("__main__"):
                continue
            imported = importlib.import_module(module.name)
            for name, value in vars(imported).items():
                if isinstance(value, re.Pattern):
                    source = Path(str(imported.__file__)).read_text()
                    called = {one for one in _METHODS if f"{name}.{one}(" in source}
                    assert called, f"{module.name}.{name} is not used"
                    found[f"{module.name}.{name}"] = value, called
    return {name: one for name, one in found.items() if name not in _OWN_DATA}


def try_all(pattern: re.Pattern, methods: set[str]) -> None:
    is_bytes = isinstance(pattern.pattern, bytes)
    start = re.match(r"[A-Za-z0-9 :\-]*", str(pattern.pattern)).group()
    for piece in _PIECES:
        for end in _ENDS:
            for beginning in {"", start, "-----BEGIN CERTIFICATE-----"}:
                text = beginning + piece * (LENGTH // len(piece)) + end
                subject = text.encode() if is_bytes else text
                for method in methods & {"match", "fullmatch"}:
                    getattr(pattern, method)(subject)
                if methods - {"match", "fullmatch"}:
                    pattern.sub(subject[:0], subject)


def test_they_are_found():
    assert len(expressions()) >= 15


def test_each_reads_its_text_about_once():
    """In a process that may take a hundred times what reading the texts takes, and no more."""
    start = time.process_time()
    for _ in range(10):
        try_all(re.compile("no such text"), {"search"})
    once = (time.process_time() - start) / 10
    limit_s = int(100 * once) + 10
    done = subprocess.run(
        [sys.executable, __file__, str(limit_s)], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, f"after {limit_s} CPU seconds in: {done.stdout.splitlines()[-1:]}"


@pytest.mark.parametrize("bad", [r"(a|a)+", r"\s*(?:0x)?((?:[0-9a-f]{2}|\s)+)"])
def test_one_that_does_not_is_noticed(bad):
    done = subprocess.run(
        [sys.executable, __file__, "3", bad], capture_output=True, text=True, check=False
    )
    assert done.returncode != 0


def main(limit_s: int, *given: str) -> None:
    patterns = {text: (re.compile(text), {"fullmatch"}) for text in given} or expressions()
    resource.setrlimit(resource.RLIMIT_CPU, (limit_s, limit_s))
    for name, (pattern, methods) in patterns.items():
        sys.stdout.write(f"{name}\n")
        sys.stdout.flush()
        try_all(pattern, methods)


if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).parents[2]))
    main(int(sys.argv[1]), *sys.argv[2:])
