"""Binary layouts read strictly from front to back."""

from pot_reverify.errors import Rejection


class ByteReader:
    """A position in bytes that are all there, or the quote is rejected.

    Args:
        data: what is read.
        where: its name in errors.
    """

    def __init__(self, data: bytes, where: str) -> None:
        self.data = data
        self.where = where
        self.offset = 0

    def take(self, size: int) -> bytes:
        """The next `size` bytes.

        Raises:
            Rejection: ``quote.truncated``.
        """
        end = self.offset + size
        if end > len(self.data):
            raise Rejection(
                "quote.truncated",
                "the data ends too early",
                where=f"{self.where}, byte {self.offset}",
                expected=f"{size} bytes",
                got=f"{len(self.data) - self.offset} bytes",
            )
        start, self.offset = self.offset, end
        return self.data[start:end]

    def take_uint(self, size: int) -> int:
        """A little-endian unsigned integer of `size` bytes."""
        return int.from_bytes(self.take(size), "little")

    def finish(self) -> None:
        """Returns only at the end.

        Raises:
            Rejection: ``quote.trailing-bytes``: bytes that nobody signed.
        """
        if self.offset != len(self.data):
            raise Rejection(
                "quote.trailing-bytes",
                "something follows the end",
                where=self.where,
                expected=f"{self.offset} bytes",
                got=f"{len(self.data)} bytes",
            )
