"""Wait for a beacon's round, ask drand's servers for it, and believe only what verifies.

drand's HTTP API: ``GET BASE/CHAIN-HASH/public/ROUND``. The group's signature protects the answer,
so that any server will do, and plain http too.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from pot_recorder.http_answer import HttpRequest
from pot_reverify.beacons.chains import MAX_ROUND, BeaconChain
from pot_reverify.beacons.round import SignedRound, verify_round
from pot_reverify.encoding import strict_json
from pot_reverify.encoding.fields import Fields
from pot_reverify.encoding.strict_hex import take_hex
from pot_reverify.errors import Rejection
from pot_reverify.quotes.evidence import format_time

SERVERS: Final = (
    "https://api.drand.sh",
    "https://api2.drand.sh",
    "https://api3.drand.sh",
    "https://drand.cloudflare.com",
)
MAX_ANSWER_BYTES: Final = 1 << 12
_MAX_SIGNATURE_BYTES: Final = 96
_NS_PER_S: Final = 1_000_000_000
_PAUSE_S: Final = 1.0
_NOTE_INTERVAL_S: Final = 30.0


@dataclass(frozen=True, slots=True)
class BeaconService:
    """Servers of drand's HTTP API, asked in this order.

    Args:
        timeout_s: for one answer.
        patience_s: how long after its time a round may still be missing.
    """

    servers: tuple[str, ...] = SERVERS
    timeout_s: float = 10.0
    patience_s: float = 60.0

    def fetch(self, chain: BeaconChain, number: int, on_note: Callable[[str], None]) -> SignedRound:
        """Wait until a round is published, and get it.

        Args:
            on_note: told how long the wait will be.

        Raises:
            Rejection: what the last server that was asked did wrong: ``beacon.no-answer``,
                ``beacon.bad-answer``, ``beacon.url``, ``beacon.other-round``, or what verifying
                the round raises.
            Indeterminate: ``beacon.backend-missing``.
        """
        wait_for(chain, number, on_note)
        deadline_s = time.monotonic() + self.patience_s
        while True:
            refused: Rejection | None = None
            for server in self.servers:
                try:
                    return self._ask(server, chain, number)
                except Rejection as error:
                    refused = error
            assert refused is not None
            # A server may be late; one that answers with something wrong will do so again.
            if refused.code != "beacon.no-answer" or time.monotonic() > deadline_s:
                raise refused
            time.sleep(_PAUSE_S)

    def _ask(self, server: str, chain: BeaconChain, number: int) -> SignedRound:
        url = f"{server.rstrip('/')}/{chain.hash.hex()}/public/{number}"
        request = HttpRequest(
            area="beacon",
            who="the beacon's server",
            url=url,
            media_type="application/json",
            max_bytes=MAX_ANSWER_BYTES,
            timeout_s=self.timeout_s,
        )
        return read_answer(request.answer(), chain, number, url)


def read_answer(data: bytes, chain: BeaconChain, number: int, where: str) -> SignedRound:
    """Read what drand's API answers, and verify it.

    Raises:
        Rejection: ``json.*``, ``schema.*``, ``beacon.other-round``, and what verifying raises.
        Indeterminate: ``beacon.backend-missing``.
    """
    if len(data) > MAX_ANSWER_BYTES:
        raise Rejection("beacon.bad-answer", f"longer than {MAX_ANSWER_BYTES} bytes", where=where)
    fields = Fields(strict_json.decode(data), where)
    answered = SignedRound(
        number=fields.take_int("round", 1, MAX_ROUND),
        signature=take_hex(fields, "signature", 1, _MAX_SIGNATURE_BYTES),
        previous_signature=take_hex(fields, "previous_signature", 1, _MAX_SIGNATURE_BYTES)
        if fields.has("previous_signature")
        else None,
    )
    if answered.number != number:
        raise Rejection(
            "beacon.other-round",
            "This is another round than the promised one.",
            where=where,
            expected=number,
            got=answered.number,
        )
    # The field `randomness` is not read: it is the digest of the signature, or it is wrong.
    verify_round(chain, answered)
    return answered


def wait_for(chain: BeaconChain, number: int, on_note: Callable[[str], None]) -> None:
    """Return when this machine's clock says that a round is published.

    Args:
        on_note: told how long the wait will be, every half minute.
    """
    at_ns = chain.time_ns(number)
    while (left_s := (at_ns - time.time_ns()) / _NS_PER_S) > 0:
        on_note(
            f"waiting for round {number} of {chain.label}, which comes at {format_time(at_ns)}, "
            f"in {round(left_s)} s"
        )
        time.sleep(min(left_s, _NOTE_INTERVAL_S))
