"""``pot-audit policy``: look at a policy file before relying on it."""

import json
import time
from dataclasses import asdict
from pathlib import Path

import click

from pot_audit.policy_words import explain, key_line, replaced_roots, warnings
from pot_audit.screen import printable
from pot_reverify.encoding.digest import format_digest, sha256_digest
from pot_reverify.policy import load_policy

_file_argument = click.argument(
    "policy", metavar="FILE", type=click.Path(exists=True, dir_okay=False, path_type=Path)
)
_json_option = click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")


@click.group(
    name="policy",
    short_help="Check a policy file, or explain it in sentences.",
    epilog="Example: pot-audit policy explain auditor.toml",
)
def command() -> None:
    """A policy file says whom you name and what you demand; docs/policy.md has its keys."""


@command.command(name="check", epilog="Example: pot-audit policy check auditor.toml")
@_file_argument
@_json_option
def check(*, policy: Path, as_json: bool) -> None:
    """Read FILE and print what it names, with warnings.

    Exit codes: 0 it can be used, 2 it cannot.
    """
    parsed = load_policy(policy)
    found = warnings(parsed, time.time_ns())
    if as_json:
        document = {
            "name": parsed.name,
            "digest": format_digest(parsed.digest),
            "demands": parsed.to_document(),
            "replaced_roots": replaced_roots(parsed),
            "warnings": found,
        }
        click.echo(json.dumps(document, indent=2, ensure_ascii=False))
        return
    click.echo(f"policy     {format_digest(parsed.digest)}, {printable(parsed.name)}")
    for signer in parsed.signers:
        click.echo(f"key        {printable(key_line(signer))}")
    for authority in parsed.time.authorities:
        digest = format_digest(sha256_digest(authority.root))
        click.echo(f"authority  {printable(authority.name)}: root {digest}")
    for chain in parsed.beacons:
        click.echo(f"beacon     {printable(chain.label)}: {chain.name}")
    for software in parsed.binding.quotes.software:
        registers = ", ".join(sorted(software.registers))
        click.echo(f"software   {printable(software.name)}: {software.kind.value}, {registers}")
    for vendor in replaced_roots(parsed):
        for root in parsed.binding.quotes.roots[vendor]:
            digest = format_digest(sha256_digest(root))
            click.echo(f"root       {vendor}: {digest}, instead of the shipped ones")
    for text in found:
        click.echo(f"warning    {printable(text)}")


@command.command(name="explain", epilog="Example: pot-audit policy explain auditor.toml")
@_file_argument
@_json_option
def explain_command(*, policy: Path, as_json: bool) -> None:
    """Say in plain sentences what FILE demands, accepts and leaves open."""
    parsed = load_policy(policy)
    explanation = explain(parsed)
    if as_json:
        document = {
            "name": parsed.name,
            "digest": format_digest(parsed.digest),
            **asdict(explanation),
            "warnings": warnings(parsed, time.time_ns()),
        }
        click.echo(json.dumps(document, indent=2, ensure_ascii=False))
        return
    click.echo(f"{printable(parsed.name)}, {format_digest(parsed.digest)}")
    for title, sentences in (
        ("A bundle is VERIFIED only if all of this holds", explanation.must),
        ("Accepted", explanation.accepts),
        ("Not demanded", explanation.not_demanded),
        ("Warnings", tuple(warnings(parsed, time.time_ns()))),
    ):
        if sentences:
            click.echo(f"\n{title}:")
        for sentence in sentences:
            click.echo(f"  - {printable(sentence)}")
