"""The generators: points that nobody knows a relation between, from a public string.

Halo2 book, "Background: Polynomial commitment"; ``Params::new`` of halo2_proofs. There is no
trusted setup: each generator is the hash, onto the curve, of ``Halo2-Parameters`` and its index
(simplified SWU with BLAKE2b, RFC 9380 sections 5.2, 5.3.1, 6.6.2 and 6.6.3, as in the Zcash
protocol specification, section 5.4.9.8). Deriving 2^12 of them takes seconds, so they are kept in
the user's cache folder; what is read from there counts only if its digest is the pinned one.
"""

import hashlib
import os
import struct
import tempfile
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from pot_reverify.proof.pasta_fields import ELEMENT_BYTES, Q, invert_all, square_root
from pot_reverify.proof.vesta import Point, add_pairs

# SHA-256 of the cached form, one for each size that a circuit in the registry has.
PINNED_DIGESTS = {
    10: "224879eefd422a8fa14be3a178f4e3286f2c28954bd06f3072225f04718fb30c",
    11: "590192f6670789da8fe092704b6d240adcef583192da73434b95338595fe67aa",
    12: "6085d25c91a792fce3d0aec138b3e808005ebea9647e25174cddabf11a5e7c07",
    13: "c37cdf7245c5987b5e0f77a6ca0292f1e4d17d5f75d668521b6e666a9b090296",
    14: "28e7ef12095b0ce713dbb457574e57cb6fb060f63a14edef521749c9d20ca8b7",
}

_DOMAIN = b"Halo2-Parameters-vesta_XMD:BLAKE2b_SSWU_RO_"
_DOMAIN_SUFFIX = _DOMAIN + bytes([len(_DOMAIN)])
_ISO_A = 0x267F9B2EE592271A81639C4D96F787739673928C7D01B212C515AD7242EAA6B1
_ISO_B = 1265
_SWU_Z = -13
# Coefficients of the isogeny of degree 3 onto Vesta, highest power first; leading ones omitted.
_ISOGENY = (
    0x38E38E38E38E38E38E38E38E38E38E390205DD51CFA0961A43CD42C800000001,
    0x1D935247B4473D17ACECF10F5F7C09A2216B8861EC72BD5D8B95C6AAF703BCC5,
    0x18760C7F7A9AD20DED7EE4A9CDF78F8FD59D03D23B39CB11AEAC67BBEB586A3D,
    0x31C71C71C71C71C71C71C71C71C71C71E1C521A795AC8356FB539A6F0000002B,
    0x0A2DE485568125D51454798A5B5C56B2A3AD678129B604D3B7284F7EAF21A2E9,
    0x14735171EE5427780C621DE8B91C242A30CD6D53DF49D235F169C187D2533465,
    0x12F684BDA12F684BDA12F684BDA12F685601F4709A8ADCB36BEF1642AAAAAAAB,
    0x2EC9A923DA239E8BD6767887AFBE04D121D910AEFB03B31D8BEE58E5FB81DE63,
    0x19B0D87E16E2578866D1466E9DE10E6497A3CA5C24E9EA634986913AB4443034,
    0x1ED097B425ED097B425ED097B425ED098BC32D36FB21A6A38F64842C55555533,
    0x2F44D6C801C1B8BF9E7EB64F890A820C06A767BFC35B5BAC58DFECCE86B2745E,
    0x3D59F455CAFC7668252659BA2B546C7E926847FB9DDD76A1D43D449776F99D2F,
    0x40000000000000000000000000000000224698FC0994A8DD8C46EB20FFFFFDE5,
)


@dataclass(frozen=True, slots=True)
class Generators:
    """The public parameters for polynomials of 2^k coefficients.

    Attributes:
        g: one generator a coefficient.
        w: the generator of the blinding factor.
        u: the generator of the claimed value.
    """

    g: tuple[Point, ...]
    w: Point
    u: Point


@cache
def generators(k: int) -> Generators:
    """Returns the generators, from the cache folder if they are there, else derived."""
    pinned = PINNED_DIGESTS.get(k)
    if pinned is None:
        return derive_generators(k)
    name = f"vesta-generators-{k}"
    # No folder, no permission, no space: then they are derived, each time.
    with suppress(OSError, RuntimeError):
        content = (_cache_folder() / name).read_bytes()
        if hashlib.sha256(content).hexdigest() == pinned:
            return _decode(content)
    derived = derive_generators(k)
    with suppress(OSError, RuntimeError):
        _store(_cache_folder() / name, encode_generators(derived))
    return derived


