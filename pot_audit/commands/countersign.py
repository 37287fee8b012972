"""``pot-audit countersign``: re-verify a bundle and sign what was found."""

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import NoReturn

import click

from pot_audit.key_files import load_signers, passphrase_option
from pot_audit.lines import say, say_json, tell
from pot_audit.policy_options import chosen_policy, policy_option, signer_option
from pot_audit.screen import verdict_lines
from pot_recorder.countersign import (
    add_to_bundle,
    countersign,
    read_detached,
    sign_statement,
    vouch_for,
)
from pot_recorder.keys import Signer
from pot_reverify import Verdict, VerdictWord, verify
from pot_reverify.documents.dsse_envelope import Envelope
from pot_reverify.encoding.shown_text import shown_path
from pot_reverify.input_files import read_file


@click.command(
    name="countersign",
    short_help="Re-verify a bundle and sign what you found.",
    epilog="Example: pot-audit countersign bundle.potb --key ada --policy auditor.toml "
    "-o audited.potb",
)
@click.argument("bundle", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option(
    "--key",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="Your private key (pot-audit keygen).",
)
@passphrase_option
@policy_option
@signer_option
@click.option("-o", "--output", type=click.Path(path_type=Path), help="New file: bundle and yours.")
@click.option(
    "--detached", type=click.Path(path_type=Path), help="New file: your DSSE envelope alone."
)
@click.option(
    "--vouch-for",
    type=click.Choice(["reference", "candidate"]),
    help="As its vendor, sign that the transcript is from this model (grade D).",
)
@click.option(
    "--sign-statement",
    "signs_statement",
    is_flag=True,
    help="Sign the recorder's own statement instead, beside the recorder.",
)
@click.option(
    "--append",
    "appended",
    multiple=True,
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    metavar="ENVELOPE",
    help="Sign nothing: add an envelope that --detached wrote, to a new file; may be repeated.",
)
@click.option(
    "--even-if-not-verified",
    is_flag=True,
    help="Sign another verdict than VERIFIED; it counts towards no quorum.",
)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def command(
    *,
    bundle: Path,
    key: Path | None,
    passphrase_file: Path | None,
    policy_file: Path | None,
    signers: tuple[Path, ...],
    output: Path | None,
    detached: Path | None,
    vouch_for: str | None,
    signs_statement: bool,
    appended: tuple[Path, ...],
    even_if_not_verified: bool,
    as_json: bool,
) -> None:
    """Re-verify BUNDLE, and sign its checkpoint, statement, signatures, and your verdict.

    Exit codes: 0 signed, otherwise those of reverify, and nothing was written.
    """
    if appended:
        if output is None or key is not None or detached is not None:
            raise click.UsageError("--append goes with -o, and without --key and --detached")
        _append(bundle, output, appended, as_json=as_json)
        return
    _require_usage(output, detached, vouch_for, signs_statement=signs_statement)
    if key is None:
        raise click.UsageError("name your private key with --key")
    verdict = verify(bundle, chosen_policy(policy_file, signers))
    verified = verdict.word is VerdictWord.VERIFIED
    if not verified and not (even_if_not_verified and verdict.bundle is not None):
        _refuse(verdict, as_json=as_json)
    keys = load_signers(key, passphrase_file)
    signatures = sign_statement(verdict, keys) if signs_statement else ()
    envelopes = () if signs_statement else _envelopes(verdict, vouch_for, keys)
    if detached is not None and len(envelopes) != 1:
        raise click.UsageError("--detached writes one envelope; this key file holds several keys")
    if output is not None:
        add_to_bundle(
            bundle,
            output,
            file_digest=verdict.file_digest,
            envelopes=envelopes,
            signatures=signatures,
        )
    if detached is not None:
        with detached.open("xb") as file:
            file.write(envelopes[0].to_json())
    what = "signed too" if signs_statement else "countersigned"
    if vouch_for is not None:
        what = f"vouched for its {vouch_for}"
    _report(verdict, what, keys, output, detached, as_json=as_json)


def _report(
    verdict: Verdict,
    what: str,
    keys: Sequence[Signer],
    output: Path | None,
    detached: Path | None,
    *,
    as_json: bool,
) -> None:
    if as_json:
        document = {
            "verdict": verdict.word.value,
            "output": None if output is None else str(output),
            "detached": None if detached is None else str(detached),
            "key_ids": [one.public_key.key_id for one in keys],
        }
        say_json(document)
        return
    say(f"{shown_path(output or detached)}: {verdict.word.value}, {what}")
    if output is not None:
        tell(f"next: pot-audit reverify {shown_path(output)} --policy POLICY.toml")


def _append(bundle: Path, output: Path, appended: tuple[Path, ...], *, as_json: bool) -> None:
    """Add envelopes as they are; whether they count is for whoever re-verifies the new file."""
    verdict = verify(bundle)
    envelopes = [read_detached(read_file(path), str(path), verdict) for path in appended]
    add_to_bundle(bundle, output, file_digest=verdict.file_digest, envelopes=envelopes)
    if as_json:
        say_json({"output": str(output), "added": len(envelopes)})
    else:
        say(f"{shown_path(output)}: {len(envelopes)} added")


def _require_usage(
    output: Path | None, detached: Path | None, vouch_for: str | None, *, signs_statement: bool
) -> None:
    if output is None and detached is None:
        raise click.UsageError("name a new file with -o, or with --detached for the envelope alone")
    if signs_statement and (vouch_for is not None or detached is not None):
        raise click.UsageError("--sign-statement goes with -o alone: it makes no envelope")
    if detached is not None and detached.exists():
        raise click.UsageError(f"{detached} exists, and is never overwritten")


def _refuse(verdict: Verdict, *, as_json: bool) -> NoReturn:
    """End with the verdict: who countersigns says that the bundle is VERIFIED."""
    if as_json:
        document = {**verdict.to_document(), "output": None, "detached": None}
        say_json(document, indent=2)
    else:
        say(*verdict_lines(verdict))
    tell(f"error: {verdict.word.value}: nothing was signed")
    sys.exit(verdict.word.exit_code)


def _envelopes(verdict: Verdict, role: str | None, keys: Sequence[Signer]) -> tuple[Envelope, ...]:
    return countersign(verdict, keys) if role is None else vouch_for(verdict, role, keys)
