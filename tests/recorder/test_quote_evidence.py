"""Quotes for a held recording: judged before they are written, by file and by a vendor's command.

The recording is a real one, cut after its last content: the state in which ``--hold`` leaves it.
"""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("cryptography")
pytest.importorskip("dcap_qvl")

import make_grades as made
from draft import RECORDER, Draft
from quote_factories import to_pem
from test_prover import held

from pot_recorder.evidence_folder import evidence_folder_of, read_evidence
from pot_recorder.redact import redact
from pot_reverify import Rejection
from pot_reverify.container.frames import FrameType
from pot_reverify.documents.evidence_document import Binding, Subject, parse_evidence_document
from pot_reverify.quotes.run_binding import report_data_of

ROOT = Path(__file__).parents[2]
GRADES = ROOT / "fixtures" / "bundles" / "grades"
KEYS = ROOT / "fixtures" / "keys"
ROOT_FILE = GRADES / "test-root-amd.der"
PUBLIC = KEYS / "test-recorder.pub"


def run(*arguments: str | Path) -> subprocess.CompletedProcess:
    return subprocess.run(
        [sys.executable, "-m", "pot_audit", *map(str, arguments)],
        capture_output=True,
        text=True,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        check=False,
    )


@pytest.fixture
def recording(tmp_path) -> Path:
    return held(made.BASE, tmp_path / "run.potb", 8)


@pytest.fixture
def snp(tmp_path):
    """A quote's files, for the given report_data."""

    def write(bound: bytes) -> list[str]:
        quote = made.run_document(bound).quote
        (tmp_path / "quote").write_bytes(quote.data)
        (tmp_path / "crl").write_bytes(quote.crls[0])
        options = ["--crl", str(tmp_path / "crl"), "--root", str(ROOT_FILE)]
        for number, der in enumerate(quote.certificates):
            (tmp_path / f"cert{number}").write_bytes(der)
            options += ["--certificates", str(tmp_path / f"cert{number}")]
        return options

    return write


def right() -> bytes:
    precommit = made.precommit_digest(Draft(made.BASE.read_bytes()))
    return report_data_of(precommit, RECORDER.public_key.to_der())


def test_what_has_to_be_embedded_is_printed(recording):
    done = run("attach", recording, "--print-report-data", "--key", PUBLIC)
    assert (done.returncode, done.stdout.strip()) == (0, right().hex()), done.stderr


def test_a_right_quote_waits_beside_the_recording(recording, snp, tmp_path):
    options = snp(right())
    done = run(
        "attach", recording, "--quote", tmp_path / "quote", "--key", PUBLIC, "--subject", "run",
        *options, "--json",
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    result = json.loads(done.stdout)
    assert "TEST ROOT" in result["result"]
    (blob,) = read_evidence(tmp_path / "run.potb")
    document = parse_evidence_document(blob.data, blob.name)
    assert (blob.name, document.binding, document.subject) == (
        "quote/run-run.json",
        Binding.RUN,
        Subject.RUN,
    )
    assert document.quote == made.run_document(right()).quote
    again = run(
        "attach", recording, "--quote", tmp_path / "quote", "--key", PUBLIC, "--subject", "run",
        *options,
    )  # fmt: skip
    assert (again.returncode, "[evidence.exists]" in again.stderr) == (2, True)


def test_a_vendors_command_finds_what_it_must_embed(recording, snp, tmp_path):
    options = snp(right())
    program = tmp_path / "get-quote"
    program.write_text(
        f"#!{sys.executable}\nimport os, sys\n"
        f"quote = open({str(tmp_path / 'quote')!r}, 'rb').read()\n"
        "wanted = bytes.fromhex(os.environ['POT_AUDIT_REPORT_DATA'])\n"
        "assert sys.stdin.read().strip() == wanted.hex()\n"
        "assert len(os.environ['POT_AUDIT_NONCE']) == 64\n"
        "assert quote[0x50:0x90] == wanted\n"
        "sys.stdout.buffer.write(quote)\n"
    )
    program.chmod(0o755)
    done = run("attach", recording, "--command", program, "--key", PUBLIC, *options)
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "run.potb.evidence" / "quote" / "candidate-run.json").exists()


