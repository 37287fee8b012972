"""What people see of a verdict. The same words with and without a terminal; colour only adds."""

from fractions import Fraction

from pot_audit.lines import Line
from pot_audit.number_text import (
    estimate_text,
    interval_text,
    lower_equation,
    percent_text,
    upper_equation,
    upper_text,
)
from pot_reverify.checks.proof import shows_sums
from pot_reverify.checks.result import CheckId, CheckResult, Status
from pot_reverify.decision.empirical_bernstein import SCORE_UNIT, Decision, Step
from pot_reverify.decision.presets import Preset
from pot_reverify.documents.bundle import Bundle
from pot_reverify.encoding.digest import format_digest
from pot_reverify.encoding.shown_text import quoted, sentence, shown_fact
from pot_reverify.policy import Grade, ModelRole, ProvenTime
from pot_reverify.verdict import DecidedBy, Verdict, VerdictWord

_COLOURS = {
    Status.PASS: "green",
    Status.FAIL: "red",
    Status.SKIP: "yellow",
    VerdictWord.VERIFIED: "green",
    VerdictWord.REJECTED: "red",
    VerdictWord.UNREADABLE: "red",
    VerdictWord.INCOMPLETE: "yellow",
}
_INDENT = " " * 25

_GRADES = {
    Grade.WEIGHTS: "W (weights): the recorder hashed the very bytes that it loaded and ran",
    Grade.RUN_BOUND: "A (run-bound quote): a TEE committed to this run and to a key that signed it",
    Grade.KEY_ATTESTED: "B (key-attested): attested software, told to serve the model, produced "
    "these bytes",
    Grade.CHANNEL: "C (channel only): a TEE attests the endpoint's channel, not what it answered",
    Grade.VENDOR: "D (vendor commitment): a vendor that you named says that it is its model",
    Grade.UNBOUND: "– (unbound): nothing binds the transcript to a model",
}

_FROM_QUOTES = frozenset({Grade.RUN_BOUND, Grade.KEY_ATTESTED, Grade.CHANNEL})

_DECIDED = {
    None: "",
    DecidedBy.RECOMPUTATION: ", decided by recomputation",
    DecidedBy.PROOF: ", decided by proof; the numbers above are the signer's",
}
_DECIDED_WITH_SUMS = ", decided by proof, and so are the numbers above"

NOT_COVERED = (
    "that the named models gave these answers, unless the grade above says so",
    "training data, safety, backdoors, and anything outside the challenge distribution",
    "what the same name serves tomorrow",
)


def verdict_lines(verdict: Verdict) -> list[str]:
    """The whole screen of ``reverify``."""
    lines = [line for check in verdict.checks for line in _check_lines(check)]
    lines += ["", _verdict_line(verdict)]
    if verdict.word is VerdictWord.VERIFIED and verdict.bundle and verdict.step:
        decision = decision_lines(verdict.bundle, verdict.step, verdict.decided_by)
        lines += ["", *decision, "", *_limits(verdict, verdict.bundle)]
    elif verdict.step is not None and verdict.bundle is not None:
        what = "signed sums" if verdict.decided_by is DecidedBy.PROOF else "scores in the file"
        lines += ["", f"The {what} give the following; do not rely on it."]
        lines += decision_lines(verdict.bundle, verdict.step)
    return [*lines, "", *_identity_lines(verdict)]


