"""Whether a quote is of this run, or may be of any time, and whether its own time can be true.

A quote that attests a channel's key is good for whoever has that document: years later anybody can
paste it into a run. What keeps it to this one is the run's nonce, which nobody knew before the
precommit was fixed, or a proof that the bundle was sealed while the document was alive.
"""

from hmac import compare_digest
from typing import Final

from pot_reverify.checks.proven_times import CLOCK_TOLERANCE_NS, ProvenTimes
from pot_reverify.documents.bundle import Bundle
from pot_reverify.documents.evidence_document import Binding
from pot_reverify.documents.precommit import parse_precommit
from pot_reverify.errors import Indeterminate, Rejection
from pot_reverify.quotes.evidence import QuoteAppraisal, QuoteKind, format_time

_STATES_ITS_TIME: Final = frozenset({QuoteKind.NITRO})
"""Kinds whose documents state when they were made, and end by themselves (a leaf of 3 hours)."""


def answers_run(appraisal: QuoteAppraisal, precommit_digest: bytes) -> bool:
    """Whether the TEE put the run's nonce into the quote: the SHA-256 of the precommit's payload.

    It is the nonce of the vendors' forms, the ``nonce`` or ``user_data`` of a Nitro document, or
    the second half of the report_data of a report whose first half is the channel's key.
    """
    bindings = appraisal.bindings
    if "nonce" in bindings and compare_digest(bindings["nonce"], precommit_digest):
        return True
    found = (bindings.get("user_data", b""), bindings.get("report_data", b"")[32:])
    return any(compare_digest(one, precommit_digest) for one in found)


def why_not_fresh(
    bundle: Bundle, binding: Binding, appraisal: QuoteAppraisal, times: ProvenTimes
) -> Indeterminate | None:
    """Why a genuine quote may have been made for anything, at any time; None where it was not.

    A quote of the run commits to the precommit, and an attested key has answered its nonce. Only
    that of a channel can do without. Then the sealed statement must be proven to have existed
    before the document's own end; that the run did not end before the document was made is
    `require_possible`'s. Kinds that state no time have no life of their own.
    """
    if binding is not Binding.CHANNEL or answers_run(appraisal, bundle.head.precommit.digest):
        return None
    sealed = times.statement
    if (
        appraisal.kind in _STATES_ITS_TIME
        and sealed is not None
        and sealed.latest_ns <= appraisal.window.not_after_ns
    ):
        return None
    needs = "a quote that answers the run's nonce (pot-audit attach)"
    if appraisal.kind in _STATES_ITS_TIME:
        needs += (
            ", or a proof that the bundle was sealed by "
            f"{format_time(appraisal.window.not_after_ns)}"
        )
    return Indeterminate(
        "quote.not-fresh",
        "the quote does not answer this run's nonce, and may be of any time",
        needs=needs,
    )


def require_possible(bundle: Bundle, binding: Binding, appraisal: QuoteAppraisal) -> None:
    """A time that a document states fits what the signer says: after the promise, before the seal.

    Raises:
        Rejection: ``quote.after-seal``, ``quote.before-precommit``.
    """
    if appraisal.kind not in _STATES_ITS_TIME or bundle.statement is None:
        return
    stated_ns, ended_ns = appraisal.evaluated_at_ns, bundle.statement.ended_ns
    if stated_ns > ended_ns + CLOCK_TOLERANCE_NS:
        raise Rejection(
            "quote.after-seal",
            "the bundle holds a document that was made after it was sealed",
            expected=f"at or before {format_time(ended_ns)}, as the signer says",
            got=format_time(stated_ns),
        )
    precommit = bundle.head.precommit
    made_ns = parse_precommit(precommit.payload).created_ns
    knows_run = binding is Binding.RUN or answers_run(appraisal, precommit.digest)
    if knows_run and stated_ns < made_ns - CLOCK_TOLERANCE_NS:
        raise Rejection(
            "quote.before-precommit",
            "the document answers a precommit that was made after it",
            expected=f"at or after {format_time(made_ns)}, as the signer says",
            got=format_time(stated_ns),
        )
