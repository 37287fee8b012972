"""``pot-audit quote``: what a quote is, what it says, and whether it is genuine at a time."""

import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path

import click

from pot_audit.lines import say, say_json
from pot_audit.screen import printable
from pot_reverify.encoding.shown_text import shown_fact, shown_path
from pot_reverify.errors import Indeterminate, PotAuditError, Rejection
from pot_reverify.input_files import read_file
from pot_reverify.policy.toml_file import load_policy
from pot_reverify.quotes.dcap_layout import parse_quote
from pot_reverify.quotes.evidence import (
    QuoteAppraisal,
    QuoteEvidence,
    QuoteKind,
    QuotePolicy,
)
from pot_reverify.quotes.evidence import time_ns as to_ns
from pot_reverify.quotes.roots import PINNED_ROOTS
from pot_reverify.quotes.test_roots import is_under_test_root
from pot_reverify.quotes.verify import verify_quote
from pot_reverify.quotes.wire_forms import MAX_EVIDENCE_FILE_BYTES, read_evidence, split_der
from pot_reverify.quotes.words import (
    NOT_JUDGED,
    appraisal_document,
    appraisal_lines,
    genuineness,
    time_sentences,
)

EXIT_GENUINE, EXIT_REJECTED, EXIT_UNUSABLE, EXIT_COULD_NOT_TELL = range(4)
_WORSE_FIRST = (EXIT_REJECTED, EXIT_UNUSABLE, EXIT_COULD_NOT_TELL, EXIT_GENUINE)
_WORDS = ("GENUINE", "REJECTED", "UNUSABLE", "COULD NOT TELL")
_FILE = click.Path(exists=True, dir_okay=False, path_type=Path)


@dataclass(frozen=True, slots=True)
class _Result:
    """Of one file: an appraisal, or the finding that stands in its place."""

    file: Path
    kind: QuoteKind | None
    found: QuoteAppraisal | PotAuditError
    unverified: Mapping[str, str] = field(default_factory=dict)
    """What a quote says that could not be judged, for whoever writes a policy."""

    @property
    def exit_code(self) -> int:
        if isinstance(self.found, QuoteAppraisal):
            return EXIT_GENUINE
        if isinstance(self.found, Indeterminate):
            return EXIT_COULD_NOT_TELL
        return EXIT_UNUSABLE if self.kind is None else EXIT_REJECTED


class _Moment(click.ParamType[datetime]):
    name = "time"

    def convert(
        self, value: str, param: click.Parameter | None, ctx: click.Context | None
    ) -> datetime:
        try:
            moment = datetime.fromisoformat(value)
        except ValueError:
            self.fail(f"{value!r} is not a time such as 2026-01-31T12:00:00Z", param, ctx)
        return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


@click.command(
    name="quote",
    short_help="Read a TEE's quote and judge whether it is genuine.",
    epilog="Example: pot-audit quote td.quote --collateral td.json --at 2026-01-04T00:00:00Z",
)
@click.argument("files", nargs=-1, required=True, type=_FILE)
@click.option("--collateral", type=_FILE, help="JSON: Intel's collateral, or NVIDIA's JWKS.")
@click.option(
    "--certificates",
    multiple=True,
    type=_FILE,
    help="PEM or DER, the signing key's certificate first; may be repeated.",
)
@click.option("--crl", "crls", multiple=True, type=_FILE, help="PEM or DER; may be repeated.")
@click.option("--at", "moment", type=_Moment(), help="Judge at this time (RFC 3339); now without.")
@click.option(
    "--root",
    "roots",
    multiple=True,
    type=_FILE,
    help="Accept this root (PEM or DER) in place of the vendors' pinned ones; may be repeated.",
)
@click.option(
    "--policy",
    "policy_file",
    type=_FILE,
    help="Trust policy (TOML): its [binding] names software, roots and minimum firmware.",
)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object, failures too.")
def command(
    *,
    files: tuple[Path, ...],
    collateral: Path | None,
    certificates: tuple[Path, ...],
    crls: tuple[Path, ...],
    moment: datetime | None,
    roots: tuple[Path, ...],
    policy_file: Path | None,
    as_json: bool,
) -> None:
    """Read FILES (raw, hex, base64, PEM or a vendor's JSON) and judge each, offline.

    Evidence of Intel, AMD and NVIDIA states no time: whoever chooses the time chooses the verdict.
    Exit codes: 0 genuine, 1 rejected, 2 not evidence that is read here, 3 could not tell.
    """
    at_ns = time.time_ns() if moment is None else to_ns(moment)
    policy = QuotePolicy() if policy_file is None else load_policy(policy_file).binding.quotes
    if roots:
        named = tuple(der for path in roots for der in split_der(read_file(path)))
        policy = replace(policy, roots=dict.fromkeys(PINNED_ROOTS, named))
    parts = (
        read_file(collateral) if collateral else b"",
        [read_file(path) for path in certificates],
        [read_file(path) for path in crls],
    )
    results = [_judge(path, parts, at_ns, policy) for path in files]
    exit_code = min((one.exit_code for one in results), key=_WORSE_FIRST.index)
    if as_json:
        document = {"results": [_document(one) for one in results], "exit_code": exit_code}
        say_json(document, indent=2)
    else:
        chosen_by = "your now" if moment is None else "chosen by --at; nothing proves it"
        for number, one in enumerate(results):
            say(*([""] if number else []), *_lines(one, chosen_by))
    sys.exit(exit_code)


