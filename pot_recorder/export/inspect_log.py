"""A log file of Inspect AI (``.eval``, version 2): a ZIP archive of JSON members.

Inspect's viewers and data frames read it. It is a copy to look at: nothing in it is signed, scores
are fractions here, and the recorded distributions stay in the bundle.
"""

import json
import zipfile
from collections.abc import Iterator
from datetime import UTC, datetime
from fractions import Fraction
from pathlib import Path

from pot_recorder.export.outward_float import float_not_below
from pot_recorder.export.sealed import UNSIGNED_NOTE, SealedBundle
from pot_reverify.container.frames import FrameType, read_frames_of
from pot_reverify.decision.empirical_bernstein import SCORE_UNIT
from pot_reverify.documents.bundle import Challenge, Probe
from pot_reverify.documents.challenge_record import parse_content
from pot_reverify.documents.model_identity import ModelIdentity
from pot_reverify.encoding.digest import format_digest

LOG_VERSION = 2
WITHHELD = "[withheld]"

_EARLIEST = (1980, 1, 1, 0, 0, 0)
_NS_PER_S = 1_000_000_000
_Json = dict[str, object]


def write_inspect_log(sealed: SealedBundle, path: Path) -> None:
    """Write the log; equal bundles give equal files.

    Raises:
        Rejection: what reading the bundle raises.
        OSError: a file cannot be read or written.
    """
    start = {"version": LOG_VERSION, "eval": _spec(sealed), "plan": {"name": "plan", "steps": []}}
    summaries = []
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        _write(archive, "_journal/start.json", start)
        for sample in _samples(sealed):
            _write(archive, f"samples/{sample['id']}_epoch_1.json", sample)
            summaries.append(_summary(sample))
        _write(archive, "_journal/summaries/1.json", summaries)
        _write(archive, "summaries.json", summaries)
        _write(archive, "header.json", {**start, **_outcome(sealed)})


def _spec(sealed: SealedBundle) -> _Json:
    head, statement = sealed.bundle.head, sealed.statement
    run_id = head.run_id.hex()
    return {
        "eval_id": run_id,
        "run_id": run_id,
        "created": _utc(statement.started_ns),
        "task": "pot-audit",
        "task_id": run_id,
        "task_version": head.rule,
        "task_args": {"preset": head.preset.to_document(), "attempt": head.attempt},
        "dataset": {
            "name": head.challenge_family,
            "samples": statement.probes,
            "sample_ids": [
                _sample_id(challenge, number)
                for challenge in sealed.bundle.challenges
                for number, _ in enumerate(challenge.probes, start=1)
            ],
            "shuffled": False,
        },
        "model": head.candidate.claim.name,
        "model_args": _model_args(head.candidate),
        "model_roles": {
            "reference": _model(head.reference),
            "candidate": _model(head.candidate),
        },
        "config": {},
        "packages": {"pot-audit": head.recorder.version},
        "metadata": {
            "note": UNSIGNED_NOTE,
            "verified": False,
            "bundle": sealed.path.name,
            "bundle_digest": format_digest(sealed.digest),
            "run_id": run_id,
            "precommit_digest": format_digest(head.precommit.digest),
            "checkpoint_digest": format_digest(statement.checkpoint_digest),
            "signers": [
                {"algorithm": one.algorithm, "key_id": one.key_id}
                for one in sealed.bundle.signatures
            ],
            "binding_grade": statement.binding_grade,
            "withheld_probes": sealed.bundle.withheld_count,
        },
    }


def _model(model: ModelIdentity) -> _Json:
    return {"model": model.claim.name, "config": {}, "args": _model_args(model)}


def _model_args(model: ModelIdentity) -> _Json:
    weights = model.claim.weights_digest
    return {
        "weights_digest": None if weights is None else format_digest(weights),
        "source_kind": model.source_kind,
        "revision": model.revision,
        "architecture": model.architecture,
        "dtype": model.dtype,
        "device": model.device,
        "parameter_count": model.parameter_count,
    }


