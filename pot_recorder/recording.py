"""Record a bundle from two model names: open, promise, run, seal."""

import os
import secrets
from collections.abc import Callable, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, field
from pathlib import Path

from pot_recorder.committed_run import require_provable
from pot_recorder.environment.run_meter import RunMeter, RunMetrics
from pot_recorder.keys import Signer
from pot_recorder.models.load import DType, open_model
from pot_recorder.models.loaded_model import LoadedModel, ModelIdentity
from pot_recorder.models.source import ModelSource, parse_model_source
from pot_recorder.partial_file import partial_path_of
from pot_recorder.promise import (
    Promise,
    load_promise,
    make_promise,
    save_promise,
    secret_path_of,
)
from pot_recorder.promised_time import add_precommit_token
from pot_recorder.prover import Prover
from pot_recorder.resumption import InterruptedRecording
from pot_recorder.run.batches import BatchLayout
from pot_recorder.run.determinism import make_deterministic
from pot_recorder.run.noise_floor import measure_noise_floor
from pot_recorder.run.scorer import ChallengeMeasurement
from pot_recorder.run.tokenizers import tokenizer_facts, verify_same_tokenizer
from pot_recorder.scoring_order import BlockScorer, ResidentScorer, Scorer
from pot_recorder.second_half import HalfSource, take_second_half
from pot_recorder.session import Environment, Session, claim_of
from pot_reverify.challenge.prose import derive_probes
from pot_reverify.decision.empirical_bernstein import Step
from pot_reverify.decision.presets import Preset
from pot_reverify.documents.statement import Statement
from pot_reverify.documents.statement_parts import Labels, NoiseFloor
from pot_reverify.encoding.shown_text import shown_path
from pot_reverify.errors import Rejection

NOISE_FLOOR_CHALLENGES = 8


@dataclass(frozen=True)
class RecordingRequest:
    """What to record.

    Args:
        reference: folder, ``.gguf`` file or hub id.
        candidate: the same.
        output: the bundle; the journal and the precommit lie beside it.
        precommit: a precommit that was made before; None makes one now, beside the output.
        second_half: gives the other half of the randomness, where the precommit names somebody.
        dtype: of both models, unless `candidate_dtype` says otherwise.
        threads: inside one operation; None leaves torch's own number.
        one_at_a_time: keep only one model in memory.
        measure_noise_floor: also score the reference against itself in the candidate's dtype.
        hides_scores: put scores where they can be withheld.
        prover: proves the decision before sealing; None for no proof.
    """

    reference: str
    candidate: str
    preset: Preset
    signers: Sequence[Signer]
    output: Path
    attempt: int = 1
    precommit: Path | None = None
    second_half: HalfSource | None = None
    dtype: DType = "auto"
    candidate_dtype: DType | None = None
    device: str = "cpu"
    threads: int | None = None
    one_at_a_time: bool = False
    measure_noise_floor: bool = False
    hides_scores: bool = False
    prover: Prover | None = None
    labels: Labels = field(default_factory=lambda: Labels(None, None, None, None))
    reference_name: str | None = None
    candidate_name: str | None = None


def record_bundle(
    request: RecordingRequest,
    *,
    resume: bool = False,
    hold: bool = False,
    on_note: Callable[[str], None] = lambda _text: None,
    on_step: Callable[[Step], None] = lambda _step: None,
) -> Statement | None:
    """Record and seal a bundle.

    Args:
        resume: go on with an interrupted recording of the same request.
        hold: leave it unsealed when the rule has stopped; `resume` seals it.
        on_note: told in words what is going on.
        on_step: given the state of the decision after every challenge.

    Returns:
        The statement, or None if the recording was held.

    Raises:
        Rejection: ``session.*``, ``journal.*``, ``precommit.*``, ``model.*``, ``tokenizer.*``,
            ``challenge.*``, ``prover.*``, ``proof.*``, ``counterpart.*``, ``beacon.*``.
        Indeterminate: ``beacon.backend-missing``.
        OSError: a file cannot be read or written.
    """
    _require_startable(request, resume=resume)
    sources = {
        "reference": parse_model_source(request.reference),
        "candidate": parse_model_source(request.candidate),
    }
    # Before gigabytes are loaded: a round may have to be waited for.
    promised = precommit_path_of(request.output) if resume else None
    nonce = take_second_half(
        request.precommit or promised, request.second_half, request.output, on_note
    )
    settings = make_deterministic(threads=request.threads)
    resumed = _interrupted_recording(request) if resume else None
    with nullcontext() if resumed is None else resumed.interruption_noted():
        # Before the meter: what the noise floor costs is not what the run costs.
        floor = _noise_floor(request, sources["reference"])
        meter = RunMeter(settings, {role: source.folder for role, source in sources.items()})
        on_note(f"loading {shown_path(request.reference)} and {shown_path(request.candidate)}")
        for source in sources.values():
            if source.left_aside_line is not None:
                on_note(source.left_aside_line)
        pair = _open_pair(request, sources)
        on_note(f"reference: {pair.reference.applied.line}")
        on_note(f"candidate: {pair.candidate.applied.line}")
    promise, promise_path = _promise(request, sources, pair, resume=resume)
    if request.precommit is not None and not resume:
        add_precommit_token(request.precommit, promise.signed, request.output)
    meter.start_run()

    def observe(measurement: ChallengeMeasurement, step: Step) -> None:
        meter.observe(measurement)
        on_step(step)

    session = Session(
        reference=pair.reference,
        candidate=pair.candidate,
        scorer=pair.scorer,
        promise=promise,
        counterpart_nonce=nonce,
        signers=request.signers,
        output=request.output,
        environment=lambda first: _environment(meter.finish(), first),
        labels=request.labels,
        noise_floor=floor,
        hides_scores=request.hides_scores,
        prover=request.prover,
        on_challenge=observe,
    )
    statement = session.record(resume=resume, hold=hold)
    if statement is None:
        return None
    # The bundle has revealed the secret; a second run with it would choose among two outcomes.
    secret_path_of(promise_path).unlink(missing_ok=True)
    return statement


