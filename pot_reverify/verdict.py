"""The verdict: about the bundle, not about the models; it starts at INCOMPLETE."""

from dataclasses import dataclass
from enum import StrEnum
from fractions import Fraction

from pot_reverify.checks.result import CheckId, CheckResult, Status
from pot_reverify.checks.scores import WITHHELD_BEHIND_PROOF
from pot_reverify.decision.empirical_bernstein import SCORE_UNIT, Step
from pot_reverify.documents.bundle import Bundle
from pot_reverify.encoding.digest import format_digest
from pot_reverify.policy import Grade, ModelRole, Policy


class VerdictWord(StrEnum):
    """What can be said of a bundle."""

    VERIFIED = "VERIFIED"
    REJECTED = "REJECTED"
    INCOMPLETE = "INCOMPLETE"
    UNREADABLE = "UNREADABLE"

    @property
    def exit_code(self) -> int:
        """The exit code of ``reverify``."""
        return {"VERIFIED": 0, "REJECTED": 1, "UNREADABLE": 2, "INCOMPLETE": 3}[self.value]


class DecidedBy(StrEnum):
    """What the decision rests on."""

    RECOMPUTATION = "recomputation"
    """The rule was rerun over the scores."""
    PROOF = "proof"
    """Scores are withheld; a proof shows that those of the commitment give the decision."""


REQUIRED_CHECKS = frozenset(
    {
        CheckId.CONTAINER,
        CheckId.SCHEMAS,
        CheckId.TREE,
        CheckId.SIGNATURES,
        CheckId.CHALLENGES,
        CheckId.SCORES,
        CheckId.DECISION,
        CheckId.REPORTING,
    }
)
"""Must pass in every bundle; the others may be absent, and may not fail or be skipped."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """Everything that ``reverify`` says.

    Args:
        word: VERIFIED, REJECTED, INCOMPLETE or UNREADABLE.
        checks: one result a check, in order; empty for UNREADABLE files but for the container's.
        step: where the scores lead under the rule, recomputed, or what the signed sums say where
            a proof carries the decision; to be relied on only if VERIFIED.
        bundle: what was read; None if it could not be.
        policy: the reader's, under which this is the verdict.
        evaluated_at_ns: the reader's now, which keys, tokens and quotes were judged by.
        bug: the error of this program that kept it from judging the file; then it is INCOMPLETE.
    """

    word: VerdictWord
    checks: tuple[CheckResult, ...]
    policy: Policy
    file_digest: bytes | None
    step: Step | None
    bundle: Bundle | None
    evaluated_at_ns: int
    bug: BaseException | None = None

    @property
    def policy_name(self) -> str:
        """What the reader calls the policy."""
        return self.policy.name

    @property
    def policy_digest(self) -> bytes:
        """SHA-256 of the policy: two verdicts under one digest had the same demands."""
        return self.policy.digest

    @property
    def decision(self) -> str | None:
        """SAME, DIFFERENT or UNDECIDED as recomputed or proven; None if there is none."""
        decision = None if self.step is None else self.step.decision
        return None if decision is None else decision.value

    @property
    def decided_by(self) -> DecidedBy | None:
        """What the decision rests on; None if there is none."""
        if self.decision is None or self.bundle is None:
            return None
        withheld = self.bundle.withheld_score_count
        return DecidedBy.PROOF if withheld else DecidedBy.RECOMPUTATION

    @property
    def is_custom_rule(self) -> bool | None:
        """Whether the rule has the signer's own parameters; None if no bundle could be read."""
        return None if self.bundle is None else not self.bundle.head.preset.is_named

    @property
    def binding_grades(self) -> tuple[Grade, ...]:
        """The grades that passed checks support for both models, or unbound alone."""
        reference, candidate = (self.grades_of(model) for model in ModelRole)
        return tuple(one for one in reference if one in candidate) or (Grade.UNBOUND,)

    def grades_of(self, model: ModelRole) -> tuple[Grade, ...]:
        """The grades that passed checks support for one model, or unbound alone.

        Every grade rests on what was signed: without a pass of the signatures, by keys that are
        named and valid, there is none.
        """
        passed = [check for check in self.checks if check.status is Status.PASS]
        is_signed = any(check.check is CheckId.SIGNATURES for check in passed)
        held = {one.grade for check in passed for one in check.grades if one.model is model}
        grades = tuple(grade for grade in Grade if grade in held and is_signed)
        return grades or (Grade.UNBOUND,)

    @property
    def is_under_test_root(self) -> bool:
        """Whether a grade rests on a root that is published for tests and vouches for nothing."""
        return any(check.is_under_test_root for check in self.checks)

    @property
    def is_under_test_chain(self) -> bool:
        """Whether half of the randomness is from a beacon whose key is published for tests."""
        return any(check.is_under_test_chain for check in self.checks)

    def to_document(self) -> dict[str, object]:
        """The verdict as JSON values; rationals are [numerator, denominator]; no floats."""
        return {
            "verdict": self.word.value,
            "exit_code": self.word.exit_code,
            "decision": None if self.step is None else _step_document(self.step),
            "decided_by": self.decided_by,
            "is_custom_rule": self.is_custom_rule,
            "decision_is_relied_on": self.word is VerdictWord.VERIFIED,
            "binding_grades": [grade.value for grade in self.binding_grades],
            "binding_grades_by_subject": {
                model.value: [grade.value for grade in self.grades_of(model)] for model in ModelRole
            },
            "is_under_test_root": self.is_under_test_root,
            "is_under_test_chain": self.is_under_test_chain,
            "checks": [check.to_document() for check in self.checks],
            "bundle": None if self.bundle is None else _bundle_document(self.bundle),
            "file_digest": None if self.file_digest is None else format_digest(self.file_digest),
            "policy_name": self.policy_name,
            "policy_digest": format_digest(self.policy_digest),
            "evaluated_at_ns": self.evaluated_at_ns,
        }


