"""The time-stamp tokens of a bundle: what each is over, by whom, and until when it proves that.

A token is over the raw bytes of a signature, of the statement or of the precommit, or over an
earlier token. Signatures by keys that the reader has not named carry nothing: anybody can add bytes
that were stamped long ago and call them a signature.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from pot_reverify.documents import precommit, statement
from pot_reverify.documents.blob import TIME_PREFIX
from pot_reverify.documents.bundle import Bundle
from pot_reverify.documents.signed_bytes import Signature
from pot_reverify.errors import Indeterminate, Rejection
from pot_reverify.policy import Policy
from pot_reverify.seal.dsse import pae
from pot_reverify.seal.public_keys import Algorithm
from pot_reverify.seal.signatures import verify_signature
from pot_reverify.timestamps.token import MEDIA_TYPE, Token, parse_token
from pot_reverify.timestamps.verify import TimeStamp, TokenVerifier

_MAX_TOKENS: Final = 64
MAX_ACCURACY_NS: Final = 3600 * 10**9
"""An hour: ETSI EN 319 421 asks an authority for a second. A clock that knows less is none."""


class Subject(StrEnum):
    """What a token is over."""

    STATEMENT = "the statement"
    PRECOMMIT = "the precommit"
    TOKEN = "an earlier token"  # noqa: S105  no password


@dataclass(frozen=True, slots=True)
class BundleToken:
    """One token of a bundle.

    Args:
        token: what was read.
        subject: what it is over.
        signer: key id of the named signer whose signature is stamped and holds; None for tokens
            over tokens, and over signatures by nobody named.
        renews: which earlier token it is over, by its place.
        stamp: what it proves; None if the reader has not named the authority.
        authority: why there is no stamp.
        is_in_tree: whether the recorder had it before sealing.
    """

    token: Token
    subject: Subject
    signer: str | None
    renews: int | None
    stamp: TimeStamp | None
    authority: str | None
    is_in_tree: bool

    @property
    def is_too_imprecise(self) -> bool:
        """Whether the token says of itself that its time may be off by more than an hour."""
        return self.token.accuracy_ns > MAX_ACCURACY_NS

    @property
    def earliest_ns(self) -> int:
        """The token was made no earlier."""
        return self.token.gen_time_ns - self.token.accuracy_ns

    @property
    def latest_ns(self) -> int:
        """The token was made no later."""
        return self.token.gen_time_ns + self.token.accuracy_ns


def read_tokens(bundle: Bundle, policy: Policy) -> tuple[BundleToken, ...]:
    """Verify every token of a bundle.

    Raises:
        Rejection: ``time.token-*``, ``time.certificate-*``, ``time.too-many-tokens`` of the
            recorder's, ``time.renewal-early``.
        Indeterminate: ``time.backend-missing``, ``time.root-key``, ``time.too-many-checks``,
            ``time.too-many-tokens`` with those that anybody can append.
    """
    inside = [
        (f'blob "{blob.name}"', blob.data, True)
        for blob in bundle.blobs
        if blob.name.startswith(TIME_PREFIX)
    ]
    after = [
        (f"attachment {number}", attachment.data, False)
        for number, attachment in enumerate(bundle.attachments, 1)
        if attachment.media_type == MEDIA_TYPE
    ]
    documents = inside + after
    if len(inside) > _MAX_TOKENS:
        raise Rejection(
            "time.too-many-tokens",
            "more time-stamp tokens than a bundle needs",
            expected=f"at most {_MAX_TOKENS}",
            got=len(inside),
        )
    if len(documents) > _MAX_TOKENS:
        raise Indeterminate(
            "time.too-many-tokens",
            f"More than {_MAX_TOKENS} time-stamp tokens are there; none of them was judged.",
            needs="the bundle without those that somebody appended last",
        )
    tokens: list[BundleToken] = []
    # The recorder's tokens come first: what others append later cannot use up their checks.
    verifier = TokenVerifier(policy.time.authorities)
    for where, data, is_in_tree in documents:
        token = parse_token(data, where)
        subject, signer, renews = _subject_of(token, bundle, policy, tokens)
        stamp, authority = _stamp(token, verifier)
        tokens.append(BundleToken(token, subject, signer, renews, stamp, authority, is_in_tree))
        _require_later(tokens)
    return tuple(tokens)


def provable_until_ns(number: int, tokens: Sequence[BundleToken]) -> int:
    """How long a token proves its time: until its certificates expire, or its renewals.

    A renewal counts if it was made while the token still proved something, however late its own
    accuracy lets it be.

    Args:
        number: the place of a token that has a stamp.
    """
    stamp = tokens[number].stamp
    assert stamp is not None
    until_ns = stamp.not_after_ns
    for later, renewal in enumerate(tokens):
        if (
            renewal.renews == number
            and renewal.stamp is not None
            and not renewal.is_too_imprecise
            and renewal.latest_ns <= stamp.not_after_ns
        ):
            until_ns = max(until_ns, provable_until_ns(later, tokens))
    return until_ns


def _subject_of(
    token: Token, bundle: Bundle, policy: Policy, earlier: Sequence[BundleToken]
) -> tuple[Subject, str | None, int | None]:
    for number, one in enumerate(earlier):
        if token.covers(one.token.data):
            return Subject.TOKEN, None, number
    promise = bundle.head.precommit
    nobody: frozenset[str] = frozenset()
    message = pae(precommit.PAYLOAD_TYPE, promise.payload)
    signed = [(Subject.PRECOMMIT, nobody, message, promise.signatures)]
    if bundle.statement is not None and bundle.statement_payload is not None:
        announced = frozenset(one.key_id for one in bundle.statement.signers)
        message = pae(statement.PAYLOAD_TYPE, bundle.statement_payload)
        signed.append((Subject.STATEMENT, announced, message, bundle.signatures))
    for subject, announced, message, signatures in signed:
        for signature in signatures:
            if token.covers(signature.signature):
                return subject, _signer_of(announced, message, signature, policy), None
    raise Rejection(
        "time.token-unrelated",
        "The token is over nothing in this bundle.",
        where=token.where,
        expected="a signature of the statement or of the precommit, or an earlier token",
        got=f"{token.imprint_algorithm} {token.imprint.hex()}",
    )


def _signer_of(
    announced: Collection[str], message: bytes, signature: Signature, policy: Policy
) -> str | None:
    """The named key that made the signature, if none but that key and message could have it.

    Whoever chose the nonce of an ECDSA signature can later find a key under which the same bytes
    sign another message. The statement announces its keys, which stops that for these; a precommit
    does not, so that it is dated by its other signatures (every recorder has an Ed25519 key).

    Args:
        announced: the key ids that the signed message itself names.
    """
    for signer in policy.signers:
        is_bound = signer.key.key_id in announced
        if signer.key.algorithm is Algorithm.ECDSA_P256 and not is_bound:
            continue
        try:
            verify_signature(signer.key, message, signature.signature)
        except (Rejection, Indeterminate):
            continue
        return signer.key.key_id
    return None


def _stamp(token: Token, verifier: TokenVerifier) -> tuple[TimeStamp | None, str | None]:
    try:
        return verifier.verify(token), None
    except Indeterminate as error:
        if error.code != "time.authority-not-named":
            raise
        return None, error.message


def _require_later(tokens: Sequence[BundleToken]) -> None:
    """A token over another was made after it, if both clocks are believed."""
    newest = tokens[-1]
    if newest.renews is None:
        return
    renewed = tokens[newest.renews]
    both_named = newest.stamp is not None and renewed.stamp is not None
    if both_named and newest.latest_ns < renewed.earliest_ns:
        raise Rejection(
            "time.renewal-early",
            "A token is older than the token that it is over: one of the clocks is wrong.",
            where=newest.token.where,
        )
