"""``pot-audit counterpart``: give half of the randomness for somebody else's run."""

import os
from collections.abc import Iterator
from pathlib import Path

import click

from pot_audit.key_files import load_signers, passphrase_option
from pot_audit.lines import say, say_json
from pot_audit.progress import note
from pot_recorder.counterpart_word import give_word
from pot_recorder.signed_by import require_signed_by
from pot_reverify.checks.asserted_times import utc_text
from pot_reverify.documents.precommit import (
    PAYLOAD_TYPE,
    Precommit,
    SignedPrecommit,
    parse_envelope,
    parse_precommit,
)
from pot_reverify.encoding.digest import format_digest
from pot_reverify.encoding.shown_text import quoted, shown_path
from pot_reverify.errors import Rejection
from pot_reverify.input_files import read_file
from pot_reverify.seal.dsse import pae
from pot_reverify.seal.public_keys import parse_public_keys


@click.command(
    name="counterpart",
    short_help="Give half of the randomness for somebody else's run.",
    epilog="Example: pot-audit counterpart run.precommit --key ada --recorder acme.pub "
    "-o counterpart.json",
)
@click.argument("precommit", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option(
    "--key",
    required=True,
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="Your private key (pot-audit keygen).",
)
@passphrase_option
@click.option(
    "--recorder",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    metavar="KEY.pub",
    help="The recorder's public key: check first that it signed the precommit.",
)
@click.option("-o", "--output", required=True, type=click.Path(path_type=Path), help="New file.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def command(
    *,
    precommit: Path,
    key: Path,
    passphrase_file: Path | None,
    recorder: Path | None,
    output: Path,
    as_json: bool,
) -> None:
    """Look at PRECOMMIT, draw 32 random bytes, and sign them for it.

    Give one file for one attempt at one claim: whoever gets two may choose between them.
    """
    signed = parse_envelope(read_file(precommit), str(precommit))
    promise = parse_precommit(signed.payload, str(precommit))
    if recorder is not None:
        _require_signed_by(signed, recorder)
    for line in _about(signed, promise, is_checked=recorder is not None):
        note(line)
    word = give_word(signed, promise, load_signers(key, passphrase_file), str(precommit))
    _write_new(output, word.to_envelope())
    digest = format_digest(signed.digest)
    key_ids = [one.key_id for one in word.signatures]
    if as_json:
        say_json({"output": str(output), "precommit": digest, "key_ids": key_ids})
        return
    shown = shown_path(output)
    say(f"{shown}: 32 bytes, signed for {digest}")
    note(f"next: send {shown} to the recorder: pot-audit record … --counterpart {shown}")


def _about(signed: SignedPrecommit, promise: Precommit, *, is_checked: bool) -> Iterator[str]:
    """What the precommit promises, so that nobody signs for something else."""
    counterpart = promise.counterpart
    keys = ", ".join(one.key_id for one in signed.signatures)
    rows = (
        ("run", promise.run_id.hex()),
        ("reference", quoted(promise.reference.name)),
        ("candidate", quoted(promise.candidate.name)),
        ("preset", f"{promise.preset.name}, attempt {promise.attempt}"),
        ("made", f"{utc_text(promise.created_ns)}, as the recorder says"),
        ("counterpart", "nobody" if counterpart is None else quoted(counterpart.name)),
        ("signed by", keys if is_checked else f"{keys} (not checked: --recorder KEY.pub)"),
    )
    return (f"  {name:<12} {text}" for name, text in rows)


def _require_signed_by(signed: SignedPrecommit, recorder: Path) -> None:
    keys = parse_public_keys(read_file(recorder))
    other = Rejection(
        "counterpart.other-recorder",
        "the precommit is not signed by this recorder",
        where=str(recorder),
        expected=", ".join(one.key_id for one in keys),
        got=", ".join(one.key_id for one in signed.signatures),
    )
    require_signed_by(keys, pae(PAYLOAD_TYPE, signed.payload), signed.signatures, other)


def _write_new(path: Path, data: bytes) -> None:
    """Never over another: a nonce that is given twice is a choice."""
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o644)
    except FileExistsError:
        raise Rejection(
            "counterpart.exists", "the file exists, and is never overwritten", where=str(path)
        ) from None
    with os.fdopen(descriptor, "wb") as file:
        file.write(data)
