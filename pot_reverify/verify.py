"""Verify a bundle: read it once, perform the twelve checks, judge. No network, no models."""

import functools
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from io import BufferedIOBase
from pathlib import Path
from typing import TypeVar

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
from pot_reverify.container.frames import NotABundle
from pot_reverify.decision.empirical_bernstein import Step
from pot_reverify.documents.bundle import Bundle
from pot_reverify.documents.bundle_file import BundleFile, read_bundle_file, read_bundle_stream
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

    A file that cannot be read is UNREADABLE, as one is that is no bundle; nothing is raised.

    Args:
        path: the file; ``-`` for standard input, which may be a pipe.
        policy: whom you name and what you demand; without one, nobody is named, and no bundle is
            better than INCOMPLETE.
        at_ns: the Unix time to judge at; now by default.
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

    Each file gets its verdict, whatever the others are.

    Args:
        verify_proofs: who verifies them; this package by default.
    """
    readings = [_caught(functools.partial(read_bundle_file, path)) for path in paths]
    return _judge_all(readings, policy or Policy(), at_ns, verify_proofs)


def verify_stream(
    stream: BufferedIOBase, size_bytes: int, policy: Policy, *, at_ns: int | None = None
) -> Verdict:
    """Verify a bundle from a binary stream at its start."""
    reading = _caught(lambda: read_bundle_stream(stream, size_bytes))
    (verdict,) = _judge_all([reading], policy, at_ns, check_proofs)
    return verdict


@dataclass(frozen=True, slots=True)
class _Bug:
    """An error of this program."""

    error: BaseException


_T = TypeVar("_T")


def _caught(run: Callable[[], _T]) -> _T | _Bug:
    try:
        return run()
    except (KeyboardInterrupt, SystemExit, GeneratorExit):
        raise
    # A file that finds a mistake of ours is not judged; the others are, and the caller is told.
    # Panics of libraries in Rust are no `Exception`.
    except BaseException as error:  # noqa: BLE001
        return _Bug(error)


def _judge_all(
    readings: Sequence[BundleFile | _Bug],
    policy: Policy,
    at_ns: int | None,
    verify_proofs: ProofVerifier,
) -> list[Verdict]:
    now_ns = time.time_ns() if at_ns is None else at_ns
    proofs = _check_proofs([_prepare_proof(one, policy) for one in readings], verify_proofs)
    return [
        _judge_or_report(reading, policy, proof, now_ns)
        for reading, proof in zip(readings, proofs, strict=True)
    ]


def _prepare_proof(reading: BundleFile | _Bug, policy: Policy) -> PendingProof | CheckResult | _Bug:
    if isinstance(reading, _Bug):
        return reading
    bundle = reading.bundle

    def prepare() -> PendingProof | CheckResult:
        if isinstance(bundle, Rejection):
            return from_error(CheckId.PROOF, bundle)
        try:
            return prepare_proof(bundle, policy)
        except PotAuditError as error:
            return from_error(CheckId.PROOF, error)

    return _caught(prepare)


def _check_proofs(
    prepared: Sequence[PendingProof | CheckResult | _Bug], verify_proofs: ProofVerifier
) -> list[CheckResult | _Bug]:
    claims = [one.claim for one in prepared if isinstance(one, PendingProof)]
    findings = iter(_verify_proofs(claims, verify_proofs) if claims else ())
    return [
        _conclude(one, next(findings)) if isinstance(one, PendingProof) else one for one in prepared
    ]


def _conclude(pending: PendingProof, finding: PotAuditError | _Bug | None) -> CheckResult | _Bug:
    return finding if isinstance(finding, _Bug) else _caught(lambda: pending.conclude(finding))


def _verify_proofs(
    claims: Sequence[ProofClaim], verify_proofs: ProofVerifier
) -> Sequence[PotAuditError | _Bug | None]:
    """A finding for each claim; what goes wrong with all together is tried with each alone."""
    findings = _caught(lambda: verify_proofs(claims))
    if isinstance(findings, _Bug):
        alone = findings
    elif len(findings) != len(claims):
        alone = _Bug(ValueError(f"{len(findings)} findings for {len(claims)} proofs"))
    else:
        return findings
    if len(claims) == 1:
        return [alone.error if isinstance(alone.error, Indeterminate) else alone]
    return [finding for claim in claims for finding in _verify_proofs([claim], verify_proofs)]


def _judge_or_report(
    reading: BundleFile | _Bug, policy: Policy, proof: CheckResult | _Bug, now_ns: int
) -> Verdict:
    if isinstance(reading, _Bug):
        return _not_judged(reading, policy, None, now_ns)
    if isinstance(proof, _Bug):
        return _not_judged(proof, policy, reading.digest, now_ns)
    verdict = _caught(lambda: _judge(reading, policy, proof, now_ns))
    if isinstance(verdict, _Bug):
        return _not_judged(verdict, policy, reading.digest, now_ns)
    return verdict


def _not_judged(bug: _Bug, policy: Policy, file_digest: bytes | None, now_ns: int) -> Verdict:
    """Nothing was found out, good or bad."""
    checks = tuple(
        skipped(
            check,
            "verify.internal-error",
            f"A mistake in pot-audit kept it from judging this file ({type(bug.error).__name__}).",
            needs="a version of pot-audit without that mistake; please report it",
        )
        for check in CheckId
    )
    word = VerdictWord.INCOMPLETE
    return Verdict(word, checks, policy, file_digest, None, None, now_ns, bug=bug.error)


def _judge(reading: BundleFile, policy: Policy, proof: CheckResult, now_ns: int) -> Verdict:
    bundle = reading.bundle
    if isinstance(bundle, NotABundle):
        failed = (from_error(CheckId.CONTAINER, bundle),)
        return Verdict(VerdictWord.UNREADABLE, failed, policy, None, None, None, now_ns)
    if isinstance(bundle, Rejection):
        checks, step, read = _not_read(bundle), None, None
    else:
        checks, step = _perform_checks(bundle, policy, proof, now_ns)
        read = bundle
    return judge(checks, policy, reading.digest, read, step, evaluated_at_ns=now_ns)


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
