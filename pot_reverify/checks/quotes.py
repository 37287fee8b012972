"""C10: what binds the transcript to models, enclaves and vendors."""

from collections.abc import Collection
from collections.abc import Set as AbstractSet
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
from pot_reverify.policy import Grade, HeldGrade, ModelRole, Policy

_FROM_QUOTES = frozenset({Grade.RUN_BOUND, Grade.KEY_ATTESTED, Grade.CHANNEL, Grade.VENDOR})


def check_quotes(
    bundle: Bundle, policy: Policy, times: ProvenTimes, weights: tuple[HeldGrade, ...] = ()
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
    return _conclude(found, vendors, policy, weights, Grade(statement.binding_grade))


def _judge(
    bundle: Bundle, document: EvidenceDocument, name: str, policy: Policy, times: ProvenTimes
) -> BoundQuote | Indeterminate:
    try:
        found = judge_quote(bundle, document, policy, times)
    except Indeterminate as error:
        return _placed(error, name)
    except Rejection as error:
        if error.code == "quote.not-yet-valid" and times.statement is None:
            # At a time that nobody proves: the reader asks too early, or has a clock that is wrong.
            needs = f"a time of judgement {error.expected}"
            return _placed(
                Indeterminate(error.code, error.message, needs=needs, where=error.where), name
            )
        raise Rejection(
            error.code,
            error.message,
            where=_within(name, error),
            expected=error.expected,
            got=error.got,
        ) from error
    not_fresh = found.not_fresh
    return found if not_fresh is None else replace(found, not_fresh=_placed(not_fresh, name))


def _placed(error: Indeterminate, name: str) -> Indeterminate:
    return Indeterminate(error.code, error.message, needs=error.needs, where=_within(name, error))


def _within(name: str, error: PotAuditError) -> str:
    return name if error.where is None else f"{name}, {error.where}"


def _conclude(
    found: list[BoundQuote | Indeterminate],
    vendors: VendorCommitments,
    policy: Policy,
    weights: tuple[HeldGrade, ...],
    claimed: Grade,
) -> CheckResult:
    quotes = [one for one in found if isinstance(one, BoundQuote)]
    supported = {HeldGrade(model, Grade.VENDOR) for model in vendors.models}
    supported |= {held for one in quotes if one.not_fresh is None for held in one.grades}
    unclear = next((one for one in found if isinstance(one, Indeterminate)), None)
    notes = (*(note for one in quotes for note in (one.sentence, *one.notes)), *vendors.notes)
    not_fresh = _missed_freshness(quotes, supported, {*supported, *weights}, policy, claimed)
    if unclear is not None:
        result = from_error(CheckId.QUOTES, unclear)
    elif not_fresh is not None:
        result = not_fresh
    elif not all(one.is_software_named for one in quotes):
        result = skipped(
            CheckId.QUOTES,
            "quote.software-not-named",
            "A quote is genuine, for software that you have not named.",
            needs="the measurements of that software in your trust policy",
        )
    else:
        result = _compare(supported, {*supported, *weights}, policy, has_notes=bool(notes))
    return replace(
        result,
        notes=notes,
        is_under_test_root=any(one.is_under_test_root for one in quotes),
    )


def _missed_freshness(
    quotes: list[BoundQuote],
    supported: AbstractSet[HeldGrade],
    held: AbstractSet[HeldGrade],
    policy: Policy,
    claimed: Grade,
) -> CheckResult | None:
    """A quote that is not fresh gives no grade: does a claim or a demand rest on it?"""
    missing = policy.binding.missing(held)
    for one in quotes:
        if one.not_fresh is None:
            continue
        is_claimed = any(grade.grade is claimed for grade in one.grades) and not any(
            grade.grade is claimed for grade in supported
        )
        is_demanded = missing is not None and any(
            grade.model is missing[0] and grade.grade in missing[1] for grade in one.grades
        )
        if is_claimed or is_demanded:
            return from_error(CheckId.QUOTES, one.not_fresh)
    return None


def _compare(
    supported: AbstractSet[HeldGrade],
    held: AbstractSet[HeldGrade],
    policy: Policy,
    *,
    has_notes: bool,
) -> CheckResult:
    """The result where nothing is wrong or unclear: the demand is met, or it is not."""
    missing = policy.binding.missing(held)
    if missing is not None:
        model, wanted = missing
        return skipped(
            CheckId.QUOTES,
            "quote.grade-required",
            f"Your policy demands a binding of grade {_listed(wanted, ' or ')} for the {model}.",
            needs=f"evidence of grade {_listed(wanted, ' or ')} for the {model}; the bundle "
            f"supports {_by_model(held)}",
        )
    if not supported:
        that_counts = " that counts" if has_notes else ""
        return absent(
            CheckId.QUOTES, "quote.absent", f"No quote and no vendor commitment{that_counts}."
        )
    grades = tuple(
        HeldGrade(model, grade)
        for model in ModelRole
        for grade in Grade
        if HeldGrade(model, grade) in supported
    )
    result = passed(CheckId.QUOTES, f"supports {_by_model(supported)}")
    return replace(result, grades=grades)


def _by_model(held: AbstractSet[HeldGrade]) -> str:
    """Such as "grade A for both models", or what each has."""
    texts = {
        model: _listed({one.grade for one in held if one.model is model} or {Grade.UNBOUND}, ", ")
        for model in ModelRole
    }
    reference, candidate = texts.values()
    if reference == candidate:
        return f"grade {reference} for both models"
    return ", ".join(f"grade {text} for the {model}" for model, text in texts.items())


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
