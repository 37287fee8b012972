"""`pip install .` with no extra, in an environment of its own, with the network cut."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
FIXTURES = ROOT / "fixtures"
EXPECTED = json.loads((FIXTURES / "bundles" / "expected.json").read_text())
HEAVY = ("torch", "transformers", "numpy", "scipy", "cryptography", "psutil", "safetensors")


def offline(*command: str | Path) -> list[str]:
    """The command in a network namespace that holds nothing, not even a loopback that is up."""
    unshare = shutil.which("unshare")
    if unshare is None:
        pytest.skip("unshare (util-linux) is not installed")
    return [unshare, "--map-root-user", "--net", *map(str, command)]


@pytest.fixture(scope="module")
def light_python(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("light")
    subprocess.run([sys.executable, "-m", "venv", folder / "venv"], check=True)
    python = folder / "venv" / "bin" / "python"
    # A copy, so that building leaves nothing in the checkout.
    source = folder / "source"
    shutil.copytree(
        ROOT, source, ignore=shutil.ignore_patterns(".git", ".venv", "fixtures", "tests", "target")
    )
    install = [python, "-m", "pip", "install", "--quiet", "-c", ROOT / "constraints.txt", source]
    subprocess.run(install, check=True)
    return python


def test_the_light_installation_is_light(light_python):
    code = "import importlib.util as u, sys; print([m for m in sys.argv[1:] if u.find_spec(m)])"
    done = subprocess.run(
        [light_python, "-c", code, *HEAVY], capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "[]"


def test_there_is_no_network_there(light_python):
    code = "import socket; socket.create_connection(('127.0.0.1', 9), 1)"
    done = subprocess.run(offline(light_python, "-c", code), capture_output=True, check=False)
    assert done.returncode != 0


@pytest.mark.parametrize("name", EXPECTED)
def test_every_fixture_gets_its_verdict_offline(light_python, tmp_path, name):
    exit_codes = {"VERIFIED": 0, "REJECTED": 1, "UNREADABLE": 2, "INCOMPLETE": 3}
    signer = ["--signer", FIXTURES / "keys" / "fixtures.pub"]
    for policy, options in (
        ("named", signer),
        ("named_withheld_allowed", [*signer, "--allow-withheld"]),
        ("nobody_named", []),
    ):
        command = offline(
            light_python, "-I", "-m", "pot_audit", "reverify", FIXTURES / "bundles" / name, *options
        )
        done = subprocess.run(
            [*command, "--json"],
            capture_output=True,
            text=True,
            check=False,
            cwd=tmp_path,
            env={"PATH": os.environ["PATH"]},
        )
        expected = EXPECTED[name][policy]
        if name == "timestamped.potb":  # what cannot be checked does not pass
            expected = "INCOMPLETE"
            assert "pip install 'pot-audit[time]'" in done.stdout
        assert done.returncode == exit_codes[expected], done.stdout + done.stderr
        assert json.loads(done.stdout)["verdict"] == expected


def test_recording_says_what_it_needs(light_python, tmp_path):
    done = subprocess.run(
        [light_python, "-I", "-m", "pot_audit", "keygen", tmp_path / "key", "--no-passphrase"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 2
    assert "pip install 'pot-audit[record]'" in done.stderr