def decision_lines(bundle: Bundle, step: Step, decided_by: DecidedBy | None = None) -> list[str]:
    """The decision in words, and the interval that it rests on.

    Args:
        decided_by: what the decision rests on, where that has been checked.
    """
    head, scale = bundle.head, SCORE_UNIT * step.t
    preset = head.preset
    high = Fraction(step.U, scale)
    mean, interval = (
        estimate_text(Fraction(step.S, scale)),
        interval_text(Fraction(step.L, scale), high),
    )
    half = percent_text(preset.effective_alpha(head.attempt) / 2)
    sure = percent_text(preset.effective_alpha(head.attempt))
    names = f"{quoted(head.reference.claim.name)} and {quoted(head.candidate.claim.name)}"
    claims = {
        Decision.SAME: "their mean divergence is at most "
        f"{upper_equation('γ', preset.gamma)}; an error has probability at most {half}",
        Decision.DIFFERENT: "their mean divergence is at least "
        f"{lower_equation('(1−ε)·δ*', (1 - preset.epsilon) * preset.delta)}; "
        f"an error has probability at most {half}",
        Decision.UNDECIDED: "neither SAME nor DIFFERENT can be said at this preset",
        None: "the rule has not stopped yet",
    }
    rule = "" if preset.is_named else "custom rule: "
    reason = "" if step.reason is None or step.decision != "UNDECIDED" else f" ({step.reason})"
    word = step.decision.value if step.decision else "RUNNING"
    has_proven_sums = decided_by is DecidedBy.PROOF and shows_sums(bundle)
    decided = _DECIDED_WITH_SUMS if has_proven_sums else _DECIDED[decided_by]
    lines = [
        f"{rule}{word}{reason}  {names}: {claims[step.decision]}.",
        f"  mean divergence {mean}, in {interval} with an error of at most {sure}",
        f"  {step.n} challenges, {step.t} probes{decided}",
        f"  preset {preset.name}, attempt {head.attempt}, {head.rule}, {head.score}, "
        + head.challenge_family,
    ]
    if not preset.is_named:
        lines.append(f"  {_parameters(preset)}")
    if step.decision is Decision.SAME:
        lines.insert(2, f"  certified margin: a mean divergence of at most {upper_text(high)}")
    return lines


def printable(text: str) -> str:
    """A sentence with text from a file in it; what is only from a file is `quoted`."""
    return sentence(text)


def _whole_sentence(message: str) -> str:
    """A finding's message as one sentence of several: the parsers' are parts of a line."""
    text = printable(message)
    return text[:1].upper() + text[1:] + ("" if text.endswith((".", "!", "?", "…")) else ".")


def styled(text: str, kind: Status | VerdictWord) -> Line:
    """A line in the colour of a status, on terminals."""
    return Line(text, _COLOURS.get(kind))


def _parameters(preset: Preset) -> str:
    """A rule that the signer made: what it asks for, beside the scale that it is on."""
    parameters = ", ".join(
        (
            upper_equation("α", preset.alpha),
            upper_equation("γ", preset.gamma),
            upper_equation("η", preset.eta),
            lower_equation("δ*", preset.delta),
            upper_equation("ε", preset.epsilon),
        )
    )
    return (
        f"its rule, made by the signer: {parameters}, {preset.n_min} to {preset.n_max} challenges; "
        "a mean divergence is from 0 to 2"
    )


def _check_lines(check: CheckResult) -> list[str]:
    row = f"  {check.check.value}  {check.check.subject:<11} "
    text = f"{row}{check.status.value:<7} {printable(check.message)}"
    if check.status is Status.FAIL:
        text += f" [{check.code}]"
    details = [
        *map(printable, check.notes),
        *([f"at {shown_fact(check.where)}"] if check.where else []),
        *([f"expected {shown_fact(check.expected)}"] if check.expected else []),
        *([f"got      {shown_fact(check.got)}"] if check.got else []),
        *([f"needs {printable(check.needs)}"] if check.needs else []),
    ]
    word = Line(text, _COLOURS.get(check.status), len(row), len(row) + len(check.status.value))
    return [word, *(f"{_INDENT}{one}" for one in details)]


def _verdict_line(verdict: Verdict) -> str:
    word = verdict.word.value
    text = f"{word:<10} {_meaning(verdict)}"
    return Line(text, _COLOURS.get(verdict.word), 0, len(word), bold=True)