def refused(recording: Path, code: str, *options: str | Path) -> None:
    done = run("attach", recording, *options)
    assert (done.returncode, f"[{code}]" in done.stderr) == (2, True), done.stderr
    assert not evidence_folder_of(recording.with_name("run.potb")).exists()


def test_a_quote_that_is_wrong_for_the_recording_is_not_written(recording, snp, tmp_path):
    options = snp(bytes(64))
    quote = ["--quote", tmp_path / "quote"]
    refused(recording, "quote.binding", *quote, "--key", PUBLIC, *options)
    unpinned = [*options[:2], *options[4:]]
    refused(recording, "quote.root-not-pinned", *quote, "--key", PUBLIC, *unpinned)
    refused(recording, "quote.unknown-kind", "--quote", PUBLIC, "--key", PUBLIC)
    refused(
        recording,
        "quote.binding",
        *quote,
        "--binding",
        "channel",
        "--channel-key",
        PUBLIC,
        *options,
    )
    refused(recording, "evidence.purpose", *quote, "--binding", "channel", *options)
    exchanges = ["--binding", "key", "--exchanges", PUBLIC]
    refused(recording, "quote.purpose", *quote, *exchanges, *options)


@pytest.mark.parametrize("is_fresh", [False, True])
def test_a_channels_quote_has_to_answer_the_runs_nonce(recording, tmp_path, is_fresh):
    """A document that is right otherwise, and of no run, would give no grade later."""
    nonce = made.precommit_digest(Draft(made.BASE.read_bytes())) if is_fresh else bytes(32)
    sealed = Draft(made.fresh_channel(nonce=nonce))
    blobs = [sealed.map(FrameType.BLOB, nth) for nth in range(4)]
    (blob,) = [one for one in blobs if one["name"] == made.QUOTE]
    document = parse_evidence_document(blob["data"], "quote")
    (tmp_path / "document").write_bytes(document.quote.data)
    (tmp_path / "channel").write_bytes(document.channel_key)
    options = [
        "--quote", tmp_path / "document", "--binding", "channel", "--subject", "candidate",
        "--channel-key", tmp_path / "channel", "--root", GRADES / "test-root-aws.der",
    ]  # fmt: skip
    if not is_fresh:
        refused(recording, "quote.not-fresh", *options)
        return
    done = run("attach", recording, *options)
    assert done.returncode == 0, done.stderr
    (waiting,) = read_evidence(tmp_path / "run.potb")
    assert parse_evidence_document(waiting.data, waiting.name) == document


@pytest.mark.parametrize("program", ["/no/such/program", "false", "true", "'"])
def test_a_command_that_gives_no_quote_is_told(recording, program):
    refused(recording, "evidence.command", "--command", program, "--key", PUBLIC)


def test_wrong_usage_is_told(recording, tmp_path):
    for options in (
        [recording],
        [recording, "--quote", PUBLIC],
        [recording, "--quote", PUBLIC, "--command", "x", "--key", PUBLIC],
        ["--quote", PUBLIC, "--key", PUBLIC],
        [recording, "--print-report-data"],
        ["--print-report-data", "--key", PUBLIC],
    ):
        assert run("attach", *options).returncode == 2
    done = run("attach", tmp_path / "none.potb", "--quote", PUBLIC, "--key", PUBLIC)
    assert (done.returncode, "[evidence.no-recording]" in done.stderr) == (2, True)