def judge(
    checks: tuple[CheckResult, ...],
    policy: Policy,
    file_digest: bytes | None,
    bundle: Bundle | None,
    step: Step | None,
    *,
    evaluated_at_ns: int,
) -> Verdict:
    """Derive the verdict from the checks; only passed checks raise it.

    Args:
        checks: one result for each check.
    """
    statuses = {check.check: check.status for check in checks}
    if Status.FAIL in statuses.values():
        word = VerdictWord.REJECTED
    elif (
        statuses.keys() == set(CheckId)
        and Status.SKIP not in statuses.values()
        and all(statuses[check] is Status.PASS for check in _required(checks))
    ):
        word = VerdictWord.VERIFIED
    else:
        word = VerdictWord.INCOMPLETE
    return Verdict(word, checks, policy, file_digest, step, bundle, evaluated_at_ns)


def _required(checks: tuple[CheckResult, ...]) -> frozenset[CheckId]:
    """The checks that must pass; where scores are withheld behind a proof, the proof in C07's."""
    if any(
        check.check is CheckId.SCORES
        and check.status is Status.ABSENT
        and check.code == WITHHELD_BEHIND_PROOF
        for check in checks
    ):
        return REQUIRED_CHECKS - {CheckId.SCORES} | {CheckId.PROOF}
    return REQUIRED_CHECKS


def _step_document(step: Step) -> dict[str, object]:
    scale = SCORE_UNIT * step.t
    return {
        "decision": None if step.decision is None else step.decision.value,
        "stop_reason": None if step.reason is None else step.reason.value,
        "challenges": step.n,
        "probes": step.t,
        "score_sum": step.S,
        "square_sum": step.V,
        "half_width_sum": step.H,
        "mean": list(Fraction(step.S, scale).as_integer_ratio()),
        "interval": [list(Fraction(bound, scale).as_integer_ratio()) for bound in (step.L, step.U)],
        "margin": list(step.margin.as_integer_ratio()),
    }


def _bundle_document(bundle: Bundle) -> dict[str, object]:
    head = bundle.head
    return {
        "run_id": head.run_id.hex(),
        "preset": head.preset.to_document(),
        "attempt": head.attempt,
        "rule": head.rule,
        "score": head.score,
        "challenge_family": head.challenge_family,
        "reference": head.reference.claim.to_document(),
        "candidate": head.candidate.claim.to_document(),
        "sealed": bundle.statement_payload is not None,
        "challenges": len(bundle.challenges),
        "withheld_contents": bundle.withheld_count,
        "models_share_weights_digest": bundle.shared_weights_digest is not None,
    }
