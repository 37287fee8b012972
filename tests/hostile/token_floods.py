"""Appended time-stamp tokens: whoever has a bundle can add them, and needs nobody's key."""

from collections.abc import Callable, Iterator

from bundle_floods import SMALL
from certificates import Holder, make_root, make_tsa
from certificates_by_hand import certificate, extension, rsa_key
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from draft import Draft
from forge import Forge, der, ess_v2, integer, octets, oid, seq
from token_root import LONG, ROOT, ROOT_NAME, key

from pot_reverify.container.frames import FrameType
from pot_reverify.documents.blob import Attachment
from pot_reverify.timestamps.der import parse_one
from pot_reverify.timestamps.token import MEDIA_TYPE

_TSA = make_tsa(ROOT, key=key("tsa"), serial=2, **LONG)
_P521 = ec.generate_private_key(ec.SECP521R1())
_SIGNATURE = Draft(SMALL).map(FrameType.SIGNATURE)["signature"]


def token_floods() -> dict[str, Callable[[], bytes]]:
    """Name and maker of each."""
    return {f"tokens, {name}": make for name, make in _floods()}


def append_tokens(tokens: list[bytes]) -> bytes:
    """A good bundle with these behind it."""
    draft = Draft(SMALL)
    for token in tokens:
        draft.append(FrameType.ATTACHMENT, Attachment(MEDIA_TYPE, token).encode())
    return draft.data()


def _floods() -> Iterator[tuple[str, Callable[[], bytes]]]:
    yield "roots' namesakes with long keys", lambda: append_tokens(list(_namesakes(48, 5, 12_288)))
    yield "certificates by the root's name", lambda: append_tokens(list(_namesakes(60, 15, 1024)))
    yield "a signature by a key of 16 kbit", lambda: append_tokens([_rsa_token(16_384)])
    yield (
        "a signature with a long exponent",
        lambda: append_tokens([_rsa_token(3072, (1 << 3000) + 1)]),
    )
    yield "good ones", lambda: append_tokens([_token(serial=n) for n in range(64)])
    yield "renewals of renewals", lambda: append_tokens(_renewals(64))
    yield "renewals of one", lambda: append_tokens(_fan(64))
    yield "too many", lambda: append_tokens([b"%d" % n for n in range(1000)])
    yield (
        "a status of 2,500 bytes",
        lambda: append_tokens([_token(status=seq(integer(1 << 20_000)))]),
    )
    yield "a serial number of 60,000 bytes", lambda: append_tokens([_token(serial=1 << 480_000)])
    yield "a nonce of 60,000 bytes", lambda: append_tokens([_token(nonce=integer(1 << 480_000))])
    yield (
        "an accuracy of 2,500 bytes",
        lambda: append_tokens([_token(accuracy=seq(integer(1 << 20_000)))]),
    )
    yield "an accuracy of centuries", lambda: append_tokens([_token(accuracy=seq(integer(10**18)))])
    yield "a version of 2,500 bytes", lambda: append_tokens([_token(version=1 << 20_000)])
    yield (
        "arcs of an identifier",
        lambda: append_tokens(
            [_token(extensions=der(0xA1, seq(der(6, b"\x01" * 60_000), octets(b""))))]
        ),
    )
    yield (
        "empty sequences",
        lambda: append_tokens(
            [_token(crls=der(0xA1, seq() * 30_000), serial=n) for n in range(15)]
        ),
    )
    yield (
        "certificates that are none",
        lambda: append_tokens([seq(seq(integer(0), seq(*[der(0x0C, b"a")] * 20_000)))]),
    )
    yield (
        "extensions of a certificate",
        lambda: append_tokens(
            [_token(certificates=[_TSA.der, _crowded(n)], serial=n) for n in range(15)]
        ),
    )
    yield (
        "certificates on P-521",
        lambda: append_tokens(
            [_token(certificates=sorted([_TSA.der, *_on_p521(12)]), serial=n) for n in range(60)]
        ),
    )
    yield (
        "a name of 2,000 parts",
        lambda: append_tokens(
            [_token(certificates=sorted([_TSA.der, _long_named()]), serial=n) for n in range(24)]
        ),
    )
    yield "depth", lambda: append_tokens([_deep(30_000)])


def _token(**fields: object) -> bytes:
    return Forge(_TSA, _SIGNATURE, gen_time="20261125000000Z", **fields).data()


def _renewals(count: int) -> list[bytes]:
    tokens = [_token()]
    while len(tokens) < count:
        tokens.append(Forge(_TSA, tokens[-1], gen_time="20261125000000Z").data())
    return tokens


def _fan(count: int) -> list[bytes]:
    first = _token()
    made = (Forge(_TSA, first, gen_time="20261125000000Z", serial=n) for n in range(1, count))
    return [first, *(one.data() for one in made)]


def _namesakes(count: int, others: int, bits: int) -> Iterator[bytes]:
    """Every way through them leads to the root by names, and by nothing else."""
    impostor = make_root(ROOT_NAME, **LONG)
    tsa = make_tsa(impostor, "leaf", **LONG)
    for number in range(count):
        fakes = [certificate(ROOT_NAME, ROOT_NAME, rsa_key(bits), bits // 8) for _ in range(others)]
        made = Forge(tsa, _SIGNATURE, gen_time="20261125000000Z", serial=number)
        made.certificates = sorted([tsa.der, *fakes])
        yield made.data()


def _rsa_token(bits: int, exponent: int = 65537) -> bytes:
    """Its certificate holds the key; the signature is as long as the key asks for."""
    encoded = certificate("leaf", ROOT_NAME, rsa_key(bits, exponent), 256, ca=False)
    holder = Holder(_read(encoded), _Signature(bits // 8))
    made = Forge(holder, _SIGNATURE, gen_time="20261125000000Z", ess=ess_v2(encoded))
    made.signature_oid = "1.2.840.113549.1.1.1"
    made.certificates = [encoded]
    return made.data()


class _Signature:
    """In place of a private key: bytes of the right length, below any modulus."""

    def __init__(self, size_bytes: int) -> None:
        self._size_bytes = size_bytes

    def sign(self, _message: bytes) -> bytes:
        return b"\x01" * self._size_bytes


def _read(encoded: bytes):
    from cryptography import x509

    return x509.load_der_x509_certificate(encoded)


def _crowded(number: int) -> bytes:
    crowd = [extension(f"1.3.6.1.4.1.99999.{place}", octets(b"x")) for place in range(2000)]
    return certificate(f"crowd {number}", ROOT_NAME, rsa_key(2048), 256, *crowd)


def _on_p521(count: int) -> list[bytes]:
    key = _P521.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    return [certificate("a", ROOT_NAME, key, 256) for _ in range(count)]


def _long_named() -> bytes:
    part = der(0x31, seq(oid("2.5.4.3"), der(0x0C, b"a")))
    long_name = seq(*[part] * 2000)
    made = certificate("SUBJECT", ROOT_NAME, rsa_key(1024), 128)
    return _with_subject(made, long_name)


def _with_subject(made: bytes, long_name: bytes) -> bytes:
    """The certificate again, with another name in it and lengths that fit."""
    items = parse_one(made, "certificate").items()
    fields = [one.encoded for one in items[0].items()]
    fields[5] = long_name
    return seq(seq(*fields), *(one.encoded for one in items[1:]))


def _deep(depth: int) -> bytes:
    data = b""
    for _ in range(depth):
        if len(data) > 60_000:
            break
        data = seq(data)
    return data
