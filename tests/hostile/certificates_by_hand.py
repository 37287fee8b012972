"""Certificates that nobody's key signed, field by field: what they cost to look at is the point."""

import random

from forge import der, integer, oid, seq

RSA_SHA256, RSA_KEY = "1.2.840.113549.1.1.11", "1.2.840.113549.1.1.1"
_RANDOM = random.Random(8)
_NULL = b"\x05\x00"


def name(common_name: str) -> bytes:
    return seq(der(0x31, seq(oid("2.5.4.3"), der(0x0C, common_name.encode()))))


def odd_number(bits: int) -> int:
    """Looks like a modulus; that it is a product of two primes matters to nobody."""
    return _RANDOM.getrandbits(bits) | 1 << (bits - 1) | 1


def rsa_key(bits: int, exponent: int = 65537) -> bytes:
    numbers = seq(integer(odd_number(bits)), integer(exponent))
    return seq(seq(oid(RSA_KEY), _NULL), der(0x03, b"\0" + numbers))


def certificate(
    subject: str, issuer: str, key: bytes, signature_bytes: int, *extensions: bytes, ca: bool = True
) -> bytes:
    """DER of a certificate whose signature is random bytes of a length that fits a key."""
    basic = extension("2.5.29.19", seq(der(1, b"\xff")) if ca else seq())
    body = seq(
        der(0xA0, integer(2)),
        integer(_RANDOM.getrandbits(60) | 1 << 59),
        seq(oid(RSA_SHA256), _NULL),
        name(issuer),
        seq(der(0x17, b"200101000000Z"), der(0x17, b"400101000000Z")),
        name(subject),
        key,
        der(0xA3, seq(basic, *extensions)),
    )
    signature = b"\x01" + _RANDOM.randbytes(signature_bytes - 1)
    return seq(body, seq(oid(RSA_SHA256), _NULL), der(0x03, b"\0" + signature))


def extension(dotted: str, value: bytes) -> bytes:
    return seq(oid(dotted), der(1, b"\xff"), der(4, value))