def precommit_path_of(output: Path) -> Path:
    """Where a recording keeps the precommit that it makes itself."""
    return output.with_name(output.name + ".precommit")


def display_name(source: ModelSource) -> str:
    """What a model is called by default: a hub id, or the last part of a path, in Unicode."""
    name = source.name if source.revision is not None else Path(source.name).name
    return os.fsencode(name).decode(errors="backslashreplace")


def _require_startable(request: RecordingRequest, *, resume: bool) -> None:
    """Find out before loading gigabytes what would stop the recording afterwards."""
    partial = partial_path_of(request.output)
    if request.output.exists():
        raise Rejection(
            "session.output-exists", "bundles are never overwritten", where=str(request.output)
        )
    if resume:
        if not partial.exists():
            raise Rejection(
                "session.nothing-to-resume", "there is no interrupted recording", where=str(partial)
            )
        _interrupted_recording(request).require_authentic()
    elif partial.exists():
        raise Rejection(
            "journal.exists",
            "an interrupted recording is there; continue it with --resume, or delete it",
            where=str(partial),
        )
    if request.prover is not None:
        require_provable(request.preset, request.attempt)
    if not request.output.parent.is_dir():
        raise Rejection("session.no-folder", "no such folder", where=str(request.output.parent))


def _interrupted_recording(request: RecordingRequest) -> InterruptedRecording:
    precommit = request.precommit or precommit_path_of(request.output)
    return InterruptedRecording(partial_path_of(request.output), precommit, request.signers)


@dataclass(frozen=True)
class _Pair:
    reference: ModelIdentity
    candidate: ModelIdentity
    scorer: Scorer


def _open_pair(request: RecordingRequest, sources: dict[str, ModelSource]) -> _Pair:
    dtypes = {"reference": request.dtype, "candidate": request.candidate_dtype or request.dtype}

    def open_role(role: str) -> LoadedModel:
        return open_model(sources[role], dtype=dtypes[role], device=request.device)

    reference = open_role("reference")
    if not request.one_at_a_time:
        candidate = open_role("candidate")
        verify_same_tokenizer(tokenizer_facts(reference), tokenizer_facts(candidate))
        return _Pair(reference.identity, candidate.identity, ResidentScorer(reference, candidate))
    identity, facts, can_pad = (
        reference.identity,
        tokenizer_facts(reference),
        reference.can_pad_left,
    )
    del reference
    candidate = open_role("candidate")
    verify_same_tokenizer(facts, tokenizer_facts(candidate))
    both_pad = can_pad and candidate.can_pad_left
    layout = BatchLayout.CHALLENGE_LEFT_PADDED if both_pad else BatchLayout.PROBE_BY_PROBE
    scorer = BlockScorer(lambda: open_role("reference"), lambda: open_role("candidate"), layout)
    return _Pair(identity, candidate.identity, scorer)


def _promise(
    request: RecordingRequest,
    sources: dict[str, ModelSource],
    pair: _Pair,
    *,
    resume: bool,
) -> tuple[Promise, Path]:
    path = request.precommit or precommit_path_of(request.output)
    if request.precommit is not None or resume:
        promise = load_promise(path, request.signers)
        if promise.precommit.preset != request.preset:
            raise Rejection(
                "session.preset-not-promised",
                "the precommit promises another preset",
                where=str(path),
                expected=promise.precommit.preset.name,
                got=request.preset.name,
            )
        return promise, path
    promise = make_promise(
        reference=claim_of(
            pair.reference, request.reference_name or display_name(sources["reference"])
        ),
        candidate=claim_of(
            pair.candidate, request.candidate_name or display_name(sources["candidate"])
        ),
        preset=request.preset,
        attempt=request.attempt,
        counterpart=None,
        signers=request.signers,
    )
    save_promise(promise, path, request.signers)
    return promise, path


def _environment(metrics: RunMetrics, first_challenge: int) -> Environment:
    machine, software = metrics.machine, metrics.software
    devices = ", ".join(device.name for device in machine.accelerators) or "no accelerator"
    summary = (
        f"{machine.system}, {machine.architecture}, {machine.processor}, "
        f"{machine.usable_cores} cores, {devices}; {software.python}, torch {software.torch_build}"
    )
    document = {**metrics.to_document(), "first_challenge": first_challenge}
    return Environment(summary[:1024], document)


def _noise_floor(request: RecordingRequest, source: ModelSource) -> NoiseFloor | None:
    if not request.measure_noise_floor:
        return None
    reference, twin = (
        open_model(source, dtype=dtype, device=request.device)
        for dtype in (request.dtype, request.candidate_dtype or request.dtype)
    )
    # Challenges of its own: nobody may see how a model answers a challenge of the run before it.
    challenges = [
        (index, [probe.text for probe in derive_probes(secrets.token_bytes(32))])
        for index in range(1, NOISE_FLOOR_CHALLENGES + 1)
    ]
    return measure_noise_floor(reference, twin, challenges)