def _meaning(verdict: Verdict) -> str:
    failed = [check for check in verdict.checks if check.status is Status.FAIL]
    skipped = [check for check in verdict.checks if check.status is Status.SKIP]
    if verdict.word is VerdictWord.VERIFIED:
        under = (
            " Under a TEST ROOT, which vouches for nothing." if verdict.is_under_test_root else ""
        )
        if verdict.is_under_test_chain:
            under += " Half of the randomness is from a TEST CHAIN, which vouches for nothing."
        return f"Every check that this bundle and you require has passed.{under}"
    if verdict.word is VerdictWord.UNREADABLE:
        return "The file is not a bundle that this version can read."
    if failed:
        return f"{_whole_sentence(failed[0].message)} Use no number from it."
    what = ", ".join(check.check.value for check in skipped) or "a required check"
    under = " A quote is under a TEST ROOT." if verdict.is_under_test_root else ""
    if verdict.is_under_test_chain:
        under += " Half of the randomness is from a TEST CHAIN."
    return f"Nothing failed, but {what} could not be performed: do not rely on it.{under}"


def _identity_lines(verdict: Verdict) -> list[str]:
    """Which run, which file, which models, and whose demands: what two screens are compared by."""
    lines = []
    if verdict.bundle is not None:
        lines.append(f"run    {verdict.bundle.head.run_id.hex()}")
    if verdict.file_digest is not None:
        lines.append(f"file   {format_digest(verdict.file_digest)}")
    shared = None if verdict.bundle is None else verdict.bundle.shared_weights_digest
    if shared is not None:
        lines.append(f"models both have one weights digest, {format_digest(shared)}")
    name = quoted(verdict.policy_name)
    return [*lines, f"policy {format_digest(verdict.policy_digest)}, {name}"]


def _limits(verdict: Verdict, bundle: Bundle) -> list[str]:
    withheld = bundle.withheld_count
    which = "every probe that is not withheld" if withheld else "every probe"
    attested = [
        "the file is the one that was signed, by the keys you named",
        f"{which} follows from the secret that the signed precommit commits to",
    ]
    times = next(check for check in verdict.checks if check.check is CheckId.TIME)
    is_dated = times.status is Status.PASS
    came_first = "that the secret was committed to before the run"
    is_promised = ProvenTime.PRECOMMIT in times.proven_times
    if is_promised:
        attested.append(f"{came_first}, if the run began when the signer says")
    if ProvenTime.STATEMENT in times.proven_times:
        attested.append(f"the time: {printable(times.message)}")
    asserted = [
        *(f"that the recorder ran {text}" for text in _grades_texts(verdict)),
        *([] if is_promised else [came_first]),
        f"the {'other ' * is_dated}times, the environment and the labels in the bundle",
    ]
    proven: list[str] = []
    if verdict.decided_by is DecidedBy.PROOF:
        proven = ["the committed scores give this decision, and no earlier stop"]
        asserted += [
            "that the committed scores come from recorded distributions, or from any model,",
            "  and that they are those of the probes: the proof does not show it",
        ]
        sums = "the mean divergence, its interval and the margin"
        (proven if shows_sums(bundle) else asserted).append(sums)
    elif withheld:
        attested.append("the other scores follow from the recorded distributions, the decision")
        attested.append("  from all scores")
        asserted.append(f"the scores of {withheld} probes that are withheld")
    else:
        attested.append(
            "the scores follow from the recorded distributions, the decision from the scores"
        )
    lines = []
    for title, rows in (
        ("Attested", attested),
        ("Proven", proven),
        ("Asserted", asserted),
        ("Not covered", NOT_COVERED),
    ):
        for number, row in enumerate(rows):
            lines.append(f"  {title if number == 0 else '':<12} {row}")
    return lines


def _grades_texts(verdict: Verdict) -> list[str]:
    """What binds the transcript to the models, once where it is the same for both."""
    reference, candidate = (_grades_text(verdict, model) for model in ModelRole)
    if reference == candidate:
        return [f"these models: grade {reference}"]
    return [f"the reference: grade {reference}", f"the candidate: grade {candidate}"]


def _grades_text(verdict: Verdict, model: ModelRole) -> str:
    grades = verdict.grades_of(model)
    text = "; ".join(_GRADES[grade] for grade in grades)
    under = " – under a TEST ROOT, which vouches for nothing"
    return text + under if verdict.is_under_test_root and _FROM_QUOTES & set(grades) else text