def _samples(sealed: SealedBundle) -> Iterator[_Json]:
    """The probes in the order of the file; their texts are read again, one at a time."""
    texts = _texts(sealed.path)
    for challenge in sealed.bundle.challenges:
        for number, probe in enumerate(challenge.probes, start=1):
            yield _sample(sealed, challenge, number, probe, next(texts))


def _texts(path: Path) -> Iterator[str | None]:
    for frame in read_frames_of(path):
        if frame.type is FrameType.CONTENT:
            yield parse_content(frame.payload, frame.where).text
        elif frame.type is FrameType.WITHHELD:
            yield None


def _sample(
    sealed: SealedBundle, challenge: Challenge, number: int, probe: Probe, text: str | None
) -> _Json:
    shown = WITHHELD if text is None else text
    return {
        "id": _sample_id(challenge, number),
        "epoch": 1,
        "input": shown,
        "target": "",
        "messages": [{"role": "user", "content": shown, "source": "input"}],
        "output": {"model": sealed.bundle.head.candidate.claim.name, "choices": []},
        "scores": {sealed.bundle.head.score: _score(probe)},
        "metadata": {
            "challenge": challenge.index,
            "probe": number,
            "withheld": probe.is_withheld,
            "leaf_digest": format_digest(probe.leaf),
            "is_cold": challenge.is_cold,
        },
        "started_at": _utc(challenge.started_ns),
        "completed_at": _utc(challenge.started_ns + challenge.duration_ns),
        "total_time": challenge.duration_ns / _NS_PER_S,
    }


def _score(probe: Probe) -> _Json:
    if probe.claimed_score is None:
        # Inspect's mark of a sample that no metric counts.
        return {"value": float("nan"), "reason": "withheld"}
    if probe.is_withheld:
        why = "asserted: the recorded distributions are withheld"
    elif probe.recomputed_score == probe.claimed_score:
        why = "follows from the recorded distributions"
    else:
        why = "NOT the score of the recorded distributions"
    return {
        "value": probe.claimed_score / SCORE_UNIT,
        "explanation": why,
        "metadata": {"score": probe.claimed_score, "unit": "2^-15"},
    }


def _summary(sample: _Json) -> _Json:
    left_out = ("messages", "output")
    return {key: sample[key] for key in sample if key not in left_out} | {
        "completed": True,
        "message_count": 1,
    }


def _outcome(sealed: SealedBundle) -> _Json:
    head, statement = sealed.bundle.head, sealed.statement
    scale = SCORE_UNIT * statement.probes
    probes = [probe for one in sealed.bundle.challenges for probe in one.probes]
    unscored = sum(probe.claimed_score is None for probe in probes)
    metrics = {
        "mean_divergence": statement.score_sum / scale,
        "half_width": float_not_below(Fraction(statement.half_width_sum, scale)),
        "margin": float_not_below(statement.margin),
    }
    decision = {
        "decision": statement.decision,
        "stop_reason": statement.stop_reason,
        "is_custom_rule": not head.preset.is_named,
        "challenges": statement.challenges,
        "probes": statement.probes,
        "verified": False,
        "note": UNSIGNED_NOTE,
    }
    score = {
        "name": head.score,
        "scorer": head.score,
        "scored_samples": len(probes) - unscored,
        "unscored_samples": unscored,
        "metrics": {name: {"name": name, "value": value} for name, value in metrics.items()},
        "metadata": decision,
    }
    return {
        "status": "success",
        "results": {
            "total_samples": len(probes),
            "completed_samples": len(probes),
            "scores": [score],
            "metadata": decision,
        },
        "stats": {
            "started_at": _utc(statement.started_ns),
            "completed_at": _utc(statement.ended_ns),
        },
    }


def _sample_id(challenge: Challenge, number: int) -> str:
    return f"{challenge.index:05d}-{number}"


def _utc(at_ns: int) -> str:
    return datetime.fromtimestamp(at_ns / _NS_PER_S, UTC).isoformat(timespec="microseconds")


def _write(archive: zipfile.ZipFile, name: str, document: object) -> None:
    member = zipfile.ZipInfo(name, _EARLIEST)
    member.compress_type = zipfile.ZIP_DEFLATED
    archive.writestr(member, json.dumps(document, ensure_ascii=False, indent=2))
