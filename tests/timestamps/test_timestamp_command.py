"""`pot-audit timestamp` against a real authority, and against every way in which one misbehaves."""

import io
import json
import shutil
import subprocess
import sys
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass
from pathlib import Path

import pytest
from certificates import DAY, NOW, issue, make_root, make_tsa
from forge import Forge, der, integer, seq
from tsa import Behaviour, OpenSslTsa, serve

from pot_audit.__main__ import main
from pot_audit.screen import verdict_lines
from pot_recorder.keys import load_private_keys
from pot_recorder.promise import make_promise, save_promise
from pot_reverify import Policy, VerdictWord, load_signer, verify
from pot_reverify.checks.result import CheckId, Status
from pot_reverify.decision.presets import PRESETS
from pot_reverify.documents.model_identity import ModelClaim
from pot_reverify.policy import ProvenTime, TimeAuthority, TimePolicy
from pot_reverify.timestamps.token import parse_token

pytestmark = pytest.mark.skipif(shutil.which("openssl") is None, reason="needs openssl")

FIXTURES = Path(__file__).parents[2] / "fixtures"
BUNDLE = FIXTURES / "vectors" / "base.potb"
TWO_SIGNERS = FIXTURES / "vectors" / "base-pq.potb"
KEYS = FIXTURES / "keys"
ROOT = make_root()
MIDDLE = issue("TEST MIDDLE", ROOT, ca=True)
HOLDER = make_tsa(ROOT)


@pytest.fixture
def root_pem(tmp_path):
    path = tmp_path / "root.pem"
    path.write_bytes(ROOT.pem)
    return path


@pytest.fixture(scope="module")
def tsa(tmp_path_factory):
    return OpenSslTsa(tmp_path_factory.mktemp("tsa"), HOLDER)


@dataclass
class Done:
    returncode: int
    stdout: str
    stderr: str


def run(*arguments):
    stdout, stderr, argv = io.StringIO(), io.StringIO(), sys.argv
    sys.argv = ["pot-audit", "timestamp", *map(str, arguments)]
    try:
        with redirect_stdout(stdout), redirect_stderr(stderr), pytest.raises(SystemExit) as done:
            main()
    finally:
        sys.argv = argv
    return Done(done.value.code, stdout.getvalue(), stderr.getvalue())


def policy(*required, root=ROOT, signer="test-recorder"):
    authorities = (TimeAuthority("test-tsa", root.der),)
    signers = load_signer(KEYS / f"{signer}.pub")
    return Policy(signers=signers, time=TimePolicy(authorities, frozenset(required)))


def time_check(verdict):
    return next(one for one in verdict.checks if one.check is CheckId.TIME)


def make_precommit(path):
    signers = load_private_keys(KEYS / "test-recorder", None)
    promise = make_promise(
        reference=ModelClaim("a", bytes(32)),
        candidate=ModelClaim("b", bytes(32)),
        preset=PRESETS["quick"],
        attempt=1,
        counterpart=None,
        signers=signers,
    )
    save_promise(promise, path, signers)
    return promise.signed.signatures[0].signature


def test_a_sealed_bundle_is_stamped_and_renewed(tsa, tmp_path, root_pem):
    stamped, renewed = tmp_path / "stamped.potb", tmp_path / "renewed.potb"
    with serve(tsa) as (url, queries):
        done = run(BUNDLE, "--tsa", url, "--tsa-certificate", root_pem, "-o", stamped, "--json")
        assert done.returncode == 0, done.stderr
        printed = json.loads(done.stdout)
        assert printed["output"] == str(stamped)
        assert len(printed["tokens"]) == 1
        assert [kind for kind, _ in queries] == ["application/timestamp-query"]
        again = run(
            stamped, "--tsa", url, "--tsa-certificate", root_pem, "-o", renewed, "--renew",
            "--hash", "sha512",
        )  # fmt: skip
    assert again.returncode == 0, again.stderr
    assert "stamped 20" in again.stdout
    assert "renew before" in again.stdout
    for path, tokens in ((stamped, 1), (renewed, 2)):
        assert path.read_bytes().startswith(BUNDLE.read_bytes())
        verdict = verify(path, policy(ProvenTime.STATEMENT))
        assert verdict.word is VerdictWord.VERIFIED, verdict.checks
        assert time_check(verdict).status is Status.PASS
        assert len(verdict.bundle.attachments) == tokens
    assert verify(stamped).word is VerdictWord.INCOMPLETE


