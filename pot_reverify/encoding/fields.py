"""Typed reading of decoded maps: every field is taken once, and nothing may be left over.

The parsers of all documents are written with `Fields`; the published JSON Schemas say the same
things for other languages, and a test holds the two together.
"""

from collections.abc import Mapping
from fractions import Fraction

from pot_reverify.encoding.digest import parse_digest
from pot_reverify.errors import Rejection

UINT63_MAX = 2**63 - 1


class Fields:
    """The fields of one map, taken by name and type.

    Args:
        values: the decoded map; values that are not what a field asks for are rejected.
        where: the map's place in the file, used in errors.

    Every ``take_*`` raises `Rejection` with ``schema.missing-field``, ``schema.wrong-type`` or
    ``schema.out-of-range``.
    """

    def __init__(self, values: object, where: str) -> None:
        self.where = where
        if not isinstance(values, Mapping):
            raise _wrong_type(where, "a map", values)
        self._left: dict[str, object] = dict(values)

    def at(self, name: str) -> str:
        """The full name of a field, for errors."""
        return f"{self.where}.{name}"

    def has(self, name: str) -> bool:
        """Whether the field is there and was not taken."""
        return name in self._left

    def take(self, name: str) -> object:
        """A field of any type."""
        if name not in self._left:
            raise Rejection(
                "schema.missing-field", "a required field is absent", where=self.at(name)
            )
        return self._left.pop(name)

    def take_int(self, name: str, low: int = 0, high: int = UINT63_MAX) -> int:
        """An integer with low ≤ value ≤ high; a boolean is not an integer."""
        value = self.take(name)
        if not isinstance(value, int) or isinstance(value, bool):
            raise _wrong_type(self.at(name), "an integer", value)
        return self._within(name, value, low, high)

    def take_bool(self, name: str) -> bool:
        """True or false."""
        value = self.take(name)
        if not isinstance(value, bool):
            raise _wrong_type(self.at(name), "a boolean", value)
        return value

    def take_str(self, name: str, max_length: int = 256, *, empty: bool = False) -> str:
        """A string of at most `max_length` code points."""
        value = self.take(name)
        if not isinstance(value, str):
            raise _wrong_type(self.at(name), "a string", value)
        self._within(name, len(value), 0 if empty else 1, max_length, "length ")
        return value

    def take_literal(self, name: str, *allowed: str) -> str:
        """One of the strings `allowed`."""
        value = self.take_str(name)
        if value not in allowed:
            raise Rejection(
                "schema.unknown-value",
                "this version does not know the value",
                where=self.at(name),
                expected=" or ".join(allowed),
                got=value,
            )
        return value

    def take_bytes(self, name: str, low: int, high: int | None = None) -> bytes:
        """A byte string of `low` to `high` bytes (exactly `low` without `high`)."""
        value = self.take(name)
        if not isinstance(value, bytes):
            raise _wrong_type(self.at(name), "a byte string", value)
        self._within(name, len(value), low, low if high is None else high, "length ")
        return value

    def take_list(self, name: str, low: int, high: int) -> list[object]:
        """A list of `low` to `high` items."""
        value = self.take(name)
        if not isinstance(value, list):
            raise _wrong_type(self.at(name), "a list", value)
        self._within(name, len(value), low, high, "length ")
        return value

    def take_map(self, name: str) -> Mapping[str, object]:
        """A nested map, for a parser of its own."""
        value = self.take(name)
        if not isinstance(value, Mapping):
            raise _wrong_type(self.at(name), "a map", value)
        return value

    def take_fields(self, name: str) -> "Fields":
        """A nested map."""
        return Fields(self.take(name), self.at(name))

    def take_ratio(self, name: str) -> Fraction:
        """A rational ``[numerator, denominator]`` in lowest terms with a positive denominator."""
        pair = self.take_list(name, 2, 2)
        numerator, denominator = pair
        if not (type(numerator) is int and type(denominator) is int):
            raise _wrong_type(self.at(name), "two integers", pair)
        if denominator < 1 or [*Fraction(numerator, denominator).as_integer_ratio()] != pair:
            raise Rejection(
                "schema.ratio-not-reduced",
                "a rational is [numerator, denominator] in lowest terms",
                where=self.at(name),
                got=pair,
            )
        return Fraction(numerator, denominator)

    def take_digest(self, name: str) -> bytes:
        """A digest written ``sha256:`` + 64 hex digits; returns its 32 bytes."""
        try:
            return parse_digest(self.take_str(name))
        except Rejection as error:
            raise Rejection(error.code, error.message, where=self.at(name), got=error.got) from None

    def drop_null(self, name: str) -> bool:
        """Whether the field is null; if so it is taken."""
        if name in self._left and self._left[name] is None:
            del self._left[name]
            return True
        return False

    def drop_extensions(self) -> None:
        """Forget ``extensions``, the one open object of a document, which no check reads."""
        extensions = self._left.pop("extensions", {})
        if not isinstance(extensions, Mapping):
            raise _wrong_type(self.at("extensions"), "a map", extensions)

    def finish(self) -> None:
        """Nothing may be left.

        Raises:
            Rejection: ``schema.unknown-field``.
        """
        if self._left:
            raise Rejection(
                "schema.unknown-field", "an unknown field", where=self.at(min(self._left))
            )

    def _within(self, name: str, value: int, low: int, high: int, noun: str = "") -> int:
        if not low <= value <= high:
            raise Rejection(
                "schema.out-of-range",
                "a value is out of range",
                where=self.at(name),
                expected=f"{noun}{low}" if low == high else f"{noun}{low} to {high}",
                got=f"{noun}{value}",
            )
        return value


def _wrong_type(where: str, expected: str, got: object) -> Rejection:
    return Rejection(
        "schema.wrong-type",
        "a field has the wrong type",
        where=where,
        expected=expected,
        got=type(got).__name__,
    )
