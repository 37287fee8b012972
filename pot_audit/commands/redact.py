"""``pot-audit redact``: withhold contents without breaking a signature."""

from pathlib import Path

import click

from pot_audit.lines import say, say_json, tell
from pot_recorder.redact import redact
from pot_reverify.documents.blob import DECISION_PROOF
from pot_reverify.documents.bundle_reader import read_bundle_of
from pot_reverify.encoding.shown_text import shown_path

_WITH_PROOF = (
    "note: the scores are withheld too; the proof shows that they give the decision, "
    "and a reader must allow it"
)
_WITHOUT_PROOF = (
    "warning: the scores are withheld too, and there is no proof: "
    "this copy will never be better than INCOMPLETE"
)


@click.command(
    name="redact",
    short_help="Withhold probes of a bundle; signatures still hold.",
    epilog="Example: pot-audit redact bundle.potb --probe 3 --probe 7:2 -o redacted.potb",
)
@click.argument("bundle", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("-o", "--output", required=True, type=click.Path(path_type=Path), help="New file.")
@click.option(
    "--probe",
    "probes",
    multiple=True,
    metavar="I[:J]",
    help="Withhold probe J (1 to 4) of challenge I, or all four of it; may be repeated.",
)
@click.option("--all", "everything", is_flag=True, help="Withhold every probe.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def command(
    *,
    bundle: Path,
    output: Path,
    probes: tuple[str, ...],
    everything: bool,
    as_json: bool,
) -> None:
    """Copy BUNDLE without the texts and model outputs of some probes.

    Their scores stay, on the recorder's signature, unless they were hidden (record --hide-scores):
    hidden scores go too, and a proof (--prove) must stand in for them. Re-verifying needs
    --allow-withheld then.
    """
    if everything == bool(probes):
        raise click.UsageError("name probes with --probe, or all of them with --all")
    wanted = {one for text in probes for one in _parse_probe(text)}
    parsed = read_bundle_of(bundle)
    if everything:
        indices = range(1, len(parsed.challenges) + 1)
        wanted = {(index, probe) for index in indices for probe in range(1, 5)}
    withheld = redact(bundle, output, wanted)
    if as_json:
        say_json({"output": str(output), "withheld": withheld})
        return
    say(f"{shown_path(output)}: {withheld} contents withheld")
    if parsed.head.scores_hidden:
        proven = parsed.blob(DECISION_PROOF) is not None
        tell(_WITH_PROOF if proven else _WITHOUT_PROOF)
    tell(f"next: pot-audit reverify {shown_path(output)} --signer KEY.pub --allow-withheld")


def _parse_probe(text: str) -> list[tuple[int, int]]:
    index, colon, probe = text.partition(":")
    if index.isascii() and index.isdigit() and int(index) > 0:
        if not colon:
            return [(int(index), number) for number in range(1, 5)]
        if probe in {"1", "2", "3", "4"}:
            return [(int(index), int(probe))]
    raise click.UsageError(f"--probe: expected I or I:J with J from 1 to 4, got {text!r}")
