"""Policies, keys and pieces of evidence that a reader is handed."""

import base64
from collections.abc import Callable, Iterator

from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

Make = Callable[[], bytes]
_KIND = b'kind = "pot-audit/policy/1"\n'


def policy_floods() -> dict[str, Make]:
    """Name and maker of each policy."""
    room = 250_000
    lines = {
        "a dotted key": b"a" + b".a" * (room // 2) + b" = 1",
        "a dotted table": b"[a" + b".a" * (room // 2) + b"]",
        "dotted keys": b"\n".join(b"a.b%d = 1" % n for n in range(room // 12)),
        "quoted dotted keys": b"\n".join([b'"a"' + b' . "a"' * 120 + b" = 1"] * (room // 800)),
        "dotted keys of one inline table": b"x = {"
        + b", ".join(b"a%d.b.c.d.e.f = 1" % n for n in range(room // 30))
        + b"}",
        "tables": b"\n".join(b"[a.b%d]" % n for n in range(room // 10)),
        "arrays of tables": b"[[signer]]\n" * (room // 11),
        "brackets": b"a = " + b"[" * room,
        "braces": b"a = " + b"{a=" * (room // 3),
        "numbers": b"a = [" + b"1," * (room // 2 - 100) + b"]",
        "a number": b"a = 0x" + b"f" * room,
        "attempts": b"[accept]\nmax_attempts = 0x" + b"f" * 200_000,
        "attempts in decimal": b"[accept]\nmax_attempts = " + b"9" * 5000,
        "seats": b"[[signatures.quorum]]\nrecorder = 0x" + b"f" * 200_000,
        "levels": b"[binding]\nvmpls = [0x" + b"f" * 200_000 + b"]",
        "a float": b"a = 1." + b"1" * room,
        "escapes": b'name = "' + b"\\u0041" * (room // 6) + b'"',
        "quotes": b"name = '''" + b"''\n" * (room // 3),
        "comments": b"#\n" * (room // 2),
        "carriage returns": b"a\r" * (room // 2),
        "software": b"\n".join(
            [b'[[binding.software]]\nname = "s"\nkind = "tdx"\nregisters = {mrtd = "00"}'] * 3000
        ),
        "strings": b"[accept]\npresets = [" + b'"quick",' * (room // 9) + b"]",
        "dates": b"a = [" + b"2026-01-01T00:00:00Z," * (room // 22) + b"]",
    }
    return {
        f"policy, {name}": lambda text=text: _KIND + text[: 2**18 - 100]
        for name, text in lines.items()
    } | {
        "policy, signers": lambda: _signers(256),
        "policy, text over the limit": lambda: b"#" * 1_000_000,
    }


def _signers(count: int) -> bytes:
    return _KIND + b"\n".join(
        b'[[signer]]\nname = "s%d"\npublic_key = """%b"""' % (number, _ed25519_pem())
        for number in range(count)
    )


def key_floods() -> dict[str, Make]:
    """Name and maker of each file of public keys."""
    return {
        "keys, Ed25519": lambda: b"".join(_ed25519_pem() for _ in range(8000)),
        "keys, P-256": lambda: b"".join(_p256_pem() for _ in range(4000)),
        "keys, one twice": lambda: _ed25519_pem() * 2,
        "keys, lines": lambda: b"-----BEGIN PUBLIC KEY-----\n" + b"A\n" * 480_000,
        "keys, beginnings": lambda: b"-----BEGIN PUBLIC KEY-----\n" * 36_000,
        "keys, one long line": lambda: b"-----BEGIN PUBLIC KEY-----\n" + b"A" * 950_000,
        "keys, white space": lambda: b"\n" * 1_000_000,
    }


def _ed25519_pem() -> bytes:
    return _pem(ed25519.Ed25519PrivateKey.generate())


def _p256_pem() -> bytes:
    return _pem(ec.generate_private_key(ec.SECP256R1()))


def _pem(key) -> bytes:
    return key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)


def evidence_floods() -> dict[str, Make]:
    """Name and maker of each file that may hold a quote, its certificates or its collateral."""
    return {f"evidence, {name}": make for name, make in _evidence()}


def _evidence() -> Iterator[tuple[str, Make]]:
    texts = {
        "white space": b" " * 950_000 + b"!",
        "white space before hex": b" " * 950_000 + b"0g",
        "hex": b"ab" * 470_000 + b"g",
        "hex in pieces": b"ab " * 320_000 + b"a",
        "base64": b"A" * 950_000 + b"!",
        "base64 and white space": b"A " * 470_000 + b"!",
        "padding": b"=" * 950_000,
        "beginnings of PEM": b"-----BEGIN A-----" * 55_000,
        "a long label of PEM": b"-----BEGIN " + b"A" * 950_000,
        "blocks of PEM": b"-----BEGIN A-----\nAAAA\n-----END A-----\n" * 24_000,
        "ends of PEM": b"-----BEGIN A-----" + b"-----END B-----" * 60_000,
        "brackets": b"[" * 950_000,
        "objects": b"[" + b"{}," * 310_000 + b"{}]",
        "a quote in JSON": b'{"quote":"' + b"ab" * 470_000 + b'"}',
        "CBOR, arrays": b"\x84" + b"\x9a\x00\x0e\x00\x00" + b"\x80" * 0xE0000 + b"\x80\x80\x80",
        "CBOR, depth": b"\x84" + b"\x81" * 950_000,
        "CBOR, a claim": b"\x84\x9b\xff\xff\xff\xff\xff\xff\xff\xff",
        "CBOR, keys": b"\x84\xba\x00\x04\x00\x00"
        + b"".join(b"\x1a" + n.to_bytes(4, "big") + b"\xf6" for n in range(150_000)),
    }
    for name, text in texts.items():
        yield name, lambda text=text: text
    encoded = base64.b64encode(bytes(700_000))
    yield "base64 of zeros", lambda: encoded
