"""``pot-audit reverify``: check a bundle with nothing but the bundle."""

import json
import sys
from pathlib import Path

import click

from pot_audit.screen import verdict_lines
from pot_reverify import Policy, Withheld, load_signer, verify
from pot_reverify.verdict import VerdictWord

EXIT_NOT_EXPECTED = 4


@click.command(
    name="reverify",
    short_help="Check a bundle: no models, no network.",
    epilog="Example: pot-audit reverify bundle.potb --signer acme.pub --expect same",
)
@click.argument("bundle", type=click.Path(path_type=Path))
@click.option(
    "--signer",
    "signers",
    multiple=True,
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    metavar="KEY.pub",
    help="Name a recorder's public key; may be repeated. Without it no bundle is VERIFIED.",
)
@click.option(
    "--expect",
    type=click.Choice(["same", "different", "undecided"]),
    help="Exit with 4 if the bundle is VERIFIED and the decision is another one.",
)
@click.option(
    "--preset",
    "presets",
    multiple=True,
    type=click.Choice(["quick", "audit", "extended", "custom"]),
    help="Accept only this preset; may be repeated.",
)
@click.option(
    "--max-attempts",
    type=click.IntRange(1, 32),
    default=8,
    show_default=True,
    help="Reject a later attempt at the same claim.",
)
@click.option(
    "--allow-withheld",
    is_flag=True,
    help="Let scores whose contents are withheld rest on the signature alone.",
)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object, failures too.")
def command(
    *,
    bundle: Path,
    signers: tuple[Path, ...],
    expect: str | None,
    presets: tuple[str, ...],
    max_attempts: int,
    allow_withheld: bool,
    as_json: bool,
) -> None:
    """Recompute every score and the decision of BUNDLE, and check who signed it.

    Exit codes: 0 VERIFIED, 1 REJECTED, 2 UNREADABLE, 3 INCOMPLETE, 4 not what --expect demands.
    """
    policy = Policy(
        signers=tuple(signer for path in signers for signer in load_signer(path)),
        presets=frozenset(presets) or None,
        max_attempts=max_attempts,
        withheld=Withheld.SCORES if allow_withheld else Withheld.NOTHING,
    )
    verdict = verify(bundle, policy)
    met = expect is None or (verdict.decision or "").lower() == expect
    exit_code = verdict.word.exit_code
    if verdict.word is VerdictWord.VERIFIED and not met:
        exit_code = EXIT_NOT_EXPECTED
    if as_json:
        document = {**verdict.to_document(), "exit_code": exit_code, "expected": expect}
        click.echo(json.dumps(document, indent=2, ensure_ascii=False))
    else:
        click.echo("\n".join(verdict_lines(verdict)))
        if exit_code == EXIT_NOT_EXPECTED:
            click.echo(f"error: the decision is {verdict.decision}, not {expect}", err=True)
    sys.exit(exit_code)
