"""``pot-audit keygen``: a key pair for signing bundles."""

import sys
from pathlib import Path

import click

from pot_audit.key_files import read_passphrase
from pot_audit.lines import say, say_json
from pot_recorder.keys import Protection, generate_private_keys, save_private_keys
from pot_reverify.encoding.shown_text import shown_path
from pot_reverify.seal.public_keys import Algorithm


@click.command(
    name="keygen",
    short_help="Make a key pair for signing bundles.",
    epilog="Example: pot-audit keygen acme   (writes acme and acme.pub)",
)
@click.argument("key", type=click.Path(path_type=Path))
@click.option(
    "--algorithm",
    "names",
    type=click.Choice([Algorithm.ED25519.value, Algorithm.ECDSA_P256.value]),
    multiple=True,
    default=[Algorithm.ED25519.value],
    show_default=True,
    help="Repeat it for a file of keys that sign side by side. Recording needs ed25519 among them.",
)
@click.option(
    "--pq",
    is_flag=True,
    help="Add an ML-DSA-65 key, for archives that outlive elliptic curves.",
)
@click.option(
    "--passphrase-file",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="Take the passphrase from the first line of a file instead of asking.",
)
@click.option("--no-passphrase", is_flag=True, help="Leave the private key unencrypted on disk.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def command(
    *,
    key: Path,
    names: tuple[str, ...],
    pq: bool,
    passphrase_file: Path | None,
    no_passphrase: bool,
    as_json: bool,
) -> None:
    """Write a new private key to KEY, encrypted, and its public key to KEY.pub.

    Give KEY.pub to those who re-verify your bundles, over a channel that they trust.
    """
    if no_passphrase and passphrase_file:
        raise click.UsageError("--no-passphrase and --passphrase-file exclude each other")
    if len(set(names)) < len(names):
        raise click.UsageError("--algorithm names one algorithm twice")
    protection: str | Protection | None = read_passphrase(passphrase_file)
    if no_passphrase:
        protection = Protection.UNSAFE_NONE
    elif protection is None:
        if not sys.stdin.isatty():
            raise click.UsageError(
                "no terminal to ask for a passphrase: give --passphrase-file or --no-passphrase"
            )
        protection = click.prompt(
            "New passphrase", hide_input=True, confirmation_prompt=True, err=True
        )
    signers = generate_private_keys(map(Algorithm, names), post_quantum=pq)
    public_path = save_private_keys(signers, key, protection)
    keys = [
        {"algorithm": one.public_key.algorithm.value, "key_id": one.public_key.key_id}
        for one in signers
    ]
    if as_json:
        say_json({"private": str(key), "public": str(public_path), "keys": keys})
        return
    say(f"private key  {shown_path(key)}" + ("  (not encrypted)" if no_passphrase else ""))
    say(f"public key   {shown_path(public_path)}")
    for one in keys:
        say(f"  {one['algorithm']}  {one['key_id']}")
