"""Byte strings in JSON documents, as lower-case hexadecimal digits: one text for each value."""

from pot_reverify.encoding.fields import Fields
from pot_reverify.errors import Rejection

_DIGITS = frozenset("0123456789abcdef")


def take_hex(fields: Fields, name: str, low: int, high: int | None = None) -> bytes:
    """A field of `low` to `high` bytes (exactly `low` without `high`).

    Raises:
        Rejection: ``schema.*``.
    """
    high = low if high is None else high
    text = fields.take_str(name, 2 * high)
    if len(text) % 2 or len(text) < 2 * low or not set(text) <= _DIGITS:
        raise Rejection(
            "schema.unknown-value",
            "not lower-case hexadecimal digits of the right number",
            where=fields.at(name),
            expected=f"{2 * low} digits" if low == high else f"{2 * low} to {2 * high} digits",
            got=f"{len(text)} characters",
        )
    return bytes.fromhex(text)
