"""Ask for a passphrase where a key needs one, and load it."""

import sys
from pathlib import Path

import click

from pot_recorder.keys import Signer, load_private_keys
from pot_reverify.errors import Rejection
from pot_reverify.input_files import read_file


def read_passphrase(passphrase_file: Path | None) -> str | None:
    """The first line of a passphrase file, None without one."""
    if passphrase_file is None:
        return None
    return read_file(passphrase_file).decode().partition("\n")[0]


def load_signers(key: Path, passphrase_file: Path | None) -> tuple[Signer, ...]:
    """Load a private key file, asking on the terminal for the passphrase of an encrypted one.

    Raises:
        Rejection: ``key.*``.
        OSError: a file cannot be read.
    """
    passphrase = read_passphrase(passphrase_file)
    try:
        return load_private_keys(key, passphrase)
    except Rejection as error:
        if error.code != "key.passphrase-needed":
            raise
    if not sys.stdin.isatty():
        raise click.UsageError(
            f"{key} is encrypted: give --passphrase-file, or run on a terminal to be asked"
        )
    return load_private_keys(key, click.prompt(f"Passphrase of {key}", hide_input=True, err=True))


key_option = click.option(
    "--key",
    required=True,
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="The recorder's private key (pot-audit keygen).",
)
passphrase_option = click.option(
    "--passphrase-file",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="Read the key's passphrase from the first line of a file instead of asking.",
)