def derive_generators(k: int) -> Generators:
    """Derives the generators for 2^k coefficients from the public string."""
    messages = [struct.pack("<BI", 0, index) for index in range(1 << k)] + [b"\x01", b"\x02"]
    elements = [element for message in messages for element in _hash_to_field(message)]
    mapped = _map_to_isogenous_curve(elements)
    # The addition law does not depend on the curve where the points differ, as these do.
    sums = add_pairs(list(zip(mapped[::2], mapped[1::2], strict=True)))
    *g, w, u = _isogeny([point for point in sums if point])
    return Generators(tuple(g), w, u)


def encode_generators(parameters: Generators) -> bytes:
    """Returns the cached form: x and y of g, w, u; 32 bytes each, little-endian."""
    points = (*parameters.g, parameters.w, parameters.u)
    return b"".join(
        coordinate.to_bytes(ELEMENT_BYTES, "little") for point in points for coordinate in point
    )


def _decode(content: bytes) -> Generators:
    coordinates = [
        int.from_bytes(content[start : start + ELEMENT_BYTES], "little")
        for start in range(0, len(content), ELEMENT_BYTES)
    ]
    *g, w, u = zip(coordinates[::2], coordinates[1::2], strict=True)
    return Generators(tuple(g), w, u)


def _cache_folder() -> Path:
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "pot-audit" / "halo2"


def _store(path: Path, content: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.NamedTemporaryFile(dir=path.parent, delete=False) as file:
        file.write(content)
    Path(file.name).replace(path)


def _hash_to_field(message: bytes) -> tuple[int, int]:
    first = hashlib.blake2b(bytes(128) + message + b"\x00\x80\x00" + _DOMAIN_SUFFIX).digest()
    b_1 = hashlib.blake2b(first + b"\x01" + _DOMAIN_SUFFIX).digest()
    mixed = bytes(a ^ b for a, b in zip(first, b_1, strict=True))
    b_2 = hashlib.blake2b(mixed + b"\x02" + _DOMAIN_SUFFIX).digest()
    return int.from_bytes(b_1, "big") % Q, int.from_bytes(b_2, "big") % Q


def _map_to_isogenous_curve(elements: Sequence[int]) -> list[Point]:
    """Maps each element to a point of y² = x³ + a·x + b, by simplified SWU."""
    twists = [_SWU_Z * element * element % Q for element in elements]
    inverses = invert_all([(twist * twist + twist) % Q for twist in twists], Q)
    base = -_ISO_B * pow(_ISO_A, -1, Q) % Q
    points = []
    for element, twist, inverse in zip(elements, twists, inverses, strict=True):
        x = base * (1 + inverse) % Q
        y = square_root(((x * x + _ISO_A) * x + _ISO_B) % Q)
        if y is None:
            x = twist * x % Q
            y = square_root(((x * x + _ISO_A) * x + _ISO_B) % Q)
        assert y is not None, "one of the two candidates is on the curve"
        points.append((x, y if y & 1 == element & 1 else Q - y))
    return points


def _isogeny(points: Sequence[Point]) -> list[Point]:
    x3, x2, x1, x0, d1, d0, y3, y2, y1, y0, e2, e1, e0 = _ISOGENY
    numerators, denominators = [], []
    for x, y in points:
        x_denominator = ((x + d1) * x + d0) % Q
        y_denominator = (((x + e2) * x + e1) * x + e0) % Q
        x_numerator = (((x3 * x + x2) * x + x1) * x + x0) * y_denominator % Q
        y_numerator = (((y3 * x + y2) * x + y1) * x + y0) * y * x_denominator % Q
        numerators.append((x_numerator, y_numerator))
        denominators.append(x_denominator * y_denominator % Q)
    inverses = invert_all(denominators, Q)
    return [
        (x * inverse % Q, y * inverse % Q)
        for (x, y), inverse in zip(numerators, inverses, strict=True)
    ]
