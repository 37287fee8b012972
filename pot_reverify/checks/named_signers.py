"""Which of the signers that the reader names made a signature, and whether the key was valid."""

from collections.abc import Iterable

from pot_reverify.checks.proven_times import CLOCK_TOLERANCE_NS, ProvenTimes
from pot_reverify.documents.signed_bytes import Signature
from pot_reverify.errors import Indeterminate, Rejection
from pot_reverify.policy import NamedSigner, Policy
from pot_reverify.quotes.evidence import format_time
from pot_reverify.seal.signatures import verify_signature


def signers_of(
    message: bytes, signatures: Iterable[Signature], policy: Policy, where: str
) -> list[NamedSigner]:
    """The named signers of a document, in the order of their signatures.

    Raises:
        Rejection: ``signature.*``: a signature that claims a named key does not hold, or a key
            signed twice.
        Indeterminate: ``signature.backend-missing``.
    """
    signers: list[NamedSigner] = []
    for number, signature in enumerate(signatures):
        place = f"{where} signature {number + 1}"
        signer = signer_of(
            message,
            signature.signature,
            signature.key_id,
            policy,
            place,
            algorithm=signature.algorithm,
        )
        if signer is None:
            continue
        if signer in signers:
            raise Rejection(
                "signature.repeated-signer", "One key signed twice.", where=where, got=signer.name
            )
        signers.append(signer)
    return signers


def signer_of(
    message: bytes,
    signature: bytes,
    key_id: str,
    policy: Policy,
    where: str,
    *,
    algorithm: str | None = None,
) -> NamedSigner | None:
    """The named signer whose key verifies; None if the signature claims no named key.

    Args:
        key_id: as the file labels the signature.
        algorithm: as the file labels it; None where this form has no such label.

    Raises:
        Rejection: ``signature.*``.
        Indeterminate: ``signature.backend-missing``.
    """
    for signer in policy.signers:
        claims_this_key = key_id == signer.key.key_id
        try:
            verify_signature(signer.key, message, signature)
        except Rejection as error:
            if claims_this_key:
                raise Rejection(
                    error.code,
                    f"The signature by {signer.name} does not hold: {error.message}",
                    where=where,
                ) from error
            continue
        own = signer.key.algorithm.value
        if not claims_this_key or algorithm not in (None, own):
            raise Rejection(
                "signature.label-lies",
                "The signature is by another key or algorithm than its label says.",
                where=where,
                expected=f"{own} {signer.key.key_id}",
                got=f"{algorithm or own} {key_id}",
            )
        return signer
    return None


def require_valid_when_stated(signer: NamedSigner, asserted_ns: int, where: str) -> None:
    """The key was valid when the document says that it was made.

    Args:
        asserted_ns: when the signed document says that it was made.

    Raises:
        Rejection: ``signature.key-outside-validity``.
    """
    before, after = signer.not_before_ns, signer.not_after_ns
    if (before is not None and asserted_ns < before) or (after is not None and asserted_ns > after):
        raise Rejection(
            "signature.key-outside-validity",
            f"You do not accept {signer.name}'s key for the time that the document states.",
            where=where,
            expected=validity_text(signer),
            got=format_time(asserted_ns),
        )


def require_valid_then(
    signer: NamedSigner, asserted_ns: int, times: ProvenTimes, where: str
) -> None:
    """The key was valid when the document says that it was made, and is valid by the proven time.

    Args:
        asserted_ns: when the signed document says that it was made.

    Raises:
        Rejection: ``signature.key-outside-validity``, ``signature.key-not-yet-valid``.
    """
    require_valid_when_stated(signer, asserted_ns, where)
    if is_early(signer, times.evaluation_ns):
        raise Rejection(
            "signature.key-not-yet-valid",
            f"{signer.name}'s key is not valid yet.",
            where=where,
            expected=validity_text(signer),
            got=format_time(times.evaluation_ns),
        )


def require_not_expired(signer: NamedSigner, times: ProvenTimes, where: str) -> None:
    """The key has not expired, or the signature is proven to be older than its end.

    Raises:
        Indeterminate: ``signature.key-expired``.
    """
    if is_expired(signer, times.evaluation_ns):
        end = format_time(signer.not_after_ns or 0)
        raise Indeterminate(
            "signature.key-expired",
            f"{signer.name}'s key has expired, and nothing proves that it signed before its end.",
            needs=f"a time-stamp of the statement from before {end} (pot-audit timestamp)",
            where=where,
        )


def why_it_does_not_count(
    signer: NamedSigner, stated_ns: int, ended_ns: int, times: ProvenTimes
) -> str | None:
    """Why something that was attached later counts for nothing at the reader's now; None: it does.

    The time of the seal proves nothing of it, so its key is judged now. A reader may judge at a
    time before it was there: so nothing is wrong where its key was not valid yet.

    Args:
        stated_ns: when it says that it was made.
        ended_ns: when the signer of the statement that it is about says that this was sealed.
    """
    if is_expired(signer, times.now_ns):
        return "the key has expired since, so it does not count"
    if is_early(signer, times.now_ns):
        return "the key is not valid yet, so it does not count"
    if stated_ns > times.now_ns + CLOCK_TOLERANCE_NS:
        return "from after the time at which you judge, so it does not count"
    if stated_ns < ended_ns - CLOCK_TOLERANCE_NS:
        return "from before the run had ended, so it does not count"
    return None


def is_expired(signer: NamedSigner, at_ns: int) -> bool:
    """Whether the key's time is over."""
    return signer.not_after_ns is not None and at_ns > signer.not_after_ns


def is_early(signer: NamedSigner, at_ns: int) -> bool:
    """Whether the key's time has not begun."""
    return signer.not_before_ns is not None and at_ns < signer.not_before_ns


def validity_text(signer: NamedSigner) -> str:
    """The key's validity in words."""
    parts = [
        f"{word} {format_time(limit)}"
        for word, limit in (("from", signer.not_before_ns), ("to", signer.not_after_ns))
        if limit is not None
    ]
    return " ".join(parts) or "always"
