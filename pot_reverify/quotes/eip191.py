"""Ethereum personal-message signatures (EIP-191, version 0x45), checked against an address.

The address is a digest of the public key, so the signature has to give the key (SEC 1 §4.1.6).
The code runs over public data only and need not run in constant time.
"""

from typing import Final

from pot_reverify.errors import Rejection

ADDRESS_BYTES: Final = 20
SIGNATURE_BYTES: Final = 65

# secp256k1 (SEC 2 §2.4.1)
_P: Final = 2**256 - 2**32 - 977
_N: Final = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141
_G: Final = (
    0x79BE667EF9DCBBAC55A06295CE870B07029BFCDB2DCE28D959F2815B16F81798,
    0x483ADA7726A3C4655DA4FBFC0E1108A8FD17B448A68554199C47D08FFB10D4B8,
)
_KECCAK_RATE_BYTES: Final = 136
_LANES: Final = 25
_WORD: Final = 2**64 - 1

_Point = tuple[int, int] | None


def verify_personal_message(address: bytes, message: bytes, signature: bytes) -> None:
    """Returns only if the holder of the address signed the message.

    Args:
        address: 20 bytes.
        message: what the wallet was asked to sign, without the prefix.
        signature: r, s (not above n/2), and v (27, 28, 0 or 1); 65 bytes.

    Raises:
        Rejection: ``quote.signature``.
    """
    r, s = (int.from_bytes(signature[i : i + 32], "big") for i in (0, 32))
    v = signature[64] % 27 if len(signature) == SIGNATURE_BYTES else 2
    x = pow(r, 3, _P) + 7
    y = pow(x, (_P + 1) // 4, _P)
    well_formed = v in (0, 1) and 0 < r < _N and 0 < s <= _N // 2 and y * y % _P == x % _P
    if well_formed:
        prefix = b"\x19Ethereum Signed Message:\n" + str(len(message)).encode()
        z = int.from_bytes(keccak256(prefix + message), "big")
        point = (r, y if y % 2 == v else _P - y)
        r_inverse = pow(r, -1, _N)
        key = _add(_multiply(point, s * r_inverse % _N), _multiply(_G, -z * r_inverse % _N))
        if key is not None:
            encoded = key[0].to_bytes(32, "big") + key[1].to_bytes(32, "big")
            if keccak256(encoded)[-ADDRESS_BYTES:] == address:
                return
    raise Rejection("quote.signature", "not a signature by this address", got=address.hex())


def keccak256(data: bytes) -> bytes:
    """Keccak-256 with the padding of the original submission, as Ethereum uses it."""
    padded = bytearray(data + bytes(_KECCAK_RATE_BYTES - len(data) % _KECCAK_RATE_BYTES))
    padded[len(data)] ^= 0x01
    padded[-1] ^= 0x80
    state = [0] * _LANES
    for start in range(0, len(padded), _KECCAK_RATE_BYTES):
        for lane in range(_KECCAK_RATE_BYTES // 8):
            at = start + 8 * lane
            state[lane] ^= int.from_bytes(padded[at : at + 8], "little")
        _permute(state)
    return b"".join(lane.to_bytes(8, "little") for lane in state[:4])


def _rotate(word: int, by: int) -> int:
    by %= 64
    return (word << by | word >> 64 - by) & _WORD


def _permute(state: list[int]) -> None:
    """Keccak-f[1600] (FIPS 202 §3.2): theta, rho and pi, chi, iota, 24 times."""
    lfsr = 1
    for _ in range(24):
        columns = [
            state[x] ^ state[x + 5] ^ state[x + 10] ^ state[x + 15] ^ state[x + 20]
            for x in range(5)
        ]
        for i in range(_LANES):
            state[i] ^= columns[(i - 1) % 5] ^ _rotate(columns[(i + 1) % 5], 1)
        x, y, current = 1, 0, state[1]
        for t in range(24):
            x, y = y, (2 * x + 3 * y) % 5
            at = x + 5 * y
            current, state[at] = state[at], _rotate(current, (t + 1) * (t + 2) // 2)
        for row in range(0, _LANES, 5):
            a, b, c, d, e = state[row : row + 5]
            state[row : row + 5] = (a ^ ~b & c, b ^ ~c & d, c ^ ~d & e, d ^ ~e & a, e ^ ~a & b)
        for j in range(7):
            state[0] ^= (lfsr & 1) << (1 << j) - 1
            lfsr = lfsr << 1 ^ (0x171 if lfsr & 0x80 else 0)


def _add(left: _Point, right: _Point) -> _Point:
    if left is None or right is None:
        return right if left is None else left
    (x1, y1), (x2, y2) = left, right
    if x1 == x2:
        if (y1 + y2) % _P == 0:
            return None
        slope = 3 * x1 * x1 * pow(2 * y1, -1, _P)
    else:
        slope = (y2 - y1) * pow(x2 - x1, -1, _P)
    x3 = (slope * slope - x1 - x2) % _P
    return x3, (slope * (x1 - x3) - y1) % _P


def _multiply(point: _Point, scalar: int) -> _Point:
    result: _Point = None
    while scalar:
        if scalar & 1:
            result = _add(result, point)
        point = _add(point, point)
        scalar >>= 1
    return result
