"""The half of the randomness that somebody else gives: obtained, verified, and kept for the bundle.

It waits among the recording's evidence, so that a recording that is resumed asks nobody again.
"""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Protocol

from pot_recorder.beacon_client import BeaconService, read_answer
from pot_recorder.evidence_folder import add_evidence, evidence_folder_of
from pot_recorder.promised_time import token_path_of
from pot_recorder.signed_by import require_signed_by
from pot_reverify.beacons.bls import load_backend
from pot_reverify.beacons.chains import BeaconChain, find_chain
from pot_reverify.beacons.round import SignedRound
from pot_reverify.checks.beacon_half import MARGIN_NS, require_round
from pot_reverify.checks.party_half import require_after, require_word_for
from pot_reverify.documents.beacon_round import BeaconRound, parse_beacon_round
from pot_reverify.documents.blob import BEACON_ROUND, COUNTERPART
from pot_reverify.documents.counterpart_document import (
    MAX_FILE_BYTES,
    PAYLOAD_TYPE,
    SignedWord,
    parse_signed_word,
)
from pot_reverify.documents.precommit import (
    Counterpart,
    Precommit,
    SignedPrecommit,
    parse_envelope,
    parse_precommit,
)
from pot_reverify.errors import Rejection
from pot_reverify.input_files import read_file
from pot_reverify.quotes.evidence import format_time
from pot_reverify.seal.dsse import pae
from pot_reverify.seal.public_keys import PublicKey
from pot_reverify.timestamps.token import parse_token

_HINTS: Final = {
    True: "give the counterpart's file: --counterpart FILE (pot-audit counterpart makes it)",
    False: "get the round: --beacon drand, or --beacon-file FILE",
}


@dataclass(frozen=True, slots=True)
class Promised:
    """A precommit that names a counterpart, in a file."""

    path: Path
    signed: SignedPrecommit
    precommit: Precommit
    counterpart: Counterpart


class HalfSource(Protocol):
    """Where the other half of the randomness comes from."""

    @property
    def serves_party(self) -> bool:
        """Whether it is a party's, and no beacon's."""

    def obtain(self, promised: Promised, on_note: Callable[[str], None]) -> bytes:
        """The document for the bundle, verified as far as it can be here."""


@dataclass(frozen=True, slots=True)
class PartyWord:
    """A party's word, in a file.

    Args:
        keys: the party's public keys, if the recorder has them.
    """

    path: Path
    keys: Sequence[PublicKey] = ()

    @property
    def serves_party(self) -> bool:
        """Always."""
        return True

    def obtain(self, promised: Promised, on_note: Callable[[str], None]) -> bytes:
        """The file's bytes.

        Raises:
            Rejection: ``counterpart.*``, ``signature.*``, and what parsing raises.
            Indeterminate: ``signature.backend-missing``.
            OSError: the file cannot be read.
        """
        where = str(self.path)
        data = read_file(self.path, MAX_FILE_BYTES)
        signed = parse_signed_word(data, where)
        _require_word(signed, promised, where)
        require_after(signed.word, promised.precommit, where)
        if self.keys:
            other = Rejection(
                "counterpart.other-key",
                "The counterpart signed with another key than you named.",
                where=where,
                expected=", ".join(one.key_id for one in self.keys),
                got=", ".join(one.key_id for one in signed.signatures),
            )
            message = pae(PAYLOAD_TYPE, signed.payload)
            require_signed_by(self.keys, message, signed.signatures, other)
        else:
            on_note("the counterpart's signature is not checked here: --counterpart-key KEY.pub")
        return data


