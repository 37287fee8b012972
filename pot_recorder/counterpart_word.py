"""The counterpart's side: look at a precommit, draw 32 bytes, and sign them for it."""

import secrets
import time
from collections.abc import Sequence

from pot_recorder.keys import Signer
from pot_recorder.promise import sign_document
from pot_reverify.challenge.seeds import NONCE_BYTES
from pot_reverify.checks.proven_times import CLOCK_TOLERANCE_NS
from pot_reverify.documents.counterpart_document import PAYLOAD_TYPE, CounterpartWord, SignedWord
from pot_reverify.documents.precommit import Precommit, SignedPrecommit
from pot_reverify.errors import Rejection
from pot_reverify.quotes.evidence import format_time


def give_word(
    signed: SignedPrecommit, precommit: Precommit, signers: Sequence[Signer], where: str
) -> SignedWord:
    """Draw 32 bytes from the operating system and sign them for a precommit.

    Args:
        signed: the precommit as it was received; its form has been checked.
        precommit: what it says.
        where: its place, for errors.

    Raises:
        Rejection: ``counterpart.not-asked``, ``counterpart.is-recorder``,
            ``counterpart.other-key``, ``counterpart.precommit-from-the-future``.
    """
    now_ns = time.time_ns()
    _require_asked(signed, precommit, signers, where)
    if precommit.created_ns > now_ns + CLOCK_TOLERANCE_NS:
        raise Rejection(
            "counterpart.precommit-from-the-future",
            "the precommit says that it will be made later: one of the clocks is wrong",
            where=where,
            expected=f"not after {format_time(now_ns)}",
            got=format_time(precommit.created_ns),
        )
    # A clock that is a little behind the recorder's must not seem to have come first.
    word = CounterpartWord(
        signed.digest, secrets.token_bytes(NONCE_BYTES), max(now_ns, precommit.created_ns)
    )
    payload = word.to_json()
    return SignedWord(word, payload, sign_document(PAYLOAD_TYPE, payload, signers))


def _require_asked(
    signed: SignedPrecommit, precommit: Precommit, signers: Sequence[Signer], where: str
) -> None:
    counterpart = precommit.counterpart
    if counterpart is None or not counterpart.is_party:
        raise Rejection(
            "counterpart.not-asked",
            "the precommit names no party that would give a nonce",
            where=where,
            got="no counterpart" if counterpart is None else f"the beacon {counterpart.name}",
        )
    own = {one.public_key.key_id for one in signers}
    recorders = {one.key_id for one in signed.signatures}
    if own & recorders:
        raise Rejection(
            "counterpart.is-recorder",
            "this key made the precommit: nobody is a counterpart to themselves",
            where=where,
            got=", ".join(sorted(own & recorders)),
        )
    if counterpart.key_id is not None and counterpart.key_id not in own:
        raise Rejection(
            "counterpart.other-key",
            "the precommit asks for a nonce by another key",
            where=where,
            expected=counterpart.key_id,
            got=", ".join(sorted(own)),
        )
