"""Verify a bundle: read it once, perform the twelve checks, judge. No network, no models."""

import hashlib
import time
from collections.abc import Callable
from io import BufferedIOBase
from pathlib import Path

from pot_reverify.checks.challenges import check_challenges
from pot_reverify.checks.decision import check_decision, last_step
from pot_reverify.checks.proof import check_proof
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
from pot_reverify.documents.bundle import Bundle
from pot_reverify.documents.bundle_reader import read_bundle
from pot_reverify.errors import PotAuditError, Rejection
from pot_reverify.policy import Policy
from pot_reverify.verdict import Verdict, VerdictWord, judge

_CHECK_OF_AREA = {
    "container": CheckId.CONTAINER,
    "msgpack": CheckId.CONTAINER,
    "tree": CheckId.TREE,
    "score": CheckId.SCORES,
}
"""Which check a reading error belongs to, by the first word of its code; else the schemas'."""


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
    policy = policy or Policy()
    with Path(path).open("rb") as stream:
        size_bytes = stream.seek(0, 2)
        stream.seek(0)
        return verify_stream(stream, size_bytes, policy, at_ns=at_ns)


def verify_stream(
    stream: BufferedIOBase, size_bytes: int, policy: Policy, *, at_ns: int | None = None
) -> Verdict:
    """Verify a bundle from a seekable binary stream at its start."""
    now_ns = time.time_ns() if at_ns is None else at_ns
    try:
        bundle = read_bundle(stream, size_bytes)
    except NotABundle as error:
        failed = (from_error(CheckId.CONTAINER, error),)
        return Verdict(VerdictWord.UNREADABLE, failed, policy, None, None, None, now_ns)
    except Rejection as error:
        # Whatever is longer than a bundle can be is not read to its end for a digest either.
        digest = None if size_bytes > MAX_FILE_BYTES else _file_digest(stream)
        return judge(_not_read(error), policy, digest, None, None, evaluated_at_ns=now_ns)
    checks = _perform_checks(bundle, policy, now_ns)
    digest = _file_digest(stream)
    return judge(checks, policy, digest, bundle, last_step(bundle), evaluated_at_ns=now_ns)


def _perform_checks(bundle: Bundle, policy: Policy, now_ns: int) -> tuple[CheckResult, ...]:
    times = find_proven_times(bundle, policy, now_ns)
    sealed = "sealed" if bundle.statement_payload is not None else "never sealed"
    return (
        # C01: the reader has refused everything that is not a well-formed container.
        passed(CheckId.CONTAINER, f"{bundle.leaves.total} leaves, {sealed}"),
        # C02 to C12, as docs/format.md numbers them.
        _perform(CheckId.SCHEMAS, lambda: check_schemas(bundle)),
        _perform(CheckId.TREE, lambda: check_tree(bundle)),
        _perform(CheckId.SIGNATURES, lambda: check_signatures(bundle, policy, times)),
        _perform(CheckId.TIME, lambda: check_time(bundle, policy, times)),
        _perform(CheckId.CHALLENGES, lambda: check_challenges(bundle, policy)),
        _perform(CheckId.SCORES, lambda: check_scores(bundle, policy)),
        _perform(CheckId.DECISION, lambda: check_decision(bundle)),
        _perform(CheckId.WEIGHTS, lambda: check_weights(bundle)),
        _perform(CheckId.QUOTES, lambda: check_quotes(bundle, policy, times)),
        _perform(CheckId.PROOF, lambda: check_proof(bundle)),
        _perform(CheckId.REPORTING, lambda: check_reporting(bundle)),
    )


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
