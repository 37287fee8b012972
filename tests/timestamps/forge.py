"""Time-stamp responses put together field by field, so that each field can be wrong."""

import hashlib
from dataclasses import dataclass, field
from datetime import UTC, datetime

from certificates import Holder
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding

SHA1, SHA256, SHA384, SHA512 = (
    "1.3.14.3.2.26", "2.16.840.1.101.3.4.2.1", "2.16.840.1.101.3.4.2.2", "2.16.840.1.101.3.4.2.3",
)  # fmt: skip
ECDSA_SHA256, RSA, RSA_SHA256 = (
    "1.2.840.10045.4.3.2", "1.2.840.113549.1.1.1", "1.2.840.113549.1.1.11",
)  # fmt: skip
SIGNED_DATA, TST_INFO = "1.2.840.113549.1.7.2", "1.2.840.113549.1.9.16.1.4"
CONTENT_TYPE, MESSAGE_DIGEST = "1.2.840.113549.1.9.3", "1.2.840.113549.1.9.4"
ESS_V1, ESS_V2 = "1.2.840.113549.1.9.16.2.12", "1.2.840.113549.1.9.16.2.47"
_NAMES = {SHA1: "sha1", SHA256: "sha256", SHA384: "sha384", SHA512: "sha512"}


def der(tag, *parts):
    content = b"".join(parts)
    size = len(content)
    if size < 128:
        return bytes([tag, size]) + content
    octets = size.to_bytes((size.bit_length() + 7) // 8, "big")
    return bytes([tag, 128 | len(octets)]) + octets + content


def seq(*parts):
    return der(0x30, *parts)


def set_of(*parts):
    return der(0x31, *sorted(parts))


def integer(value):
    return der(2, value.to_bytes(value.bit_length() // 8 + 1, "big", signed=True))


def oid(dotted):
    first, second, *rest = map(int, dotted.split("."))
    return der(6, *(_arc(arc) for arc in (40 * first + second, *rest)))


def algorithm(dotted):
    return seq(oid(dotted))


def octets(data):
    return der(4, data)


@dataclass
class Forge:
    """What goes into a response; everything is good by default."""

    tsa: Holder
    message: bytes = b"message"
    gen_time: str = field(default_factory=lambda: f"{datetime.now(UTC):%Y%m%d%H%M%S}Z")
    status: bytes = seq(integer(0))
    outer_type: str = SIGNED_DATA
    inner_type: str = TST_INFO
    signed_type: str = TST_INFO
    version: int = 1
    imprint_oid: str = SHA256
    imprint: bytes | None = None
    serial: int = 7
    accuracy: bytes = b""
    ordering: bytes = b""
    nonce: bytes = b""
    extensions: bytes = b""
    more_info: bytes = b""
    certificates: list[bytes] | None = None
    crls: bytes = b""
    signer_version: int = 1
    label: Holder | None = None
    digest_oid: str = SHA256
    signature_oid: str = ECDSA_SHA256
    ess: bytes | None = None
    more_attributes: tuple[bytes, ...] = ()
    without: str | None = None
    message_digest: bytes | None = None
    signers: int = 1
    unsigned: bytes = b""
    signing_key: object = None

    def info(self):
        name = _NAMES.get(self.imprint_oid, "sha256")
        imprint = self.imprint or hashlib.new(name, self.message).digest()
        return seq(
            integer(self.version), oid("1.2.3.4"),
            seq(algorithm(self.imprint_oid), octets(imprint)),
            integer(self.serial), der(0x18, self.gen_time.encode()),
            self.accuracy, self.ordering, self.nonce, self.extensions, self.more_info,
        )  # fmt: skip

    def signer_info(self, info):
        label = (self.label or self.tsa).certificate
        digest = self.message_digest or _hash(self.digest_oid, info)
        ess = self.ess or ess_v2(self.tsa.der)
        attributes = [
            attribute(CONTENT_TYPE, oid(self.signed_type)),
            attribute(MESSAGE_DIGEST, octets(digest)),
            ess,
            *self.more_attributes,
        ]
        attributes = [one for one in attributes if not self._lacks(one)]
        signed = set_of(*attributes)
        return seq(
            integer(self.signer_version),
            seq(label.issuer.public_bytes(), integer(label.serial_number)),
            algorithm(self.digest_oid), b"\xa0" + signed[1:], algorithm(self.signature_oid),
            octets(self._sign(signed)), self.unsigned,
        )  # fmt: skip

    def signed_data(self):
        info = self.info()
        certificates = [self.tsa.der] if self.certificates is None else self.certificates
        embedded = der(0xA0, *sorted(certificates)) if certificates else b""
        return seq(
            integer(3), set_of(algorithm(self.digest_oid)),
            seq(oid(self.inner_type), der(0xA0, octets(info))), embedded, self.crls,
            set_of(*[self.signer_info(info)] * self.signers),
        )  # fmt: skip

    def data(self):
        return seq(self.status, seq(oid(self.outer_type), der(0xA0, self.signed_data())))

    def _lacks(self, one):
        return self.without is not None and oid(self.without) in one

    def _sign(self, signed):
        key = self.signing_key or self.tsa.key
        kind = {SHA256: hashes.SHA256, SHA384: hashes.SHA384, SHA512: hashes.SHA512}.get(
            self.digest_oid, hashes.SHA256
        )
        if isinstance(key, ec.EllipticCurvePrivateKey):
            return key.sign(signed, ec.ECDSA(kind()))
        if hasattr(key, "key_size"):
            return key.sign(signed, padding.PKCS1v15(), kind())
        return key.sign(signed)


def attribute(kind, *values):
    return seq(oid(kind), set_of(*values))


def ess_v2(certificate, name=None):
    digest = _hash(name or SHA256, certificate)
    hash_algorithm = b"" if name is None else algorithm(name)
    return attribute(ESS_V2, seq(seq(seq(hash_algorithm, octets(digest)))))


def ess_v1(certificate):
    return attribute(ESS_V1, seq(seq(seq(octets(_hash(SHA1, certificate))))))


def _hash(kind, data):
    return hashlib.new(_NAMES.get(kind, "sha256"), data).digest()


def _arc(value):
    groups = [value & 0x7F]
    while value := value >> 7:
        groups.append(0x80 | value & 0x7F)
    return bytes(reversed(groups))