def _judge(
    path: Path, parts: tuple[bytes, list[bytes], list[bytes]], at_ns: int, policy: QuotePolicy
) -> _Result:
    try:
        evidence: QuoteEvidence = read_evidence(read_file(path, MAX_EVIDENCE_FILE_BYTES), *parts)
    except Rejection as error:
        return _Result(path, None, error)
    try:
        return _Result(path, evidence.kind, verify_quote(evidence, at_ns=at_ns, policy=policy))
    except Indeterminate as error:
        return _Result(path, evidence.kind, error, _unverified(evidence))
    except Rejection as error:
        return _Result(path, evidence.kind, error)


def _unverified(evidence: QuoteEvidence) -> dict[str, str]:
    """The registers of an Intel quote as they stand there; its layout needs no library."""
    if evidence.kind not in (QuoteKind.SGX, QuoteKind.TDX):
        return {}
    quote = parse_quote(evidence.data)
    return {
        **{name: value.hex() for name, value in sorted(quote.registers.items())},
        "report_data": quote.report_data.hex(),
    }


def _document(result: _Result) -> dict[str, object]:
    found = result.found
    document: dict[str, object] = {
        "file": str(result.file),
        "kind": None if result.kind is None else result.kind.value,
        "result": _WORDS[result.exit_code].lower().replace(" ", "-"),
    }
    if isinstance(found, QuoteAppraisal):
        return {**document, "sentence": genuineness(found), "appraisal": appraisal_document(found)}
    needs = found.needs if isinstance(found, Indeterminate) else None
    return {
        **document,
        "code": found.code,
        "message": found.message,
        "where": found.where,
        "expected": found.expected,
        "got": found.got,
        "needs": needs,
        "unverified": dict(result.unverified),
    }


def _lines(result: _Result, chosen_by: str) -> list[str]:
    kind = "not evidence that is read here" if result.kind is None else result.kind.value
    word, found = _WORDS[result.exit_code], result.found
    lines = [f"{shown_path(result.file)}: {kind}"]
    if isinstance(found, QuoteAppraisal):
        test = "  TEST ROOT: it vouches for nothing" if is_under_test_root(found) else ""
        lines += appraisal_lines(found)
        lines += [f"  {sentence}" for sentence in time_sentences(found, chosen_by)]
        lines += [f"  not judged: {NOT_JUDGED.get(one, one)}" for one in found.not_judged]
        return [*lines, f"{word}  {printable(genuineness(found))}{test}"]
    if result.unverified:
        lines.append("  it says, and nothing of it is verified:")
        lines += [f"    {name:<20} {value}" for name, value in result.unverified.items()]
    lines += [
        f"  {name} {shown_fact(value)}"
        for name, value in (
            ("at", found.where),
            ("expected", found.expected),
            ("got", found.got),
            ("needs", found.needs if isinstance(found, Indeterminate) else None),
        )
        if value
    ]
    return [*lines, f"{word}  {printable(found.message)} [{found.code}]"]
