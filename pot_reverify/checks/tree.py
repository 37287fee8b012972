"""C03: the leaves that are there are the leaves that were signed."""

from pot_reverify.checks.result import CheckId, CheckResult, passed, skipped
from pot_reverify.container.checkpoint import checkpoint_digest
from pot_reverify.documents.bundle import Bundle
from pot_reverify.documents.statement import Statement
from pot_reverify.encoding.digest import format_digest
from pot_reverify.errors import Rejection


def check_tree(bundle: Bundle) -> CheckResult:
    """Compare root, counts, content digests, and what the statement repeats of HEAD.

    Raises:
        Rejection: ``tree.content-mismatch``, ``tree.head-mismatch``, ``tree.count-mismatch``,
            ``tree.root-mismatch``.
    """
    _require_recorded_contents(bundle)
    statement = bundle.statement
    if statement is None:
        return skipped(
            CheckId.TREE,
            "container.unsealed",
            "The file was never sealed: there is no signed root to compare with.",
            needs="a sealed bundle (pot-audit record --resume)",
        )
    _require_head(bundle, statement)
    if statement.leaves != bundle.leaves:
        raise Rejection(
            "tree.count-mismatch",
            "The file does not hold as many leaves as were signed.",
            where="leaves",
            expected=statement.leaves,
            got=bundle.leaves,
        )
    digest = checkpoint_digest(bundle.head.run_id, bundle.leaves.total, bundle.tree_root)
    if digest != statement.checkpoint_digest:
        raise Rejection(
            "tree.root-mismatch",
            "The transcript is not the one that was signed: "
            "the file was changed afterwards, or damaged.",
            where="checkpoint",
            expected=format_digest(statement.checkpoint_digest),
            got=format_digest(digest),
        )
    withheld = bundle.withheld_count
    notes = [f"{withheld} of {bundle.leaves.contents} contents are withheld"] if withheld else []
    return passed(CheckId.TREE, f"{bundle.leaves.total} leaves under the signed root", *notes)


def _require_recorded_contents(bundle: Bundle) -> None:
    for challenge in bundle.challenges:
        for number, probe in enumerate(challenge.probes, 1):
            if probe.leaf != probe.recorded_leaf:
                raise Rejection(
                    "tree.content-mismatch",
                    "A content is not the one that its record names.",
                    where=f"challenge {challenge.index}, probe {number}",
                    expected=format_digest(probe.recorded_leaf),
                    got=format_digest(probe.leaf),
                )


def _require_head(bundle: Bundle, statement: Statement) -> None:
    head = bundle.head
    claims = {
        "run_id": (head.run_id, statement.run_id),
        "preset": (head.preset, statement.preset),
        "attempt": (head.attempt, statement.attempt),
        "rule": (head.rule, statement.rule),
        "score": (head.score, statement.score),
        "challenge_family": (head.challenge_family, statement.challenge_family),
        "access": (head.access, statement.access),
        "precommit_digest": (head.precommit.digest, statement.precommit_digest),
        "reference": (
            (head.reference.claim.name, head.reference.claim.weights_digest),
            (statement.reference_name, statement.reference_weights),
        ),
        "candidate": (
            (head.candidate.claim.name, head.candidate.claim.weights_digest),
            (statement.candidate_name, statement.candidate_weights),
        ),
        "recorder": (
            (head.recorder.version, head.recorder.code_digest),
            (statement.recorder_version, statement.recorder_code_digest),
        ),
    }
    for name, (in_head, in_statement) in claims.items():
        if in_head != in_statement:
            raise Rejection(
                "tree.head-mismatch",
                "The statement and the first leaf do not say the same.",
                where=f"predicate.{name}",
                expected=in_head,
                got=in_statement,
            )
