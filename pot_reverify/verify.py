"""Verify a bundle: read it once, perform the twelve checks, judge. No network, no models."""

import hashlib
import os
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from io import BufferedIOBase
from pathlib import Path

from pot_reverify.checks.challenges import check_challenges
from pot_reverify.checks.decision import check_decision, displayed_step
from pot_reverify.checks.proof import PendingProof, prepare_proof
from pot_reverify.checks.proven_times import find_proven_times
from pot_reverify.checks.quotes import check_quotes
from pot_reverify.checks.reporting import check_reporting
from pot_reverify.checks.result import CheckId, CheckResult, from_error, passed, skipped
from pot_reverify.checks.schemas import check_schemas
from pot_reverify.checks.scores import check_scores
from pot_reverify.checks.signatures import check_signatures
from pot_reverify.checks.time import check_time
from pot_reverify.checks.tree import check_tree
from pot_reverify.checks.weights import check_weights
from pot_reverify.container.frames import MAX_FILE_BYTES, NotABundle
from pot_reverify.decision.empirical_bernstein import Step
from pot_reverify.documents.bundle import Bundle
from pot_reverify.documents.bundle_reader import read_bundle
from pot_reverify.errors import Indeterminate, PotAuditError, Rejection
from pot_reverify.policy import Policy
from pot_reverify.proof.verify import ProofClaim, check_proofs
from pot_reverify.verdict import Verdict, VerdictWord, judge

_CHECK_OF_AREA = {
    "container": CheckId.CONTAINER,
    "msgpack": CheckId.CONTAINER,
    "tree": CheckId.TREE,
    "score": CheckId.SCORES,
}
"""Which check a reading error belongs to, by the first word of its code; else the schemas'."""


ProofVerifier = Callable[[Sequence[ProofClaim]], list[Rejection | None]]
"""Verifies proofs together: None where one is right, else why it is rejected."""


def verify(path: str | Path, policy: Policy | None = None, *, at_ns: int | None = None) -> Verdict:
    """Verify one `.potb` file.

    Args:
        path: the file.
        policy: whom you name and what you demand; without one, nobody is named, and no bundle is
            better than INCOMPLETE.
        at_ns: the Unix time to judge at; now by default.

    Raises:
        OSError: the file cannot be read.
    """
    (verdict,) = verify_many([path], policy, at_ns=at_ns)
    return verdict


def verify_many(
    paths: Sequence[str | Path],
    policy: Policy | None = None,
    *,
    at_ns: int | None = None,
    verify_proofs: ProofVerifier = check_proofs,
) -> list[Verdict]:
    """Verify files as `verify` does, their proofs together, which is much faster than one by one.

    Args:
        verify_proofs: who verifies them; this package by default.

    Raises:
        OSError: a file cannot be read; then nothing is said of any.
    """
    readings = []
    for path in paths:
        with Path(path).open("rb") as stream:
            size_bytes = stream.seek(0, os.SEEK_END)
            stream.seek(0)
            readings.append(_read(stream, size_bytes))
    return _judge_all(readings, policy or Policy(), at_ns, verify_proofs)


def verify_stream(
    stream: BufferedIOBase, size_bytes: int, policy: Policy, *, at_ns: int | None = None
) -> Verdict:
    """Verify a bundle from a seekable binary stream at its start."""
    (verdict,) = _judge_all([_read(stream, size_bytes)], policy, at_ns, check_proofs)
    return verdict


@dataclass(frozen=True, slots=True)
class _Reading:
    """A file: the bundle in it, or why there is none."""

    bundle: Bundle | Rejection
    file_digest: bytes | None


def _read(stream: BufferedIOBase, size_bytes: int) -> _Reading:
    try:
        bundle = read_bundle(stream, size_bytes)
    except NotABundle as error:
        return _Reading(error, None)
    except Rejection as error:
        # Whatever is longer than a bundle can be is not read to its end for a digest either.
        return _Reading(error, None if size_bytes > MAX_FILE_BYTES else _file_digest(stream))
    return _Reading(bundle, _file_digest(stream))


