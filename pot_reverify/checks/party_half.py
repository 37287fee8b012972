"""A party's half: the nonce is signed, for this very precommit, by a key that the reader names."""

from typing import Final

from pot_reverify.checks.half_given import HalfClaimed, HalfGiven, signer_says
from pot_reverify.checks.named_signers import is_expired, require_valid_then, signers_of
from pot_reverify.checks.proven_times import CLOCK_TOLERANCE_NS, ProvenTimes
from pot_reverify.documents.blob import COUNTERPART
from pot_reverify.documents.bundle import Bundle
from pot_reverify.documents.counterpart_document import (
    PAYLOAD_TYPE,
    CounterpartWord,
    SignedWord,
    parse_signed_word,
)
from pot_reverify.documents.precommit import Counterpart, Precommit
from pot_reverify.encoding.digest import format_digest
from pot_reverify.encoding.shown_text import quoted
from pot_reverify.errors import Indeterminate, Rejection
from pot_reverify.policy import NamedSigner, Policy, Role
from pot_reverify.quotes.evidence import format_time
from pot_reverify.seal.dsse import pae

_WHERE: Final = f'blob "{COUNTERPART}"'
_NEEDS_WORD: Final = "a run with the counterpart's own signature (pot-audit counterpart)"
_NEEDS_ROLE: Final = "its key, from a source that you trust, with the role counterpart (--policy)"


def judge_party(
    bundle: Bundle, claimed: HalfClaimed, policy: Policy, times: ProvenTimes
) -> HalfGiven:
    """Judge the word of a party.

    Raises:
        Rejection: ``counterpart.*``, ``signature.*``, and what parsing raises.
        Indeterminate: ``counterpart.*``: only the signer says so; ``signature.backend-missing``.
    """
    counterpart = claimed.counterpart
    blob = bundle.blob(COUNTERPART)
    if blob is None:
        why = "nothing shows it"
        raise signer_says(counterpart, "counterpart.not-signed", why, needs=_NEEDS_WORD)
    signed = parse_signed_word(blob.data, _WHERE)
    require_word_for(signed, counterpart, bundle.head.precommit.digest, claimed.nonce, _WHERE)
    require_between(signed.word, claimed.precommit, bundle)
    message = pae(PAYLOAD_TYPE, signed.payload)
    named = signers_of(message, signed.signatures, policy, _WHERE)
    if not named:
        keys = ", ".join(one.key_id for one in signed.signatures)
        why = f"a key that you have not named signed, {keys}"
        raise signer_says(counterpart, "counterpart.not-named", why, needs=_NEEDS_ROLE)
    for signer in named:
        require_valid_then(signer, signed.word.created_ns, times, _WHERE)
    reasons = [_why_not(one, counterpart, bundle, policy, times) for one in named]
    if None not in reasons:
        raise next(one for one in reasons if one is not None)
    names = dict.fromkeys(
        signer.name for signer, reason in zip(named, reasons, strict=True) if reason is None
    )
    return HalfGiven(
        f"challenges chosen by the recorder and {' and '.join(names)}, who signed half of the "
        f"randomness for this precommit ({quoted(counterpart.name)} in the precommit)",
        None,
    )


def require_word_for(
    signed: SignedWord,
    counterpart: Counterpart,
    precommit_digest: bytes,
    nonce: bytes | None,
    where: str,
) -> None:
    """The word is about this precommit and nonce, and by the key that the precommit names.

    Args:
        nonce: None where it is not yet known elsewhere.

    Raises:
        Rejection: ``counterpart.other-precommit``, ``counterpart.other-nonce``,
            ``counterpart.other-key``.
    """
    word = signed.word
    if word.precommit_digest != precommit_digest:
        raise Rejection(
            "counterpart.other-precommit",
            "The counterpart gave its nonce for another precommit.",
            where=where,
            expected=format_digest(precommit_digest),
            got=format_digest(word.precommit_digest),
        )
    if nonce is not None and word.nonce != nonce:
        raise Rejection(
            "counterpart.other-nonce",
            "The challenges were not derived from the nonce that the counterpart signed.",
            where=where,
            expected=word.nonce.hex(),
            got=nonce.hex(),
        )
    key_ids = [one.key_id for one in signed.signatures]
    if counterpart.key_id is not None and counterpart.key_id not in key_ids:
        raise Rejection(
            "counterpart.other-key",
            "The precommit promises another key of the counterpart.",
            where=where,
            expected=counterpart.key_id,
            got=", ".join(key_ids),
        )


def require_between(word: CounterpartWord, precommit: Precommit, bundle: Bundle) -> None:
    """By its own clock the counterpart came after the precommit and before challenge 1.

    Two clocks are compared, so that each may be wrong by `CLOCK_TOLERANCE_NS` at most.

    Raises:
        Rejection: ``counterpart.early``, ``counterpart.late``.
    """
    require_after(word, precommit, _WHERE)
    started_ns = bundle.challenges[0].started_ns if bundle.challenges else None
    if started_ns is not None and word.created_ns > started_ns + CLOCK_TOLERANCE_NS:
        raise Rejection(
            "counterpart.late",
            "The counterpart says that it gave its nonce when the run had already begun.",
            where=_WHERE,
            expected=f"not after {format_time(started_ns)}, the start of challenge 1",
            got=format_time(word.created_ns),
        )


def require_after(word: CounterpartWord, precommit: Precommit, where: str) -> None:
    """By its own clock the counterpart came after the precommit.

    Raises:
        Rejection: ``counterpart.early``.
    """
    if word.created_ns < precommit.created_ns - CLOCK_TOLERANCE_NS:
        raise Rejection(
            "counterpart.early",
            "The counterpart says that it gave its nonce before there was a precommit.",
            where=where,
            expected=f"not before {format_time(precommit.created_ns)}",
            got=format_time(word.created_ns),
        )


def _why_not(
    signer: NamedSigner,
    counterpart: Counterpart,
    bundle: Bundle,
    policy: Policy,
    times: ProvenTimes,
) -> Indeterminate | None:
    """Why the signature of a named key does not count as a counterpart's; None: it does."""
    if Role.COUNTERPART not in signer.roles:
        why = f"{signer.name} signed, and is no counterpart to you"
        return signer_says(counterpart, "counterpart.role", why, needs=_NEEDS_ROLE)
    if counterpart.key_id not in (None, signer.key.key_id):
        why = f"{signer.name} signed, and the precommit promises the key {counterpart.key_id}"
        return signer_says(counterpart, "counterpart.not-named", why, needs=_NEEDS_ROLE)
    if _is_recorder(signer, bundle, policy):
        why = f"{signer.name} signed, and is the recorder"
        return signer_says(counterpart, "counterpart.is-recorder", why, needs=_NEEDS_WORD)
    if is_expired(signer, times.evaluation_ns):
        why = f"the key of {signer.name} has expired, and nothing proves that it signed before"
        needs = "a time-stamp of the statement from before the key's end (pot-audit timestamp)"
        return signer_says(counterpart, "counterpart.key-expired", why, needs=needs)
    return None


def _is_recorder(signer: NamedSigner, bundle: Bundle, policy: Policy) -> bool:
    """Whether key or owner also made the promise or sealed the run; keys go by their digests.

    Signatures that others added to the statement later do not make them recorders.
    """
    key_ids = {one.key_id for one in bundle.head.precommit.signatures}
    if bundle.statement is not None:
        key_ids |= {one.key_id for one in bundle.statement.signers}
    owners = {one.name for one in policy.signers if one.key.key_id in key_ids}
    return signer.key.key_id in key_ids or signer.name in owners
