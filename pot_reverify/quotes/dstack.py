"""Event logs of dstack: what each runtime measurement register of a TD was extended with.

A log is worth what its replay gives: RTMR := SHA-384(RTMR ‖ digest), from zeros, has to arrive at
the register in the quote. Source: Dstack-TEE/dstack, docs/security and cc-eventlog.
"""

from collections.abc import Mapping
from hashlib import sha256, sha384
from typing import Final

from pot_reverify.errors import Rejection
from pot_reverify.quotes import vendor_json

_WHERE: Final = "event log"
_APPLICATION_EVENT: Final = 0x08000001
_DIGEST_BYTES: Final = 48
_MAX_EVENTS: Final = 4096
_RTMR_OF_APPLICATION: Final = 3
# What the measured system writes itself ends here; after it, the application may write any name.
_LAST_SYSTEM_EVENT: Final = "system-ready"


def replay_event_log(event_log: object, registers: Mapping[str, bytes]) -> dict[str, bytes]:
    """Replays a log against the registers of a verified quote.

    Args:
        event_log: the decoded JSON array, or the text of one.
        registers: of the quote; ``rtmr3``, and every other one that the log mentions, must agree.

    Returns:
        The payloads of the system's events by ``event:`` and their name, such as
        ``event:compose-hash``.

    Raises:
        Rejection: ``quote.event-log`` or ``quote.json``.
    """
    if isinstance(event_log, str):
        event_log = vendor_json.decode(event_log, _WHERE)
    events = vendor_json.as_list(event_log, _WHERE)
    if len(events) > _MAX_EVENTS:
        raise Rejection("quote.event-log", "too many events", where=_WHERE, got=len(events))
    replayed = {_RTMR_OF_APPLICATION: bytes(_DIGEST_BYTES)}
    named: dict[str, bytes] = {}
    system = True
    for number, value in enumerate(events):
        where = f"{_WHERE}, event {number}"
        event = vendor_json.as_object(value, where)
        index = vendor_json.integer(event, "imr", where)
        digest = _digest(event, where)
        previous = replayed.get(index, bytes(_DIGEST_BYTES))
        replayed[index] = sha384(previous + digest).digest()
        if system and index == _RTMR_OF_APPLICATION and _is_application(event, where):
            name = vendor_json.text(event, "event", where)
            if f"event:{name}" in named:
                raise Rejection("quote.event-log", "a system event twice", where=where, got=name)
            named[f"event:{name}"] = vendor_json.hex_bytes(event, "event_payload", where)
            system = name != _LAST_SYSTEM_EVENT
    for index, final in replayed.items():
        if registers.get(f"rtmr{index}") != final:
            raise Rejection(
                "quote.event-log",
                "the log does not lead to the register in the quote",
                where=f"{_WHERE}, RTMR{index}",
                expected=registers.get(f"rtmr{index}", b"").hex(),
                got=final.hex(),
            )
    return named


def check_app_compose(app_compose: object, named: Mapping[str, bytes]) -> None:
    """Returns only if the compose file is the measured one.

    Raises:
        Rejection: ``quote.app-compose``.
    """
    if not isinstance(app_compose, str) or (
        sha256(app_compose.encode()).digest() != named.get("event:compose-hash")
    ):
        raise Rejection("quote.app-compose", "not the compose file that was measured")


def _is_application(event: Mapping[str, object], where: str) -> bool:
    return vendor_json.integer(event, "event_type", where) == _APPLICATION_EVENT


def _digest(event: Mapping[str, object], where: str) -> bytes:
    """Computed for application events; firmware events hash what the log does not hold."""
    stated = vendor_json.hex_bytes(event, "digest", where)
    if _is_application(event, where):
        name = vendor_json.text(event, "event", where).encode()
        payload = vendor_json.hex_bytes(event, "event_payload", where)
        head = _APPLICATION_EVENT.to_bytes(4, "little")
        digest = sha384(b":".join((head, name, payload))).digest()
        if stated not in (b"", digest):
            raise Rejection("quote.event-log", "not the digest of the event", where=where)
        return digest
    if len(stated) != _DIGEST_BYTES:
        raise Rejection("quote.event-log", "not a SHA-384 digest", where=where)
    return stated
