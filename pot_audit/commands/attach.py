"""``pot-audit attach``: put a TEE's quote beside a recording, before it is sealed."""

import time
from pathlib import Path

import click

from pot_audit.lines import say, say_json
from pot_audit.progress import note
from pot_recorder.quote_evidence import (
    NONCE_VARIABLE,
    REPORT_DATA_VARIABLE,
    ask_command,
    attach_quote,
    exchange_name,
    find_recording,
)
from pot_reverify.container.frames import MAX_FRAME_BYTES
from pot_reverify.documents.evidence_document import Binding, EvidenceDocument, Subject
from pot_reverify.documents.precommit import parse_envelope
from pot_reverify.encoding.shown_text import sentence, shown_path
from pot_reverify.errors import Indeterminate
from pot_reverify.input_files import read_file
from pot_reverify.quotes.evidence import QuotePolicy
from pot_reverify.quotes.roots import PINNED_ROOTS
from pot_reverify.quotes.run_binding import report_data_of
from pot_reverify.quotes.test_roots import is_under_test_root
from pot_reverify.quotes.wire_forms import MAX_EVIDENCE_FILE_BYTES, read_evidence, split_der
from pot_reverify.quotes.words import genuineness
from pot_reverify.seal.public_keys import PublicKey, parse_public_keys

_FILE = click.Path(exists=True, dir_okay=False, path_type=Path)


@click.command(
    name="attach",
    short_help="Put a TEE's quote beside a recording, before it is sealed.",
    epilog="Example: pot-audit attach bundle.potb.partial --command ./get-quote --key acme.pub",
)
@click.argument("recording", required=False, type=click.Path(path_type=Path))
@click.option("--quote", type=_FILE, help="Raw, hex, base64, PEM or a vendor's JSON.")
@click.option(
    "--command",
    "program",
    help=f"Gets the quote: it finds {REPORT_DATA_VARIABLE} and {NONCE_VARIABLE} (hex) in its "
    "environment, the first also on its input, and writes the quote to its output.",
)
@click.option("--collateral", type=_FILE, help="JSON: Intel's collateral, or NVIDIA's JWKS.")
@click.option("--certificates", multiple=True, type=_FILE, help="PEM or DER; may be repeated.")
@click.option("--crl", "crls", multiple=True, type=_FILE, help="PEM or DER; may be repeated.")
@click.option(
    "--binding",
    type=click.Choice([one.value for one in Binding]),
    default=Binding.RUN.value,
    show_default=True,
    help="What it binds: the run and a signing key (grade A), the key of signed exchanges (B), or "
    "the channel's key (C).",
)
@click.option(
    "--subject",
    type=click.Choice([one.value for one in Subject]),
    default=Subject.CANDIDATE.value,
    show_default=True,
    help="Whose quote it is; run: the recorder's own.",
)
@click.option("--key", type=_FILE, help="Public key that signs the bundle, for --binding run.")
@click.option("--channel-key", type=_FILE, help="PEM or DER, for --binding channel.")
@click.option(
    "--exchanges", multiple=True, type=_FILE, help="For --binding key, in order; may be repeated."
)
@click.option(
    "--root", "roots", multiple=True, type=_FILE, help="Judge by this root, not by the pinned ones."
)
@click.option("--print-report-data", is_flag=True, help="Only print what the quote has to contain.")
@click.option("--precommit", type=_FILE, help="For --print-report-data, in place of RECORDING.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def command(
    *,
    recording: Path | None,
    quote: Path | None,
    program: str | None,
    collateral: Path | None,
    certificates: tuple[Path, ...],
    crls: tuple[Path, ...],
    binding: str,
    subject: str,
    key: Path | None,
    channel_key: Path | None,
    exchanges: tuple[Path, ...],
    roots: tuple[Path, ...],
    print_report_data: bool,
    precommit: Path | None,
    as_json: bool,
) -> None:
    """Judge a quote for RECORDING, a run that is held (record --hold), and put it beside it.

    RECORDING is the .partial file. The same record command with --resume seals the quote in. With
    --print-report-data, print the 64 bytes that a quote bound to the run has to contain.
    """
    public_key = None if key is None else parse_public_keys(read_file(key))[0]
    if print_report_data:
        if public_key is None:
            raise click.UsageError("--print-report-data needs --key")
        text = report_data_of(_precommit_digest(recording, precommit), public_key.to_der()).hex()
        if as_json:
            say_json({"report_data": text})
        else:
            say(text)
        return
    if recording is None or precommit is not None:
        raise click.UsageError("a quote is attached to a RECORDING")
    if (quote is None) == (program is None):
        raise click.UsageError("give one of --quote and --command")
    if (binding == Binding.RUN) != (public_key is not None):
        raise click.UsageError("--key goes with --binding run, which needs it")
    held = find_recording(recording)
    data = (
        read_file(quote, MAX_EVIDENCE_FILE_BYTES)
        if quote is not None
        else ask_command(program or "", held.precommit_digest, public_key)
    )
    parts = {
        exchange_name(subject, number): read_file(path, MAX_FRAME_BYTES)
        for number, path in enumerate(exchanges, start=1)
    }
    document = EvidenceDocument(
        binding=Binding(binding),
        subject=Subject(subject),
        quote=read_evidence(
            data,
            read_file(collateral) if collateral else b"",
            [read_file(path) for path in certificates],
            [read_file(path) for path in crls],
        ),
        channel_key=None if channel_key is None else split_der(read_file(channel_key))[0],
        exchanges=tuple(parts),
    )
    _attach(recording, document, public_key, parts, roots, as_json=as_json)


def _attach(
    recording: Path,
    document: EvidenceDocument,
    key: PublicKey | None,
    exchanges: dict[str, bytes],
    roots: tuple[Path, ...],
    *,
    as_json: bool,
) -> None:
    named = tuple(der for path in roots for der in split_der(read_file(path)))
    written, found = attach_quote(
        find_recording(recording),
        document,
        key=key,
        exchanges=exchanges,
        policy=QuotePolicy(roots=dict.fromkeys(PINNED_ROOTS, named) if named else PINNED_ROOTS),
        at_ns=time.time_ns(),
    )
    if isinstance(found, Indeterminate):
        result = f"not judged now: {found.message} [{found.code}]"
    else:
        result = genuineness(found)
        if is_under_test_root(found):
            result += " – under a TEST ROOT, which vouches for nothing"
    if as_json:
        say_json({"evidence": str(written), "result": result})
    else:
        say(f"{shown_path(written)}: {document.quote.kind.value}, {sentence(result)}")
    note("next: the same record command with --resume, without --hold")


def _precommit_digest(recording: Path | None, precommit: Path | None) -> bytes:
    if (recording is None) == (precommit is None):
        raise click.UsageError("--print-report-data needs one of RECORDING and --precommit")
    if precommit is not None:
        return parse_envelope(read_file(precommit), str(precommit)).digest
    assert recording is not None
    return find_recording(recording).precommit_digest
