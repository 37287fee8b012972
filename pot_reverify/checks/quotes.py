"""C10: what binds the transcript to models, enclaves and vendors."""

from collections.abc import Collection
from dataclasses import replace

from pot_reverify.checks.commitments import VendorCommitments, vendor_commitments
from pot_reverify.checks.proven_times import ProvenTimes
from pot_reverify.checks.quote_bindings import GRADE_OF, BoundQuote, judge_quote
from pot_reverify.checks.result import (
    CheckId,
    CheckResult,
    absent,
    from_error,
    passed,
    skipped,
)
from pot_reverify.documents.blob import EXCHANGE_PREFIX, QUOTE_PREFIX, Blob
from pot_reverify.documents.bundle import Bundle
from pot_reverify.documents.evidence_document import EvidenceDocument, parse_evidence_document
from pot_reverify.documents.statement import Statement
from pot_reverify.encoding.digest import format_digest, sha256_digest
from pot_reverify.errors import Indeterminate, PotAuditError, Rejection
from pot_reverify.policy import Grade, Policy

_FROM_QUOTES = frozenset({Grade.RUN_BOUND, Grade.KEY_ATTESTED, Grade.CHANNEL, Grade.VENDOR})


def check_quotes(
    bundle: Bundle, policy: Policy, times: ProvenTimes, weights: tuple[Grade, ...] = ()
) -> CheckResult:
    """Judge every quote, and compare the grades that follow with what is claimed and demanded.

    Args:
        weights: the grades that the check of weights supports.

    Raises:
        Rejection: ``quote.*``, ``evidence.*``, ``commitment.*``, ``countersignature.*``,
            ``signature.*``, and what parsing raises.
        Indeterminate: ``signature.backend-missing``, ``countersignature.unknown-predicate``.
    """
    blobs = [blob for blob in bundle.blobs if blob.name.startswith(QUOTE_PREFIX)]
    statement = bundle.statement
    if statement is None:
        if blobs:
            return skipped(
                CheckId.QUOTES,
                "container.unsealed",
                "The file was never sealed: no signature says which quotes belong to it.",
                needs="a sealed bundle (pot-audit record --resume)",
            )
        return absent(CheckId.QUOTES, "quote.absent", "No quote and no vendor commitment.")
    _require_stated(statement, blobs)
    documents = [parse_evidence_document(blob.data, blob.name) for blob in blobs]
    _require_exchanges_used(bundle, documents)
    vendors = vendor_commitments(bundle, policy, times)
    _require_evidence(statement, documents, vendors)
    found = [
        _judge(bundle, document, blob.name, policy, times)
        for document, blob in zip(documents, blobs, strict=True)
    ]
    return _conclude(found, vendors, policy, weights)


def _judge(
    bundle: Bundle, document: EvidenceDocument, name: str, policy: Policy, times: ProvenTimes
) -> BoundQuote | Indeterminate:
    try:
        return judge_quote(bundle, document, policy, times)
    except Indeterminate as error:
        return Indeterminate(
            error.code, error.message, needs=error.needs, where=_within(name, error)
        )
    except Rejection as error:
        raise Rejection(
            error.code,
            error.message,
            where=_within(name, error),
            expected=error.expected,
            got=error.got,
        ) from error


def _within(name: str, error: PotAuditError) -> str:
    return name if error.where is None else f"{name}, {error.where}"


def _conclude(
    found: list[BoundQuote | Indeterminate],
    vendors: VendorCommitments,
    policy: Policy,
    weights: tuple[Grade, ...],
) -> CheckResult:
    quotes = [one for one in found if isinstance(one, BoundQuote)]
    supported = {one.grade for one in quotes} | ({Grade.VENDOR} if vendors.roles else set())
    unclear = next((one for one in found if isinstance(one, Indeterminate)), None)
    if unclear is not None:
        result = from_error(CheckId.QUOTES, unclear)
    elif not all(one.is_software_named for one in quotes):
        result = skipped(
            CheckId.QUOTES,
            "quote.software-not-named",
            "A quote is genuine, for software that you have not named.",
            needs="the measurements of that software in your trust policy",
        )
    else:
        result = _compare(supported, {*supported, *weights} or {Grade.UNBOUND}, policy)
    return replace(
        result,
        notes=(*(note for one in quotes for note in (one.sentence, *one.notes)), *vendors.notes),
        is_under_test_root=any(one.is_under_test_root for one in quotes),
    )


def _compare(supported: set[Grade], held: set[Grade], policy: Policy) -> CheckResult:
    """The result where nothing is wrong or unclear: the demand is met, or it is not."""
    required = policy.binding.required
    if required and not required & held:
        return skipped(
            CheckId.QUOTES,
            "quote.grade-required",
            f"Your policy demands a binding of grade {_listed(required, ' or ')}.",
            needs=f"evidence of grade {_listed(required, ' or ')}; the bundle supports "
            + _listed(held, ", "),
        )
    if not supported:
        return absent(CheckId.QUOTES, "quote.absent", "No quote and no vendor commitment.")
    grades = tuple(grade for grade in Grade if grade in supported)
    result = passed(CheckId.QUOTES, f"supports grade {_listed(supported, ', ')}")
    return replace(result, grades=grades)


def _listed(grades: Collection[Grade], separator: str) -> str:
    return separator.join(grade.value for grade in Grade if grade in grades)


def _require_stated(statement: Statement, blobs: list[Blob]) -> None:
    digests = tuple(sha256_digest(blob.data) for blob in blobs)
    if digests != statement.quote_digests:
        raise Rejection(
            "quote.digests",
            "The quotes are not those that the statement names, in its order.",
            where="predicate.quote_digests",
            expected=", ".join(map(format_digest, statement.quote_digests)) or "none",
            got=", ".join(map(format_digest, digests)) or "none",
        )


def _require_exchanges_used(bundle: Bundle, documents: list[EvidenceDocument]) -> None:
    named = {name for document in documents for name in document.exchanges}
    for blob in bundle.blobs:
        if blob.name.startswith(EXCHANGE_PREFIX) and blob.name not in named:
            raise Rejection(
                "quote.exchange-blob", "No evidence names these exchanges.", where=blob.name
            )


def _require_evidence(
    statement: Statement, documents: list[EvidenceDocument], vendors: VendorCommitments
) -> None:
    claimed = Grade(statement.binding_grade)
    there = {GRADE_OF[document.binding] for document in documents}
    if vendors.notes:
        there.add(Grade.VENDOR)
    if claimed in _FROM_QUOTES and claimed not in there:
        raise Rejection(
            "quote.grade-without-evidence",
            "A binding grade is claimed, and nothing in the bundle supports it.",
            where="predicate.binding_grade",
            got=statement.binding_grade,
        )