def test_stale_evidence_may_be_archived_and_says_so(recording, tmp_path):
    draft = Draft(made.BASE.read_bytes())
    quote = made.key_document(draft).quote
    (tmp_path / "report.json").write_bytes(quote.data)
    (tmp_path / "exchanges").write_bytes(made.exchanges_of(draft).encode())
    done = run(
        "attach", recording, "--quote", tmp_path / "report.json", "--binding", "key",
        "--exchanges", tmp_path / "exchanges",
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert "[quote.collateral-missing]" in done.stdout
    names = [blob.name for blob in read_evidence(tmp_path / "run.potb")]
    assert names == ["exchange/candidate-01.msgpack", "quote/candidate-key.json"]


def test_contents_whose_exchanges_are_there_cannot_be_withheld(tmp_path):
    with pytest.raises(Rejection, match=r"redact\.exchanges"):
        redact(GRADES / "b-key-attested.potb", tmp_path / "redacted.potb", {(1, 1)})
    assert not (tmp_path / "redacted.potb").exists()
    assert redact(GRADES / "a-run-bound.potb", tmp_path / "redacted.potb", {(1, 1)}) == 1


@pytest.mark.models
def test_a_run_is_held_gets_its_quote_and_is_sealed_with_it(small_folder, tmp_path):
    pytest.importorskip("torch", reason="needs the `record` extra")
    from pot_reverify import VerdictWord, load_signer, verify
    from pot_reverify.policy import BindingPolicy, Grade, Policy
    from pot_reverify.quotes.evidence import NamedSoftware, QuoteKind, QuotePolicy

    preset = tmp_path / "preset.json"
    one = {"alpha": [1, 4], "gamma": [1, 1], "eta": [1, 1], "delta": [199, 100]}
    preset.write_text(
        json.dumps({**one, "name": "custom", "epsilon": [1, 100], "n_min": 1, "n_max": 4})
    )
    bundle = tmp_path / "bundle.potb"
    record = [
        "record", "--reference", small_folder, "--candidate", small_folder,
        "--preset", "custom", "--preset-file", preset,
        "--key", KEYS / "test-recorder", "-o", bundle, "--threads", "1",
    ]  # fmt: skip
    held_run = run(*record, "--hold")
    assert held_run.returncode == 0, held_run.stderr
    partial = tmp_path / "bundle.potb.partial"
    printed = run(
        "attach", "--print-report-data", "--precommit", tmp_path / "bundle.potb.precommit",
        "--key", PUBLIC,
    )  # fmt: skip
    assert printed.returncode == 0, printed.stderr
    document = made.run_document(bytes.fromhex(printed.stdout))
    (tmp_path / "quote").write_bytes(document.quote.data)
    (tmp_path / "crl").write_bytes(document.quote.crls[0])
    (tmp_path / "chain").write_bytes(to_pem(document.quote.certificates).encode())
    attached = run(
        "attach", partial, "--quote", tmp_path / "quote", "--certificates", tmp_path / "chain",
        "--crl", tmp_path / "crl", "--root", ROOT_FILE, "--key", PUBLIC, "--subject", "run",
    )  # fmt: skip
    assert attached.returncode == 0, attached.stderr
    sealed = run(*record, "--resume")
    assert sealed.returncode == 0, sealed.stderr
    assert not evidence_folder_of(bundle).exists()
    measurement = document.quote.data[0x90:0xC0]
    software = NamedSoftware("made", QuoteKind.SEV_SNP, {"measurement": measurement})
    quotes = QuotePolicy(roots={"amd": (ROOT_FILE.read_bytes(),)}, software=(software,))
    binding = BindingPolicy(frozenset({Grade.RUN_BOUND}), quotes)
    verdict = verify(bundle, Policy(signers=load_signer(PUBLIC), binding=binding))
    assert verdict.word is VerdictWord.VERIFIED, verdict.checks
    assert verdict.binding_grades == (Grade.WEIGHTS, Grade.RUN_BOUND)
    assert verdict.is_under_test_root
    assert verdict.bundle.statement.binding_grade == "A"
