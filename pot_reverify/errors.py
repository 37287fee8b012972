"""The two ways in which bytes or claims fail, each with a stable reason code.

"Wrong" and "could not tell" are different classes, so that no caller can take one for the other:
a `Rejection` makes a check fail, an `Indeterminate` makes it skip. Neither can be ignored.
"""


class PotAuditError(Exception):
    """A finding about a file: where, what was expected, what was there.

    Args:
        code: stable reason code such as ``container.trailing-bytes``; documented in docs/format.md.
        message: one sentence for people.
        where: the place in the file or document, such as ``frame 7`` or ``predicate.decision``.
        expected: what the specification or the signed claim asks for.
        got: what was found.
    """

    def __init__(
        self,
        code: str,
        message: str,
        *,
        where: str | None = None,
        expected: object = None,
        got: object = None,
    ) -> None:
        self.code = code
        self.message = message
        self.where = where
        self.expected = None if expected is None else _text(expected)
        self.got = None if got is None else _text(got)
        super().__init__(str(self))

    def __str__(self) -> str:
        parts = [self.message if self.where is None else f"{self.where}: {self.message}"]
        if self.expected is not None:
            parts.append(f"expected {self.expected}")
        if self.got is not None:
            parts.append(f"got {self.got}")
        return f"{'; '.join(parts)} [{self.code}]"


class Rejection(PotAuditError):
    """The bytes or the claims are wrong."""


class Indeterminate(PotAuditError):
    """It could not be told: something that the check needs is not here.

    Args:
        needs: what would let the check run, best as a command.
    """

    def __init__(self, code: str, message: str, *, needs: str, where: str | None = None) -> None:
        self.needs = needs
        super().__init__(code, message, where=where)


def _text(value: object) -> str:
    """A value as text; Python refuses to write an integer of more than 4,300 digits."""
    try:
        return str(value)
    except ValueError:
        size = f" of {value.bit_length()} bits" if isinstance(value, int) else ""
        return f"{type(value).__name__}{size}, too long to write"
