"""``pot-audit prove``: prove the decision of a recording that is held, before it is sealed."""

from pathlib import Path

import click

from pot_audit.lines import say, say_json
from pot_audit.progress import note
from pot_audit.prover_option import prover_option
from pot_recorder.prover import find_prover, prove_recording
from pot_reverify.encoding.shown_text import shown_path


@click.command(
    name="prove",
    short_help="Prove the decision of a recording before it is sealed.",
    epilog="Example: pot-audit prove bundle.potb.partial",
)
@click.argument("recording", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@prover_option
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def command(*, recording: Path, prover: Path | None, as_json: bool) -> None:
    """Prove in zero knowledge that the scores of RECORDING give its decision, and no earlier one.

    RECORDING is the .partial file of a run that has stopped and is not sealed (record --hold). The
    proof waits beside it; the same record command with --resume seals it in, with a commitment to
    the scores.
    """
    proof = prove_recording(recording, find_prover(prover, note))
    if as_json:
        say_json({"proof": str(proof), "recording": str(recording)})
        return
    say(f"{shown_path(proof)}: proven")
    note("next: the same record command with --resume, without --hold")