@dataclass(frozen=True, slots=True)
class BeaconAnswer:
    """A beacon's round, fetched or in a file as drand's API answers it.

    Args:
        service: whom to ask, unless there is a file.
        added: chains beside those that are shipped.
    """

    path: Path | None = None
    service: BeaconService | None = None
    added: Sequence[BeaconChain] = ()

    @property
    def serves_party(self) -> bool:
        """Never."""
        return False

    def obtain(self, promised: Promised, on_note: Callable[[str], None]) -> bytes:
        """The document of the round.

        Raises:
            Rejection: ``session.beacon-not-known``, ``session.clock-behind-beacon``,
                ``beacon.*``, ``time.token-*``, and what parsing raises.
            Indeterminate: ``beacon.backend-missing``.
            OSError: the file cannot be read.
        """
        chain = find_chain(promised.counterpart.name, self.added)
        number = promised.counterpart.round
        assert number is not None
        if chain is None:
            raise Rejection(
                "session.beacon-not-known",
                "this version does not know the promised beacon; a policy can name it (--policy)",
                got=promised.counterpart.name,
            )
        load_backend()  # what is missing is said before the wait, not after it
        warning = token_warning(promised.path, chain.time_ns(number))
        if warning is not None:
            on_note(f"warning: {warning}")
        answered = self._round(chain, number, on_note)
        if time.time_ns() < chain.time_ns(number):
            raise Rejection(
                "session.clock-behind-beacon",
                "the round is there, and by this machine's clock it is yet to come: set the clock",
                expected=f"not before {format_time(chain.time_ns(number))}",
                got=format_time(time.time_ns()),
            )
        on_note(f"half of the randomness is from round {number} of {chain.label}")
        return BeaconRound(chain.name, answered).to_json()

    def _round(
        self, chain: BeaconChain, number: int, on_note: Callable[[str], None]
    ) -> SignedRound:
        if self.path is not None:
            data = read_file(self.path)
            return read_answer(data, chain, number, str(self.path))
        return (self.service or BeaconService()).fetch(chain, number, on_note)


def take_second_half(
    path: Path | None,
    source: HalfSource | None,
    output: Path,
    on_note: Callable[[str], None] = lambda _text: None,
) -> bytes | None:
    """The counterpart's nonce for a recording, whose document is kept for the bundle.

    Args:
        path: the precommit; None where the recording makes one, which names nobody.
        source: None if it waits already, or nobody is promised.
        output: the bundle that the recording will be.

    Raises:
        Rejection: ``session.counterpart``, ``evidence.exists``, and what the source raises.
        OSError: a file cannot be read or written.
    """
    promised = None if path is None else _read_promise(path)
    if promised is None:
        if source is not None:
            raise Rejection("session.counterpart", "the precommit names no counterpart")
        return None
    is_party = promised.counterpart.is_party
    if source is not None and source.serves_party != is_party:
        raise Rejection(
            "session.counterpart", f"the precommit names another kind; {_HINTS[is_party]}"
        )
    name = COUNTERPART if is_party else BEACON_ROUND
    kept = evidence_folder_of(output) / name
    if source is not None:
        data = source.obtain(promised, on_note)
        if not kept.exists() or read_file(kept) != data:
            add_evidence(output, name, data)
    elif kept.exists():
        data = read_file(kept)
    else:
        raise Rejection(
            "session.counterpart", f"the precommit names a counterpart; {_HINTS[is_party]}"
        )
    return _nonce_of(data, promised, str(kept))


def token_warning(precommit: Path, published_ns: int) -> str | None:
    """Why no reader may believe that the precommit was older than a round; None: one may.

    Args:
        published_ns: the round's time.

    Raises:
        Rejection: ``time.token-*``.
        OSError: the token cannot be read.
    """
    path = token_path_of(precommit)
    if not path.exists():
        return f"there is no {path}: without a token from before the round nobody can tell"
    token = parse_token(read_file(path), str(path))
    if token.gen_time_ns + token.accuracy_ns + MARGIN_NS < published_ns:
        return None
    return (
        f"{path} is of {format_time(token.gen_time_ns)}, too late before the round of "
        f"{format_time(published_ns)}: no reader will accept it as a counterpart"
    )


def _read_promise(path: Path) -> Promised | None:
    signed = parse_envelope(read_file(path), str(path))
    precommit = parse_precommit(signed.payload, str(path))
    counterpart = precommit.counterpart
    return None if counterpart is None else Promised(path, signed, precommit, counterpart)


def _nonce_of(data: bytes, promised: Promised, where: str) -> bytes:
    """What the challenges are derived from, if the document is for this precommit."""
    if promised.counterpart.is_party:
        signed = parse_signed_word(data, where)
        _require_word(signed, promised, where)
        return signed.word.nonce
    document = parse_beacon_round(data, where)
    require_round(document, promised.counterpart, where)
    return document.round.randomness


def _require_word(signed: SignedWord, promised: Promised, where: str) -> None:
    require_word_for(signed, promised.counterpart, promised.signed.digest, None, where)
