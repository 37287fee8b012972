"""Strict DER (X.690 §10): every value has one encoding, and nothing may follow it.

Only what RFC 3161 and CMS use: low tag numbers, definite and shortest lengths.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final, Self

from pot_reverify.errors import Rejection

BOOLEAN: Final = 0x01
INTEGER: Final = 0x02
BIT_STRING: Final = 0x03
OCTET_STRING: Final = 0x04
NULL: Final = 0x05
OBJECT_IDENTIFIER: Final = 0x06
UTF8_STRING: Final = 0x0C
GENERALIZED_TIME: Final = 0x18
SEQUENCE: Final = 0x30
SET: Final = 0x31

_MAX_ARC: Final = 1 << 64
_MAX_INTEGER_BYTES: Final = 64
"""More than any serial number (RFC 5280 has 20 octets) or nonce; Python cannot print them all."""


def context(number: int) -> int:
    """The tag of a constructed, context-specific field."""
    return 0xA0 | number


@dataclass(frozen=True, slots=True)
class Element:
    """One value: its tag, its content, and the bytes that encode both."""

    tag: int
    content: bytes
    encoded: bytes
    where: str

    def require(self, tag: int) -> Self:
        """The element itself, if it has that tag.

        Raises:
            Rejection: ``time.token-malformed``.
        """
        if self.tag != tag:
            raise malformed(self.where, "another kind of value", f"tag {tag:#04x}", self.tag)
        return self

    def fields(self, tag: int = SEQUENCE) -> "Fields":
        """The fields inside, to be taken in order."""
        return Fields(self.require(tag).items(), self.where)

    def items(self) -> tuple["Element", ...]:
        """The values inside."""
        return parse_all(self.content, self.where)

    def sorted_items(self) -> tuple["Element", ...]:
        """The values of a SET OF, which stand in the order of their encodings (X.690 §11.6)."""
        items = self.items()
        encodings = [item.encoded for item in items]
        if encodings != sorted(encodings):
            raise malformed(self.where, "the members of a set are not in order")
        return items

    def integer(self) -> int:
        """The value of an INTEGER."""
        content = self.require(INTEGER).content
        if not content or (
            len(content) > 1 and (content[0], content[1] >> 7) in {(0, 0), (255, 1)}
        ):
            raise malformed(self.where, "not the shortest form of an integer")
        if len(content) > _MAX_INTEGER_BYTES:
            raise malformed(
                self.where,
                "an integer longer than any in a token",
                f"at most {_MAX_INTEGER_BYTES} bytes",
                f"{len(content)} bytes",
            )
        return int.from_bytes(content, "big", signed=True)

    def oid(self) -> str:
        """The value of an OBJECT IDENTIFIER, dotted."""
        content = self.require(OBJECT_IDENTIFIER).content
        arcs: list[int] = []
        value = 0
        starts = True
        for byte in content:
            if (starts and byte == 0x80) or value >= _MAX_ARC:
                raise malformed(self.where, "not an object identifier")
            value = value << 7 | byte & 0x7F
            starts = byte < 0x80
            if starts:
                arcs.append(value)
                value = 0
        if not arcs or not starts:
            raise malformed(self.where, "not an object identifier")
        first = min(arcs[0] // 40, 2)
        return ".".join(map(str, (first, arcs[0] - 40 * first, *arcs[1:])))

    def boolean(self) -> bool:
        """The value of a BOOLEAN that is not its default: DER writes no FALSE there."""
        if self.require(BOOLEAN).content != b"\xff":
            raise malformed(self.where, "not a boolean that DER would write")
        return True

    def time_ns(self) -> tuple[int, bool]:
        """The value of a GeneralizedTime in UNIX nanoseconds, and whether it has a fraction."""
        content = self.require(GENERALIZED_TIME).content
        seconds, point, fraction = content.removesuffix(b"Z").partition(b".")
        if (
            not content.endswith(b"Z")
            or len(seconds) != 14
            or not seconds.isdigit()
            or bool(point) != bool(fraction)
            or len(fraction) > 9
            or (fraction and not fraction.isdigit())
            or fraction.endswith(b"0")
        ):
            raise malformed(self.where, "not a time that DER would write", got=content)
        try:
            moment = datetime.strptime(seconds.decode(), "%Y%m%d%H%M%S").replace(tzinfo=UTC)
        except ValueError:
            raise malformed(self.where, "no such time", got=content) from None
        whole_s = int((moment - datetime(1970, 1, 1, tzinfo=UTC)).total_seconds())
        return whole_s * 10**9 + int(fraction.ljust(9, b"0")), bool(point)


class Fields:
    """The fields of a structure, taken one after the other."""

    def __init__(self, items: Sequence[Element], where: str) -> None:
        self._items = list(items)
        self._where = where

    def take(self, tag: int) -> Element:
        """The next field, which must have that tag.

        Raises:
            Rejection: ``time.token-malformed``.
        """
        if not self._items:
            raise malformed(self._where, "a field is missing", f"tag {tag:#04x}")
        return self._items.pop(0).require(tag)

    def take_optional(self, tag: int) -> Element | None:
        """The next field if it has that tag, else None."""
        if self._items and self._items[0].tag == tag:
            return self._items.pop(0)
        return None

    def finish(self) -> None:
        """Nothing may be left.

        Raises:
            Rejection: ``time.token-malformed``.
        """
        if self._items:
            raise malformed(self._where, "a field too many", None, self._items[0].tag)


def parse_one(data: bytes, where: str) -> Element:
    """Read exactly one value.

    Raises:
        Rejection: ``time.token-malformed``.
    """
    items = parse_all(data, where)
    if len(items) != 1:
        raise malformed(where, "not exactly one value", 1, len(items))
    return items[0]


def parse_all(data: bytes, where: str) -> tuple[Element, ...]:
    """Read values until the end.

    Raises:
        Rejection: ``time.token-malformed``.
    """
    items: list[Element] = []
    offset = 0
    while offset < len(data):
        start, offset = offset, _content_start(data, offset, where)
        end = offset + _length(data, start, offset)
        if end > len(data):
            raise malformed(where, "a value is cut off")
        items.append(Element(data[start], data[offset:end], data[start:end], where))
        offset = end
    return tuple(items)


def malformed(where: str, message: str, expected: object = None, got: object = None) -> Rejection:
    """The one code for bytes that are no token."""
    return Rejection("time.token-malformed", message, where=where, expected=expected, got=got)


def _content_start(data: bytes, start: int, where: str) -> int:
    """Where the content of the value at `start` begins; its length is then known to be minimal."""
    if data[start] & 0x1F == 0x1F:
        raise malformed(where, "a tag number that no token uses")
    if start + 1 >= len(data):
        raise malformed(where, "a value is cut off")
    first = data[start + 1]
    if first < 0x80:
        return start + 2
    count = first & 0x7F
    octets = data[start + 2 : start + 2 + count]
    if not 1 <= count <= 4 or len(octets) < count:
        raise malformed(where, "a length that DER does not write")
    if octets[0] == 0 or int.from_bytes(octets, "big") < 0x80:
        raise malformed(where, "not the shortest form of a length")
    return start + 2 + count


def _length(data: bytes, start: int, content_start: int) -> int:
    if content_start == start + 2:
        return data[start + 1]
    return int.from_bytes(data[start + 2 : content_start], "big")
