"""``pot-audit reverify``: check a bundle with nothing but the bundle."""

import os
import sys
from collections.abc import Sequence
from pathlib import Path

import click

from pot_audit.expectation import EXIT_NOT_EXPECTED, why_not_as_expected
from pot_audit.lines import say, say_json, tell
from pot_audit.policy_options import (
    DEFAULT_MAX_ATTEMPTS,
    TimeParameter,
    chosen_policy,
    policy_option,
    signer_option,
)
from pot_audit.screen import printable, styled, verdict_lines
from pot_audit.weights_comparison import compare_weights, exit_code_with, hash_folder
from pot_reverify.checks.result import CheckResult, Status
from pot_reverify.encoding.shown_text import shown_path
from pot_reverify.errors import Rejection
from pot_reverify.proof.external import verify_with_binary
from pot_reverify.proof.verify import ProofClaim, check_proofs
from pot_reverify.quotes.evidence import format_time
from pot_reverify.verdict import Verdict
from pot_reverify.verify import verify_many

EXIT_BUG = 70
PROGRAM_VARIABLE = "POT_HALO2"


@click.command(
    name="reverify",
    short_help="Check a bundle: no models, no network.",
    epilog="Example: pot-audit reverify bundle.potb --signer acme.pub --expect same",
)
@click.argument(
    "bundles", metavar="BUNDLE...", nargs=-1, required=True, type=click.Path(path_type=Path)
)
@signer_option
@policy_option
@click.option(
    "--at",
    "at_ns",
    type=TimeParameter(),
    metavar="TIME",
    help="Judge keys, tokens and quotes at this time instead of now: a date or an RFC 3339 time.",
)
@click.option(
    "--weights",
    multiple=True,
    metavar="[reference=|candidate=]DIR",
    help="Also compare a folder's weights with the bundle's; may be repeated.",
)
@click.option(
    "--expect",
    type=click.Choice(["same", "different", "undecided"]),
    help="Exit with 4 if the bundle is VERIFIED and the decision is another one, or by a custom "
    "rule that --preset does not name.",
)
@click.option(
    "--preset",
    "presets",
    multiple=True,
    type=click.Choice(["quick", "audit", "extended", "custom"]),
    help="Accept only this preset; may be repeated.",
)
@click.option(
    "--max-attempts",
    type=click.IntRange(1, 32),
    help=f"Reject a later attempt at the same claim.  [default: {DEFAULT_MAX_ATTEMPTS}]",
)
@click.option(
    "--allow-withheld",
    is_flag=True,
    help="Let scores whose contents are withheld rest on the signature alone, or on a proof.",
)
@click.option(
    "--fast-proofs",
    is_flag=True,
    help="Verify proofs with the program pot-halo2 ($POT_HALO2, or on the PATH), not in Python.",
)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object, failures too.")
def command(
    *,
    bundles: tuple[Path, ...],
    signers: tuple[Path, ...],
    policy_file: Path | None,
    at_ns: int | None,
    weights: tuple[str, ...],
    expect: str | None,
    presets: tuple[str, ...],
    max_attempts: int | None,
    allow_withheld: bool,
    fast_proofs: bool,
    as_json: bool,
) -> None:
    """Recompute every score and the decision of BUNDLE, and check who signed it.

    BUNDLE may be - for standard input; the pipe of a shell's <(…) is read, too. Every file gets its
    verdict, whatever the others are.

    The proofs of several bundles are verified together, which is faster than one by one. Exit
    codes: 0 VERIFIED, 1 REJECTED or other weights, 2 UNREADABLE, 3 INCOMPLETE, 4 not what --expect
    demands, 70 a bug of ours; of several bundles, 70 or the first of 1, 2, 3, 4 that occurs.
    """
    policy = chosen_policy(
        policy_file, signers, presets, max_attempts, allow_withheld=allow_withheld
    )
    folders = [hash_folder(option) for option in weights]
    verdicts = verify_many(
        bundles, policy, at_ns=at_ns, verify_proofs=_by_program if fast_proofs else check_proofs
    )
    compared = [[compare_weights(one.bundle, folder) for folder in folders] for one in verdicts]
    unmet = [why_not_as_expected(verdict, expect) for verdict in verdicts]
    exit_codes = [
        exit_code_with(comparisons, _exit_code(verdict, why_not))
        for verdict, comparisons, why_not in zip(verdicts, compared, unmet, strict=True)
    ]
    for path, verdict in zip(bundles, verdicts, strict=True):
        _report(path, verdict)
    if as_json:
        documents = [
            {
                **verdict.to_document(),
                **_error_document(verdict),
                "exit_code": exit_code,
                "expected": expect,
                "why_not_as_expected": why_not,
                "weights": [one.to_document() for one in comparisons],
            }
            for verdict, exit_code, why_not, comparisons in zip(
                verdicts, exit_codes, unmet, compared, strict=True
            )
        ]
        named = [
            {"path": str(path), **document}
            for path, document in zip(bundles, documents, strict=True)
        ]
        whole = {"bundles": named, "exit_code": _worst(exit_codes)}
        document = documents[0] if len(documents) == 1 else whole
        say_json(document, indent=2)
        sys.exit(_worst(exit_codes))
    for number, (path, verdict) in enumerate(zip(bundles, verdicts, strict=True)):
        if len(bundles) > 1:
            say(shown_path(path))
        say(*verdict_lines(verdict))
        if at_ns is not None:
            say(f"judged at {format_time(at_ns)}, as --at says")
        for one in compared[number]:
            say(styled(printable(one.line), Status.PASS if one.equal else Status.FAIL))
        if len(bundles) > 1:
            say("")
        if unmet[number] is not None:
            tell(f"error: {unmet[number]}")
    sys.exit(_worst(exit_codes))


def _report(path: Path, verdict: Verdict) -> None:
    """What scripts and people look for beside the verdict: no file, or a mistake of ours."""
    failure = _no_file(verdict)
    if failure is not None:
        tell(f"error: {shown_path(path)}: {printable(failure.message)}")
    if verdict.bug is not None:
        tell(f"error: {shown_path(path)}: a bug in pot-audit; please report it")
        sys.excepthook(type(verdict.bug), verdict.bug, verdict.bug.__traceback__)


def _no_file(verdict: Verdict) -> CheckResult | None:
    """Why there was nothing to read, if that is why."""
    first = verdict.checks[0]
    return first if first.code.startswith("file.") else None


def _error_document(verdict: Verdict) -> dict[str, object]:
    failure = _no_file(verdict)
    if failure is None:
        return {}
    return {"error": {"code": failure.code, "message": failure.message, "hint": None}}


def _exit_code(verdict: Verdict, why_not: str | None) -> int:
    if verdict.bug is not None:
        return EXIT_BUG
    return verdict.word.exit_code if why_not is None else EXIT_NOT_EXPECTED


def _worst(exit_codes: list[int]) -> int:
    """Failures stand in the order of their codes; 0 is success, and a bug of ours outranks all."""
    return (
        EXIT_BUG
        if EXIT_BUG in exit_codes
        else min((code for code in exit_codes if code), default=0)
    )


def _by_program(claims: Sequence[ProofClaim]) -> list[Rejection | None]:
    program = os.environ.get(PROGRAM_VARIABLE)
    return verify_with_binary(claims, None if program is None else Path(program))
