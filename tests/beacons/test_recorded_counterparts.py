"""From a promise to VERIFIED on the command line: a party's signed word, and a beacon's round.

Real models, a real time authority (`openssl ts`), and a server of the chain whose key is public.
"""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("torch", reason="needs the `record` extra")

import test_chains
from beacon_server import serve_beacon
from certificates import make_root, make_tsa
from tsa import OpenSslTsa, serve

pytestmark = pytest.mark.models

ROOT = Path(__file__).parents[2]
CHAINS = ROOT / "fixtures" / "beacons" / "test-chains.toml"


@pytest.fixture
def run(tmp_path):
    def invoke(*arguments, expected=0):
        done = subprocess.run(
            [sys.executable, "-m", "pot_audit", *map(str, arguments)],
            cwd=tmp_path,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == expected, done.stdout + done.stderr
        return done

    return invoke


@pytest.fixture
def pair(small_folder, run):
    run("keygen", "acme", "--no-passphrase")
    return (
        "--reference", small_folder, "--candidate", small_folder, "--preset", "quick", "--key",
        "acme",
    )  # fmt: skip


def policy_text(*lines):
    return "\n".join(
        ('kind = "pot-audit/policy/1"', "[accept]", "counterpart = true", *lines, "[[signer]]",
         'name = "Acme"', 'public_key = "acme.pub"', "")
    )  # fmt: skip


ADA = '[[signer]]\nname = "Ada"\npublic_key = "ada.pub"\nroles = ["counterpart"]\n'


def test_a_party_gives_half_of_the_randomness(run, pair, tmp_path):
    run("keygen", "ada", "--no-passphrase")
    promise = run(
        "precommit", *pair, "--counterpart", "Ada Ltd", "--counterpart-key", "ada.pub", "-o",
        "run.precommit",
    )  # fmt: skip
    assert "pot-audit counterpart run.precommit" in promise.stderr
    record = ("record", *pair, "--precommit", "run.precommit", "-o", "bundle.potb")
    assert "--counterpart FILE" in run(*record, expected=2).stderr
    own = ("counterpart", "run.precommit", "--key", "acme", "-o", "own.json")
    assert "nobody is a counterpart to themselves" in run(*own, expected=2).stderr
    give = ("counterpart", "run.precommit", "--key", "ada", "-o", "counterpart.json")
    assert "not signed by this recorder" in run(*give, "--recorder", "ada.pub", expected=2).stderr
    given = run(*give, "--recorder", "acme.pub", "--json")
    assert json.loads(given.stdout)["output"] == "counterpart.json"
    for word in ("reference", "attempt 1", "Ada Ltd"):
        assert word in given.stderr
    assert "never overwritten" in run(*give, expected=2).stderr

    run(*record, "--counterpart", "counterpart.json", "--counterpart-key", "ada.pub", "--hold")
    run(*record, "--resume")
    assert "counterpart.json" in run("show", "bundle.potb").stdout
    (tmp_path / "policy.toml").write_text(policy_text() + ADA)
    done = run("reverify", "bundle.potb", "--policy", "policy.toml")
    assert "challenges chosen by the recorder and Ada, who signed" in done.stdout
    (tmp_path / "nobody.toml").write_text(policy_text())
    unnamed = run("reverify", "bundle.potb", "--policy", "nobody.toml", expected=3)
    assert 'The signer says that "Ada Ltd" gave half of the randomness' in unnamed.stdout
    unasked = run("reverify", "bundle.potb", "--signer", "acme.pub")
    assert 'the signer says that "Ada Ltd" gave half of the randomness' in unasked.stdout
    assert not (tmp_path / "bundle.potb.evidence").exists()


@pytest.mark.skipif(shutil.which("openssl") is None, reason="needs openssl")
def test_a_beacon_gives_half_of_the_randomness(run, pair, tmp_path):
    ca = make_root()
    (tmp_path / "tsa.pem").write_bytes(ca.pem)
    name = test_chains.QUICK.name
    promise = ("precommit", *pair, "--beacon", name, "-o", "run.precommit")
    assert "no beacon that can be verified" in run(*promise, expected=2).stderr
    assert "40s to 59m" in run(*promise, "--policy", CHAINS, "--round-in", "2h", expected=2).stderr
    promised = run(*promise, "--policy", CHAINS, "--round-in", "75s")
    assert "TEST CHAIN" in promised.stdout
    assert "pot-audit timestamp run.precommit" in promised.stderr
    with serve(OpenSslTsa(tmp_path / "tsa", make_tsa(ca))) as (tsa_url, _):
        stamp = ("--tsa", tsa_url, "--tsa-certificate", "tsa.pem")
        run("timestamp", "run.precommit", *stamp)
    record = ("record", *pair, "--precommit", "run.precommit", "-o", "bundle.potb")
    assert "--beacon drand" in run(*record, expected=2).stderr
    with serve_beacon() as (url, paths):
        fetch = ("--beacon", "drand", "--beacon-url", url)
        unknown = run(*record, *fetch, expected=2)
        assert "does not know the promised beacon" in unknown.stderr
        recorded = run(*record, *fetch, "--policy", CHAINS)
    assert len(paths) == 1
    assert "waiting for round" in recorded.stderr
    assert "TEST CHAIN" in recorded.stderr
    authority = '[[time.authority]]\nname = "Local TSA"\nroot = "tsa.pem"\n'
    chain = test_chains.policy_toml(test_chains.QUICK)
    (tmp_path / "policy.toml").write_text(policy_text() + authority + chain)
    done = run("reverify", "bundle.potb", "--policy", "policy.toml")
    assert done.stdout.count("TEST CHAIN") == 2
    assert "signed by its group key" in done.stdout
    # Without the chain, or without the clock, only the signer says so.
    (tmp_path / "no-chain.toml").write_text(policy_text() + authority)
    (tmp_path / "no-clock.toml").write_text(policy_text() + chain)
    for file, words in (
        ("no-chain.toml", "this is no beacon that this version or your policy knows"),
        ("no-clock.toml", "nothing proves that the precommit was older than the round"),
    ):
        undemanded = run("reverify", "bundle.potb", "--policy", file, expected=3)
        assert words in undemanded.stdout
    listed = run("policy", "check", "policy.toml").stdout
    assert listed.count("TEST CHAIN") == 2
    assert "TEST CHAIN" in run("policy", "explain", "policy.toml").stdout
