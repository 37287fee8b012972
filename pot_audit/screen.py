"""What people see of a verdict. The same words with and without a terminal; colour only adds."""

import re
from fractions import Fraction

import click

from pot_reverify.checks.proof import shows_sums
from pot_reverify.checks.result import CheckId, CheckResult, Status
from pot_reverify.decision.empirical_bernstein import SCORE_UNIT, Decision, Step
from pot_reverify.documents.bundle import Bundle
from pot_reverify.encoding.digest import format_digest
from pot_reverify.policy import Grade
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
_UNPRINTABLE = re.compile(r"[\x00-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]")
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

_DECIDED = {
    None: "",
    DecidedBy.RECOMPUTATION: ", decided by recomputation",
    DecidedBy.PROOF: ", decided by proof; the numbers above are the signer's",
}

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
    name = printable(verdict.policy_name)
    lines += ["", f"policy {format_digest(verdict.policy_digest)}, {name}"]
    return lines


def decision_lines(bundle: Bundle, step: Step, decided_by: DecidedBy | None = None) -> list[str]:
    """The decision in words, and the interval that it rests on.

    Args:
        decided_by: what the decision rests on, where that has been checked.
    """
    head, scale = bundle.head, SCORE_UNIT * step.t
    preset = head.preset
    mean, low, high = (decimal_text(Fraction(one, scale)) for one in (step.S, step.L, step.U))
    half = percent_text(preset.effective_alpha(head.attempt) / 2)
    sure = percent_text(preset.effective_alpha(head.attempt))
    names = f"{printable(head.reference.claim.name)} and {printable(head.candidate.claim.name)}"
    claims = {
        Decision.SAME: f"their mean divergence is at most γ = {decimal_text(preset.gamma)}; "
        f"an error has probability at most {half}",
        Decision.DIFFERENT: "their mean divergence is more than (1−ε)·δ* = "
        f"{decimal_text((1 - preset.epsilon) * preset.delta)}; "
        f"an error has probability at most {half}",
        Decision.UNDECIDED: "neither SAME nor DIFFERENT can be said at this preset",
        None: "the rule has not stopped yet",
    }
    reason = "" if step.reason is None or step.decision != "UNDECIDED" else f" ({step.reason})"
    word = step.decision.value if step.decision else "RUNNING"
    lines = [
        f"{word}{reason}  {names}: {claims[step.decision]}.",
        f"  mean divergence {mean}, in [{low}, {high}] with an error of at most {sure}",
        f"  {step.n} challenges, {step.t} probes{_DECIDED[decided_by]}",
        f"  preset {preset.name}, attempt {head.attempt}, {head.rule}, {head.score}, "
        + head.challenge_family,
    ]
    if step.decision is Decision.SAME:
        lines.insert(2, f"  certified margin: a mean divergence of at most {high}")
    return lines


def decimal_text(value: Fraction, digits: int = 4) -> str:
    """A rational rounded to nearest, without trailing zeros beyond two digits."""
    scaled = round(value * 10**digits)
    sign, scaled = ("-", -scaled) if scaled < 0 else ("", scaled)
    whole, rest = divmod(scaled, 10**digits)
    text = f"{rest:0{digits}d}".rstrip("0")
    return f"{sign}{whole}.{text:0<2}"


def percent_text(value: Fraction) -> str:
    """A probability in per cent."""
    return f"{float(value * 100):.4g} %"


def printable(text: str) -> str:
    """Text from a file: control and direction characters are shown as escapes."""
    return _UNPRINTABLE.sub(lambda match: f"\\u{ord(match[0]):04x}", text)


def styled(text: str, kind: Status | VerdictWord, *, bold: bool = False) -> str:
    """Coloured text; click removes the colour where the output is no terminal."""
    return click.style(text, fg=_COLOURS.get(kind), bold=bold)


def _check_lines(check: CheckResult) -> list[str]:
    status = styled(f"{check.status.value:<7}", check.status)
    head = f"  {check.check.value}  {check.check.subject:<11} {status}"
    lines = [f"{head} {printable(check.message)}"]
    if check.status is Status.FAIL:
        lines[0] += f" [{check.code}]"
    details = [
        *check.notes,
        *([f"at {check.where}"] if check.where else []),
        *([f"expected {check.expected}"] if check.expected else []),
        *([f"got      {check.got}"] if check.got else []),
        *([f"needs {check.needs}"] if check.needs else []),
    ]
    return lines + [f"{_INDENT}{printable(one)}" for one in details]


def _verdict_line(verdict: Verdict) -> str:
    word = styled(f"{verdict.word.value:<10}", verdict.word, bold=True)
    failed = [check for check in verdict.checks if check.status is Status.FAIL]
    skipped = [check for check in verdict.checks if check.status is Status.SKIP]
    if verdict.word is VerdictWord.VERIFIED:
        under = (
            " Under a TEST ROOT, which vouches for nothing." if verdict.is_under_test_root else ""
        )
        return f"{word} Every check that this bundle and you require has passed.{under}"
    if verdict.word is VerdictWord.UNREADABLE:
        return f"{word} The file is not a bundle that this version can read."
    if failed:
        return f"{word} {printable(failed[0].message)} Use no number from it."
    what = ", ".join(check.check.value for check in skipped) or "a required check"
    under = " A quote is under a TEST ROOT." if verdict.is_under_test_root else ""
    return f"{word} Nothing failed, but {what} could not be performed: do not rely on it.{under}"


def _limits(verdict: Verdict, bundle: Bundle) -> list[str]:
    withheld = bundle.withheld_count
    which = "every probe that is not withheld" if withheld else "every probe"
    attested = [
        "the file is the one that was signed, by the keys you named",
        f"{which} follows from a secret that was committed to before the run",
    ]
    times = next(check for check in verdict.checks if check.check is CheckId.TIME)
    is_dated = times.status is Status.PASS
    if is_dated:
        attested.append(f"the time: {printable(times.message)}")
    asserted = [
        f"that the recorder ran these models: grade {_grades_text(verdict)}",
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


def _grades_text(verdict: Verdict) -> str:
    text = "; ".join(_GRADES[grade] for grade in verdict.binding_grades)
    under = " – under a TEST ROOT, which vouches for nothing"
    return text + under if verdict.is_under_test_root else text
