"""Typed reading of a table of a policy file: every key is taken once, and no other may be there.

A key that is misspelt must never be a demand that is silently dropped.
"""

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Final

from pot_reverify.errors import Rejection
from pot_reverify.quotes.evidence import format_time, time_ns

MAX_ENTRIES: Final = 256
_MAX_STRING: Final = 16_384
_MAX_TIME_NS: Final = 2**63 - 1


class Table:
    """The keys of one table, taken by name and type.

    Args:
        values: the table as `tomllib` gives it.
        where: its place in the file, used in errors; entries of arrays are counted from 1.

    Every ``take_*`` raises `Rejection` with ``policy.missing-key``, ``policy.wrong-type``,
    ``policy.out-of-range`` or ``policy.unknown-value``; without a default a key is required.
    """

    def __init__(self, values: Mapping[str, object], where: str = "") -> None:
        self.where = where
        self._left = dict(values)

    def at(self, name: str) -> str:
        """The full name of a key, for errors."""
        return f"{self.where}.{name}" if self.where else name

    def __contains__(self, name: str) -> bool:
        return name in self._left

    def keys(self) -> list[str]:
        """The keys that nobody has taken yet."""
        return list(self._left)

    def take_str(self, name: str, default: str | None = None) -> str:
        """A string that is not empty."""
        if default is not None and name not in self:
            return default
        return self._string(self._take(name), self.at(name))

    def take_bool(self, name: str, *, default: bool) -> bool:
        """True or false."""
        if name not in self:
            return default
        value = self._take(name)
        if not isinstance(value, bool):
            raise self._wrong_type(name, "true or false", value)
        return value

    def take_int(self, name: str, low: int, high: int, default: int | None = None) -> int:
        """An integer with low ≤ value ≤ high; a boolean is not an integer."""
        if default is not None and name not in self:
            return default
        return self._integer(self._take(name), self.at(name), low, high)

    def take_time_ns(self, name: str) -> int | None:
        """A date and time with its offset, as Unix time; None where there is none."""
        if name not in self:
            return None
        value = self._take(name)
        if not isinstance(value, datetime) or value.tzinfo is None:
            raise self._wrong_type(
                name, "a date and time with offset, such as 2026-01-01T00:00:00Z", value
            )
        at_ns = time_ns(value)
        if not 0 <= at_ns <= _MAX_TIME_NS:
            raise _out_of_range(self.at(name), "1970 to 2262", format_time(at_ns))
        return at_ns

    def take_strings(self, name: str, allowed: tuple[str, ...] = ()) -> frozenset[str] | None:
        """An array of different strings, each one of `allowed` if that names any."""
        if name not in self:
            return None
        values = [self._string(one, self.at(name)) for one in self._array(name)]
        for value in values:
            if allowed and value not in allowed:
                raise self.unknown_value(name, value, allowed)
        if len(set(values)) < len(values):
            raise Rejection("policy.repeated-value", "a value stands twice", where=self.at(name))
        return frozenset(values)

    def take_ints(self, name: str, low: int, high: int) -> frozenset[int] | None:
        """An array of integers with low ≤ value ≤ high."""
        if name not in self:
            return None
        return frozenset(self._integer(one, self.at(name), low, high) for one in self._array(name))

    def take_table(self, name: str) -> "Table":
        """A nested table; an empty one where there is none."""
        if name not in self:
            return Table({}, self.at(name))
        value = self._take(name)
        if not isinstance(value, Mapping):
            raise self._wrong_type(name, "a table", value)
        return Table(value, self.at(name))

    def take_tables(self, name: str) -> Iterator["Table"]:
        """An array of tables; none where there is none."""
        if name not in self:
            return
        for number, value in enumerate(self._array(name), 1):
            where = f"{self.at(name)}[{number}]"
            if not isinstance(value, Mapping):
                raise Rejection(
                    "policy.wrong-type",
                    "a key has the wrong type",
                    where=where,
                    expected="a table",
                    got=type(value).__name__,
                )
            yield Table(value, where)

    def unknown_value(self, name: str, got: str, allowed: tuple[str, ...]) -> Rejection:
        """The error for a string that is none of those that a key may have."""
        return Rejection(
            "policy.unknown-value",
            "this version does not know the value",
            where=self.at(name),
            expected=" or ".join(allowed),
            got=got[:80],
        )

    def finish(self) -> None:
        """Nothing may be left.

        Raises:
            Rejection: ``policy.unknown-key``.
        """
        if self._left:
            raise Rejection(
                "policy.unknown-key",
                "an unknown key: it would demand nothing",
                where=self.at(min(self._left))[:200],
            )

    def _take(self, name: str) -> object:
        if name not in self._left:
            raise Rejection("policy.missing-key", "a required key is absent", where=self.at(name))
        return self._left.pop(name)

    def _array(self, name: str) -> list[object]:
        value = self._take(name)
        if not isinstance(value, list):
            raise self._wrong_type(name, "an array", value)
        if len(value) > MAX_ENTRIES:
            raise _out_of_range(self.at(name), f"at most {MAX_ENTRIES} entries", len(value))
        return value

    def _string(self, value: object, where: str) -> str:
        if not isinstance(value, str):
            raise _wrong_type(where, "a string", value)
        if not 1 <= len(value) <= _MAX_STRING:
            raise _out_of_range(where, f"1 to {_MAX_STRING} characters", len(value))
        return value

    def _integer(self, value: object, where: str, low: int, high: int) -> int:
        if not isinstance(value, int) or isinstance(value, bool):
            raise _wrong_type(where, "an integer", value)
        if not low <= value <= high:
            raise _out_of_range(where, f"{low} to {high}", value)
        return value

    def _wrong_type(self, name: str, expected: str, got: object) -> Rejection:
        return _wrong_type(self.at(name), expected, got)


def _wrong_type(where: str, expected: str, got: object) -> Rejection:
    return Rejection(
        "policy.wrong-type",
        "a key has the wrong type",
        where=where,
        expected=expected,
        got=type(got).__name__,
    )


def _out_of_range(where: str, expected: str, got: object) -> Rejection:
    return Rejection(
        "policy.out-of-range", "a value is out of range", where=where, expected=expected, got=got
    )
