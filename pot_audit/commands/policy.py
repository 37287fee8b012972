"""``pot-audit policy``: look at a policy file before relying on it."""

import time
from dataclasses import asdict
from pathlib import Path

import click

from pot_audit.lines import say, say_json
from pot_audit.policy_words import explain, key_line, replaced_roots, warnings
from pot_audit.screen import printable
from pot_reverify.encoding.digest import format_digest, sha256_digest
from pot_reverify.encoding.shown_text import quoted, shown_path
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
        say_json(document, indent=2)
        return
    say(f"policy     {format_digest(parsed.digest)}, {quoted(parsed.name)}")
    for signer in parsed.signers:
        say(f"key        {printable(key_line(signer))}")
    for authority in parsed.time.authorities:
        digest = format_digest(sha256_digest(authority.root))
        say(f"authority  {quoted(authority.name)}: root {digest}")
    for chain in parsed.beacons:
        say(f"beacon     {quoted(chain.label)}: {shown_path(chain.name)}")
    for software in parsed.binding.quotes.software:
        registers = ", ".join(map(shown_path, sorted(software.registers)))
        say(f"software   {quoted(software.name)}: {software.kind.value}, {registers}")
    for vendor in replaced_roots(parsed):
        for root in parsed.binding.quotes.roots[vendor]:
            digest = format_digest(sha256_digest(root))
            say(f"root       {vendor}: {digest}, instead of the shipped ones")
    for text in found:
        say(f"warning    {printable(text)}")


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
        say_json(document, indent=2)
        return
    say(f"{quoted(parsed.name)}, {format_digest(parsed.digest)}")
    for title, sentences in (
        ("A bundle is VERIFIED only if all of this holds", explanation.must),
        ("Accepted", explanation.accepts),
        ("Not demanded", explanation.not_demanded),
        ("Warnings", tuple(warnings(parsed, time.time_ns()))),
    ):
        if sentences:
            say("", f"{title}:")
        for sentence in sentences:
            say(f"  - {printable(sentence)}")
