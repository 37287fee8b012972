"""Ask for a passphrase where a key needs one, and load it."""

import os
import stat
import sys
from pathlib import Path
from typing import Final

import click

from pot_audit.lines import tell
from pot_recorder.keys import Signer, load_private_keys
from pot_reverify.encoding.shown_text import shown_path
from pot_reverify.errors import Rejection
from pot_reverify.input_files import read_file

_MAX_PASSPHRASE_BYTES: Final = 4096
_MARKS: Final = {
    b"\xef\xbb\xbf": "UTF-8 with a byte-order mark",
    b"\xff\xfe": "UTF-16",
    b"\xfe\xff": "UTF-16",
}


def read_passphrase(passphrase_file: Path | None) -> str | None:
    """The first line of a passphrase file, without what ends it; None without a file.

    Raises:
        Rejection: ``key.passphrase-file``: a text that two tools would read as two passphrases.
        OSError: the file cannot be read.
    """
    if passphrase_file is None:
        return None
    data = read_file(passphrase_file)
    for mark, what in _MARKS.items():
        if data.startswith(mark):
            raise _unusable(passphrase_file, "it has to be UTF-8 without a byte-order mark", what)
    line = data.replace(b"\r\n", b"\n").replace(b"\r", b"\n").partition(b"\n")[0]
    if b"\0" in line:
        raise _unusable(passphrase_file, "zero bytes, as UTF-16 has them")
    if not line:
        raise _unusable(passphrase_file, "its first line is empty")
    if len(line) > _MAX_PASSPHRASE_BYTES:
        raise _unusable(passphrase_file, f"a line of more than {_MAX_PASSPHRASE_BYTES} bytes")
    try:
        passphrase = line.decode()
    except UnicodeDecodeError as error:
        raise _unusable(passphrase_file, f"byte {error.start} is not UTF-8") from None
    warn_of_readers(passphrase_file, "passphrase file")
    return passphrase


def load_signers(key: Path, passphrase_file: Path | None) -> tuple[Signer, ...]:
    """Load a private key file, asking on the terminal for the passphrase of an encrypted one.

    Raises:
        Rejection: ``key.*``.
        OSError: a file cannot be read.
    """
    passphrase = read_passphrase(passphrase_file)
    warn_of_readers(key, "private key")
    try:
        return load_private_keys(key, passphrase)
    except Rejection as error:
        if error.code != "key.passphrase-needed":
            raise
    shown = shown_path(key)
    if not sys.stdin.isatty():
        raise click.UsageError(
            f"{shown} is encrypted: give --passphrase-file, or run on a terminal to be asked"
        )
    return load_private_keys(key, click.prompt(f"Passphrase of {shown}", hide_input=True, err=True))


def warn_of_readers(path: Path, what: str) -> None:
    """Warn of a secret file that its group or everybody can read, as ssh does.

    Raises:
        OSError: there is no such file.
    """
    mode = path.stat().st_mode
    if os.name == "posix" and stat.S_ISREG(mode) and mode & 0o077:
        shown = shown_path(path)
        tell(
            f"warning: others can use the {what} {shown} (mode {mode & 0o777:04o}): "
            f"chmod 600 {shown}"
        )


def _unusable(path: Path, message: str, got: str | None = None) -> Rejection:
    return Rejection(
        "key.passphrase-file",
        f"no passphrase can be read from the file: {message}",
        where=str(path),
        got=got,
    )


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