def _judge_all(
    readings: Sequence[_Reading], policy: Policy, at_ns: int | None, verify_proofs: ProofVerifier
) -> list[Verdict]:
    now_ns = time.time_ns() if at_ns is None else at_ns
    prepared = [_prepare_proof(reading.bundle, policy) for reading in readings]
    pending = [one.claim for one in prepared if isinstance(one, PendingProof)]
    findings = iter(_verify_proofs(pending, verify_proofs) if pending else ())
    proofs = [
        one.conclude(next(findings)) if isinstance(one, PendingProof) else one for one in prepared
    ]
    return [
        _judge(reading, policy, proof, now_ns)
        for reading, proof in zip(readings, proofs, strict=True)
    ]


def _verify_proofs(
    claims: Sequence[ProofClaim], verify_proofs: ProofVerifier
) -> Sequence[PotAuditError | None]:
    try:
        return verify_proofs(claims)
    except Indeterminate as error:
        return [error] * len(claims)


def _prepare_proof(bundle: Bundle | Rejection, policy: Policy) -> PendingProof | CheckResult:
    if isinstance(bundle, Rejection):
        return from_error(CheckId.PROOF, bundle)
    try:
        return prepare_proof(bundle, policy)
    except PotAuditError as error:
        return from_error(CheckId.PROOF, error)


def _judge(reading: _Reading, policy: Policy, proof: CheckResult, now_ns: int) -> Verdict:
    bundle = reading.bundle
    if isinstance(bundle, NotABundle):
        failed = (from_error(CheckId.CONTAINER, bundle),)
        return Verdict(VerdictWord.UNREADABLE, failed, policy, None, None, None, now_ns)
    if isinstance(bundle, Rejection):
        checks, step, read = _not_read(bundle), None, None
    else:
        checks, step = _perform_checks(bundle, policy, proof, now_ns)
        read = bundle
    return judge(checks, policy, reading.file_digest, read, step, evaluated_at_ns=now_ns)


def _perform_checks(
    bundle: Bundle, policy: Policy, proof: CheckResult, now_ns: int
) -> tuple[tuple[CheckResult, ...], Step | None]:
    """The results, and where the decision stands; other checks rest on the one of the proof."""
    times = find_proven_times(bundle, policy, now_ns)
    weights = _perform(CheckId.WEIGHTS, lambda: check_weights(bundle))
    sealed = "sealed" if bundle.statement_payload is not None else "never sealed"
    decision = _perform(CheckId.DECISION, lambda: check_decision(bundle, proof))
    checks = (
        # C01: the reader has refused everything that is not a well-formed container.
        passed(CheckId.CONTAINER, f"{bundle.leaves.total} leaves, {sealed}"),
        # C02 to C12, as docs/format.md numbers them.
        _perform(CheckId.SCHEMAS, lambda: check_schemas(bundle)),
        _perform(CheckId.TREE, lambda: check_tree(bundle)),
        _perform(CheckId.SIGNATURES, lambda: check_signatures(bundle, policy, times)),
        _perform(CheckId.TIME, lambda: check_time(bundle, policy, times)),
        _perform(CheckId.CHALLENGES, lambda: check_challenges(bundle, policy, times)),
        _perform(CheckId.SCORES, lambda: check_scores(bundle, policy, proof)),
        decision,
        weights,
        _perform(CheckId.QUOTES, lambda: check_quotes(bundle, policy, times, weights.grades)),
        proof,
        _perform(CheckId.REPORTING, lambda: check_reporting(bundle)),
    )
    return checks, displayed_step(bundle, decision)


def _perform(check: CheckId, run: Callable[[], CheckResult]) -> CheckResult:
    try:
        return run()
    except PotAuditError as error:
        return from_error(check, error)


def _not_read(error: Rejection) -> tuple[CheckResult, ...]:
    """The results for a bundle whose reading ended with an error: one fails, none passes."""
    failed = _CHECK_OF_AREA.get(error.code.partition(".")[0], CheckId.SCHEMAS)
    return tuple(
        from_error(check, error)
        if check is failed
        else skipped(
            check,
            "not-read",
            "The bundle could not be read to its end.",
            needs=f"{failed} to pass",
        )
        for check in CheckId
    )


def _file_digest(stream: BufferedIOBase) -> bytes:
    stream.seek(0)
    return hashlib.file_digest(stream, "sha256").digest()
