"""``pot-audit record``: run two models and seal the answer into a bundle."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from pot_audit.document_text import TEXT
from pot_audit.key_files import key_option, load_signers, passphrase_option
from pot_audit.lines import say, say_json, tell
from pot_audit.preset_option import preset_option, resolve_preset
from pot_audit.progress import StepProgress, note, silence_other_progress_bars
from pot_audit.prover_option import prover_option
from pot_audit.resumption import may_differ_next_time
from pot_audit.second_half_options import chosen_second_half, second_half_options
from pot_recorder.environment.kernel_environment import prepare_kernel_environment
from pot_recorder.partial_file import partial_path_of
from pot_recorder.promise import require_ed25519
from pot_reverify.documents.statement import Statement
from pot_reverify.documents.statement_parts import Labels
from pot_reverify.encoding.shown_text import shown_path
from pot_reverify.errors import PotAuditError

if TYPE_CHECKING:
    from pot_recorder.models.load import DType

DTYPES = click.Choice(["auto", "float32", "bfloat16", "float16"])


@click.command(
    name="record",
    short_help="Run two models and seal the decision into a bundle.",
    epilog="Example: pot-audit record --reference ./model --candidate ./model-int8 "
    "--preset audit --key acme -o bundle.potb",
)
@click.option("--reference", required=True, help="Folder, .gguf file or hub id.")
@click.option("--candidate", required=True, help="Folder, .gguf file or hub id.")
@preset_option
@key_option
@passphrase_option
@click.option("-o", "--output", required=True, type=click.Path(path_type=Path), help="New bundle.")
@click.option(
    "--precommit",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="A precommit made before (pot-audit precommit); otherwise one is made now.",
)
@second_half_options
@click.option(
    "--attempt",
    type=click.IntRange(1, 32),
    default=1,
    show_default=True,
    help="Number of this attempt at the same claim; attempt r runs at α/2^(r−1).",
)
@click.option("--resume", is_flag=True, help="Go on with an interrupted recording, and seal it.")
@click.option(
    "--hold",
    is_flag=True,
    help="Do not seal yet: evidence can be added first; the same command with --resume seals.",
)
@click.option(
    "--hide-scores",
    is_flag=True,
    help="Put the scores where redact can withhold them; a copy without them needs a proof.",
)
@click.option("--prove", is_flag=True, help="Prove the decision in zero knowledge (pot-halo2).")
@prover_option
@click.option("--dtype", type=DTYPES, default="auto", show_default=True, help="Of both models.")
@click.option("--candidate-dtype", type=DTYPES, help="Of the candidate, if it is another one.")
@click.option("--device", default="cpu", show_default=True, help="Torch device of both models.")
@click.option(
    "--one-at-a-time",
    is_flag=True,
    help="Keep only one model in memory: the reference over a block of challenges, then the other.",
)
@click.option("--threads", type=click.IntRange(1), help="Threads inside one operation.")
@click.option(
    "--noise-floor",
    is_flag=True,
    help="Also score the reference against itself in the candidate's dtype; only reported.",
)
@click.option("--reference-name", type=TEXT, help="What the bundle calls the reference.")
@click.option("--candidate-name", type=TEXT, help="What the bundle calls the candidate.")
@click.option("--responsible", type=TEXT, help="Responsible person, for the record.")
@click.option("--organisation", type=TEXT, help="Organisation, for the record.")
@click.option("--retain-until", type=TEXT, metavar="DATE", help="Retention label, for the record.")
@click.option("--confidentiality", type=TEXT, help="Confidentiality label, for the record.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def command(
    *,
    reference: str,
    candidate: str,
    preset: str,
    preset_file: Path | None,
    key: Path,
    passphrase_file: Path | None,
    output: Path,
    precommit: Path | None,
    counterpart: Path | None,
    counterpart_key: Path | None,
    beacon: str | None,
    beacon_url: str | None,
    beacon_file: Path | None,
    policy_file: Path | None,
    attempt: int,
    resume: bool,
    hold: bool,
    hide_scores: bool,
    prove: bool,
    prover: Path | None,
    dtype: "DType",
    candidate_dtype: "DType | None",
    device: str,
    one_at_a_time: bool,
    threads: int | None,
    noise_floor: bool,
    reference_name: str | None,
    candidate_name: str | None,
    responsible: str | None,
    organisation: str | None,
    retain_until: str | None,
    confidentiality: str | None,
    as_json: bool,
) -> None:
    """Commit to secret challenges, run both models on them, decide, and seal one signed file.

    Ctrl-C or a crash loses nothing: run the same command again with --resume.
    """
    if prover is not None and not prove:
        raise click.UsageError("--prover is for --prove")
    parameters = resolve_preset(preset, preset_file)
    signers = load_signers(key, passphrase_file)
    require_ed25519(signers)
    half = chosen_second_half(
        counterpart=counterpart,
        counterpart_key=counterpart_key,
        beacon=beacon,
        beacon_url=beacon_url,
        beacon_file=beacon_file,
        policy_file=policy_file,
    )
    prepare_kernel_environment()
    silence_other_progress_bars()
    from pot_recorder.prover import find_prover  # noqa: PLC0415  curves and circuits
    from pot_recorder.recording import RecordingRequest, record_bundle  # noqa: PLC0415  torch

    request = RecordingRequest(
        reference=reference,
        candidate=candidate,
        preset=parameters,
        signers=signers,
        output=output,
        attempt=attempt,
        precommit=precommit,
        second_half=half,
        dtype=dtype,
        candidate_dtype=candidate_dtype,
        device=device,
        threads=threads,
        one_at_a_time=one_at_a_time,
        measure_noise_floor=noise_floor,
        hides_scores=hide_scores,
        prover=find_prover(prover, note) if prove else None,
        labels=Labels(responsible, organisation, retain_until, confidentiality),
        reference_name=reference_name,
        candidate_name=candidate_name,
    )
    progress = StepProgress(output.name, parameters.n_min, parameters.n_max)
    try:
        statement = record_bundle(
            request, resume=resume, hold=hold, on_note=note, on_step=progress.show
        )
    except (KeyboardInterrupt, PotAuditError, OSError) as error:
        progress.finish()
        if partial_path_of(output).exists():
            note(f"what was recorded is kept in {shown_path(partial_path_of(output))}")
            if may_differ_next_time(error):
                note("hint: run the same command with --resume")
        raise
    progress.finish()
    if statement is None:
        partial = partial_path_of(output)
        if as_json:
            say_json({"held": str(partial)})
        else:
            say(f"{shown_path(partial)}: recorded, not sealed")
        path = shown_path(partial)
        note(f"hint: add a proof with pot-audit prove {path}, if you want one")
        note(f"hint: add a TEE's quote with pot-audit attach {path}, if you have one")
        note("hint: run the same command with --resume, without --hold, to seal")
        return
    if as_json:
        say_json({"bundle": str(output), **_summary(statement)})
        return
    path = shown_path(output)
    rule = "" if statement.preset.is_named else "custom rule: "
    say(f"{path}: {rule}{statement.decision} after {statement.challenges} challenges")
    tell(f"next: pot-audit reverify {path} --signer {shown_path(key)}.pub")


def _summary(statement: Statement) -> dict[str, object]:
    return {
        "decision": statement.decision,
        "is_custom_rule": not statement.preset.is_named,
        "stop_reason": statement.stop_reason,
        "challenges": statement.challenges,
        "probes": statement.probes,
        "score_sum": statement.score_sum,
        "half_width_sum": statement.half_width_sum,
        "margin": list(statement.margin.as_integer_ratio()),
    }
