"""The Fiat-Shamir transcript: what was read so far decides the next challenge.

Halo2 book, "Implementation: Proofs"; ``Blake2bRead`` of halo2_proofs. BLAKE2b-512 with the
personalisation ``Halo2-Transcript`` over tagged items; a challenge is the digest of all items so
far, reduced modulo P.
"""

import hashlib

from pot_reverify.errors import Rejection
from pot_reverify.proof.pasta_fields import ELEMENT_BYTES, P, parse_scalar
from pot_reverify.proof.vesta import Point, decompress

_CHALLENGE, _POINT, _SCALAR = b"\x00", b"\x01", b"\x02"


class Transcript:
    """Reads a proof, item by item.

    Args:
        proof: the bytes of the proof.
    """

    def __init__(self, proof: bytes) -> None:
        self._state = hashlib.blake2b(person=b"Halo2-Transcript")
        self._proof = memoryview(proof)

    def absorb_scalar(self, scalar: int) -> None:
        """Binds a scalar that both sides know."""
        self._state.update(_SCALAR + scalar.to_bytes(ELEMENT_BYTES, "little"))

    def absorb_point(self, point: Point) -> None:
        """Binds a point that both sides know."""
        x, y = (coordinate.to_bytes(ELEMENT_BYTES, "little") for coordinate in point)
        self._state.update(_POINT + x + y)

    def squeeze(self) -> int:
        """Returns the next challenge, an element of Fp."""
        self._state.update(_CHALLENGE)
        return int.from_bytes(self._state.digest(), "little") % P

    def read_point(self) -> Point:
        """Reads a point other than the identity; raises what `vesta.decompress` raises."""
        point = decompress(self._take())
        self.absorb_point(point)
        return point

    def read_points(self, count: int) -> list[Point]:
        """Reads ``count`` points."""
        return [self.read_point() for _ in range(count)]

    def read_scalar(self) -> int:
        """Reads a canonical scalar; raises what `pasta_fields.parse_scalar` raises."""
        scalar = parse_scalar(self._take())
        self.absorb_scalar(scalar)
        return scalar

    def read_scalars(self, count: int) -> list[int]:
        """Reads ``count`` scalars."""
        return [self.read_scalar() for _ in range(count)]

    def finish(self) -> None:
        """Asserts that the proof was read to its end.

        Raises:
            Rejection: ``proof.trailing-bytes``.
        """
        if self._proof:
            raise Rejection(
                "proof.trailing-bytes", "bytes follow the proof", got=f"{len(self._proof)} bytes"
            )

    def _take(self) -> bytes:
        item, self._proof = self._proof[:ELEMENT_BYTES], self._proof[ELEMENT_BYTES:]
        if len(item) < ELEMENT_BYTES:
            raise Rejection("proof.truncated", "the proof ends early")
        return bytes(item)