def test_each_signature_gets_a_token(tsa, tmp_path, root_pem):
    output = tmp_path / "stamped.potb"
    with serve(tsa) as (url, queries):
        done = run(TWO_SIGNERS, "--tsa", url, "--tsa-certificate", root_pem, "-o", output)
    assert done.returncode == 0, done.stderr
    assert len(queries) == 2
    verdict = verify(output, policy(ProvenTime.STATEMENT, signer="test-recorder-pq"))
    assert verdict.word is VerdictWord.VERIFIED


def test_a_precommit_is_stamped_beside_it(tsa, tmp_path, root_pem):
    promise = tmp_path / "run.precommit"
    signature = make_precommit(promise)
    with serve(tsa) as (url, _):
        done = run(promise, "--tsa", url, "--tsa-certificate", root_pem)
        assert done.returncode == 0, done.stderr
        token = (tmp_path / "run.precommit.tsr").read_bytes()
        assert parse_token(token, "t").covers(signature)
        assert "record --precommit" in done.stderr
        again = run(promise, "--tsa", url, "--tsa-certificate", root_pem)
    assert again.returncode == 2
    assert "never overwritten" in again.stderr
    assert (tmp_path / "run.precommit.tsr").read_bytes() == token


def test_openssl_agrees_about_the_token(tsa, tmp_path, root_pem):
    promise = tmp_path / "run.precommit"
    (tmp_path / "signature").write_bytes(make_precommit(promise))
    with serve(tsa) as (url, _):
        assert run(promise, "--tsa", url, "--tsa-certificate", root_pem).returncode == 0
    command = ["openssl", "ts", "-verify", "-in", "run.precommit.tsr", "-data", "signature"]
    checked = subprocess.run(
        [*command, "-CAfile", "root.pem"], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert "Verification: OK" in checked.stdout + checked.stderr


def test_an_unsorted_set_and_a_missing_intermediate_are_mended(tmp_path):
    holder = make_tsa(MIDDLE)
    pem = tmp_path / "chain.pem"
    pem.write_bytes(MIDDLE.pem + ROOT.pem)
    for number, chain in enumerate(((), (MIDDLE,))):
        authority = OpenSslTsa(tmp_path / f"tsa-{number}", holder, chain)
        output = tmp_path / f"stamped-{number}.potb"
        with serve(authority) as (url, _):
            done = run(BUNDLE, "--tsa", url, "--tsa-certificate", pem, "-o", output)
        assert done.returncode == 0, done.stderr
        # The reader names the root and nothing else.
        assert verify(output, policy(ProvenTime.STATEMENT)).word is VerdictWord.VERIFIED


def test_a_token_that_was_obtained_otherwise(tmp_path, root_pem):
    promise = tmp_path / "run.precommit"
    signature = make_precommit(promise)
    good, other = tmp_path / "good.tsr", tmp_path / "other.tsr"
    good.write_bytes(Forge(HOLDER, signature).data())
    other.write_bytes(Forge(HOLDER, b"something else").data())
    arguments = (promise, "--tsa-certificate", root_pem, "--token", other)
    refused = run(*arguments)
    assert refused.returncode == 2
    assert "timestamp.no-token" in refused.stderr
    assert run(*arguments, "--token", good).returncode == 0
    assert (tmp_path / "run.precommit.tsr").read_bytes() == good.read_bytes()


def other_imprint(_body, _query):
    return Forge(HOLDER, b"other").data()


def other_nonce(_body, query):
    digest = query[query.index(b"\x04\x20") + 2 :][:32]
    return Forge(HOLDER, imprint=digest, nonce=integer(5)).data()


def damaged(body, _query):
    return body[:-1] + bytes([body[-1] ^ 1])


def rejection(_body, _query):
    return seq(seq(integer(2), seq(der(0x0C, b"too busy"))))


@pytest.mark.parametrize(
    ("behaviour", "code"),
    [
        (Behaviour(change=other_nonce), "timestamp.nonce"),
        (Behaviour(change=other_imprint), "time.token-imprint"),
        (Behaviour(change=rejection), "too busy"),
        (
            Behaviour(change=lambda body, _query: body[:-1] + bytes([body[-1] ^ 1])),
            "time.token-sig",
        ),
        (Behaviour(change=lambda body, _query: body + b"0"), "time.token-malformed"),
        (Behaviour(change=lambda _body, _query: b""), "time.token-malformed"),
        (Behaviour(change=lambda _body, _query: b"0" * 70000), "longer than 65536 bytes"),
        (Behaviour(status=500), "HTTP status 500"),
        (Behaviour(status=302, headers={"Location": "http://127.0.0.1:1/"}), "HTTP status 302"),
        (Behaviour(content_type="text/html"), "expected application/timestamp-reply"),
        (Behaviour(delay_s=3), "timed out"),
        (Behaviour(drip_s=0.05), "not finished"),
    ],
)
def test_what_does_not_verify_is_not_written(tsa, tmp_path, root_pem, behaviour, code):
    output = tmp_path / "stamped.potb"
    with serve(tsa, behaviour) as (url, _):
        done = run(
            BUNDLE, "--tsa", url, "--tsa-certificate", root_pem, "-o", output, "--timeout", "1"
        )
    assert done.returncode == 2
    assert code in done.stderr
    assert not output.exists()


@pytest.mark.parametrize(
    ("holder", "code"),
    [
        (make_tsa(make_root()), "time.authority-not-named"),
        (make_tsa(ROOT, not_before=NOW - 9 * DAY, not_after=NOW - DAY), "time.certificate-not-v"),
    ],
)
def test_another_or_an_expired_authority_is_refused(tmp_path, root_pem, holder, code):
    output = tmp_path / "stamped.potb"
    with serve(OpenSslTsa(tmp_path / "tsa", holder)) as (url, _):
        done = run(BUNDLE, "--tsa", url, "--tsa-certificate", root_pem, "-o", output)
    assert done.returncode == 2
    assert code in done.stderr
    assert not output.exists()


def test_a_certificate_for_other_things_is_refused(tmp_path, root_pem):
    """openssl would not stamp with it, so the token is put together here."""
    promise = tmp_path / "run.precommit"
    token = tmp_path / "token.tsr"
    token.write_bytes(Forge(make_tsa(ROOT, purposes=None), make_precommit(promise)).data())
    done = run(promise, "--tsa-certificate", root_pem, "--token", token)
    assert "time.certificate-usage" in done.stderr
    assert not (tmp_path / "run.precommit.tsr").exists()


def test_clocks_that_disagree_are_noticed_before_anything_is_written(tmp_path, root_pem):
    promise = tmp_path / "run.precommit"
    early = f"{NOW - DAY / 2:%Y%m%d%H%M%SZ}"
    token = tmp_path / "token.tsr"
    token.write_bytes(Forge(HOLDER, make_precommit(promise), gen_time=early).data())
    done = run(promise, "--tsa-certificate", root_pem, "--token", token)
    assert "timestamp.clocks" in done.stderr


def test_wrong_usage(tmp_path, root_pem):
    promise = tmp_path / "run.precommit"
    make_precommit(promise)
    nowhere = "http://127.0.0.1:9/"
    unsealed = FIXTURES / "bundles" / "unsealed.potb"
    output = tmp_path / "x.potb"
    not_pem, two_roots = tmp_path / "not.pem", tmp_path / "two.pem"
    not_pem.write_text("?")
    two_roots.write_bytes(ROOT.pem + make_root().pem)
    for arguments, message in (
        ((promise, "--tsa-certificate", root_pem), "give either --tsa or --token"),
        ((BUNDLE, "--tsa", nowhere, "--tsa-certificate", root_pem), "name the new bundle"),
        ((promise, "--tsa", nowhere, "--tsa-certificate", root_pem, "--renew"), "for bundles"),
        ((promise, "--tsa", nowhere, "--tsa-certificate", root_pem), "timestamp.no-answer"),
        ((promise, "--tsa", "file:///etc", "--tsa-certificate", root_pem), "timestamp.url"),
        ((promise, "--tsa", nowhere, "--tsa-certificate", not_pem), "not certificates in PEM"),
        ((promise, "--tsa", nowhere, "--tsa-certificate", two_roots), "exactly one self-issued"),
        (
            (BUNDLE, "--tsa", nowhere, "--tsa-certificate", root_pem, "--renew", "-o", output),
            "timestamp.nothing-to-renew",
        ),
        (
            (unsealed, "--tsa", nowhere, "--tsa-certificate", root_pem, "-o", output),
            "timestamp.unsealed",
        ),
        (
            (BUNDLE, "--tsa", nowhere, "--tsa-certificate", root_pem, "-o", BUNDLE),
            "never overwritten",
        ),
    ):
        done = run(*arguments)
        assert done.returncode == 2, arguments
        assert message in done.stderr, done.stderr


def test_the_screen_dates_what_is_proven(tsa, tmp_path, root_pem):
    output = tmp_path / "stamped.potb"
    with serve(tsa) as (url, _):
        assert run(BUNDLE, "--tsa", url, "--tsa-certificate", root_pem, "-o", output).stdout
    dated = "\n".join(verdict_lines(verify(output, policy())))
    assert "the time: Valid at 20" in dated
    assert "the other times" in dated
    plain = "\n".join(verdict_lines(verify(BUNDLE, policy())))
    assert "the time:" not in plain
    assert "the times" in plain
