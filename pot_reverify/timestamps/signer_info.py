"""Who signed a token, and over which bytes: the one SignerInfo of CMS (RFC 5652 §5.3)."""

import hashlib
from dataclasses import dataclass
from typing import Final

from pot_reverify.errors import Rejection
from pot_reverify.timestamps import der
from pot_reverify.timestamps.der import Element, Fields, context, malformed

HASHES: Final = {
    "2.16.840.1.101.3.4.2.1": "sha256",
    "2.16.840.1.101.3.4.2.2": "sha384",
    "2.16.840.1.101.3.4.2.3": "sha512",
}
"""The digests that a token may use, for the imprint as for the signature."""

TST_INFO: Final = "1.2.840.113549.1.9.16.1.4"
_CONTENT_TYPE: Final = "1.2.840.113549.1.9.3"
_MESSAGE_DIGEST: Final = "1.2.840.113549.1.9.4"
_SIGNING_CERTIFICATE: Final = "1.2.840.113549.1.9.16.2.12"
_SIGNING_CERTIFICATE_V2: Final = "1.2.840.113549.1.9.16.2.47"


@dataclass(frozen=True, slots=True)
class SignerInfo:
    """The signature of a token, and which certificate it says that it was made with.

    Args:
        issuer: DER of the name of the certificate's issuer; nobody signed this.
        serial: the certificate's serial number; nobody signed this.
        certificate_hash: ``sha1`` only in the older form of the attribute (RFC 2634).
        certificate_digest: of the certificate; this is signed.
        message: the bytes that the signature is over: the signed attributes.
        algorithm: the object identifier beside the signature.
        hash_name: the digest that belongs to it.
    """

    issuer: bytes
    serial: int
    certificate_hash: str
    certificate_digest: bytes
    message: bytes
    algorithm: str
    hash_name: str
    signature: bytes

    def names(self, certificate: bytes) -> bool:
        """Whether the signed digest is that of this certificate."""
        # SHA-1 names a certificate here; that the key signed is checked with the key itself.
        digest = hashlib.new(self.certificate_hash, certificate, usedforsecurity=False).digest()
        return digest == self.certificate_digest


def parse_signer_info(fields: Fields, content: bytes, where: str) -> SignerInfo:
    """Read the SignerInfo of a token.

    Args:
        content: the token's content, whose digest must be signed.

    Raises:
        Rejection: ``time.token-malformed``, ``time.token-algorithm`` or ``time.token-signature``.
    """
    if fields.take(der.INTEGER).integer() != 1:
        raise malformed(where, "a signer that is not named by issuer and serial number")
    named = fields.take(der.SEQUENCE).fields()
    issuer = named.take(der.SEQUENCE).encoded
    serial = named.take(der.INTEGER).integer()
    named.finish()
    name = hash_name(fields.take(der.SEQUENCE))
    attributes = fields.take(context(0))
    algorithm = fields.take(der.SEQUENCE).fields().take(der.OBJECT_IDENTIFIER).oid()
    signature = fields.take(der.OCTET_STRING).content
    fields.take_optional(context(1))  # unsigned, so that nobody relies on it
    fields.finish()
    values = _attributes(attributes)
    require_oid(_value(values, _CONTENT_TYPE, where), TST_INFO)
    digest = _value(values, _MESSAGE_DIGEST, where).require(der.OCTET_STRING).content
    if digest != hashlib.new(name, content).digest():
        raise Rejection(
            "time.token-signature", "the signed digest is not that of the token", where=where
        )
    certificate_hash, certificate_digest = _certificate_digest(values, where)
    return SignerInfo(
        issuer=issuer,
        serial=serial,
        certificate_hash=certificate_hash,
        certificate_digest=certificate_digest,
        message=bytes([der.SET]) + attributes.encoded[1:],
        algorithm=algorithm,
        hash_name=name,
        signature=signature,
    )


def hash_name(algorithm: Element) -> str:
    """The digest that an AlgorithmIdentifier names.

    Raises:
        Rejection: ``time.token-algorithm``.
    """
    fields = algorithm.fields()
    oid = fields.take(der.OBJECT_IDENTIFIER).oid()
    parameters = fields.take_optional(der.NULL)
    fields.finish()
    if oid not in HASHES or (parameters is not None and parameters.content):
        raise Rejection(
            "time.token-algorithm",
            "a digest that no token may use",
            where=algorithm.where,
            expected="SHA-256, SHA-384 or SHA-512",
            got=oid,
        )
    return HASHES[oid]


def require_oid(element: Element, oid: str) -> None:
    """Refuse another object identifier than this one.

    Raises:
        Rejection: ``time.token-malformed``.
    """
    if element.oid() != oid:
        raise malformed(element.where, "another kind of content", oid, element.oid())


def _attributes(attributes: Element) -> dict[str, Element]:
    """Each signed attribute's one value."""
    values: dict[str, Element] = {}
    for attribute in attributes.sorted_items():
        fields = attribute.fields()
        oid = fields.take(der.OBJECT_IDENTIFIER).oid()
        members = fields.take(der.SET).items()
        fields.finish()
        if oid in values or len(members) != 1:
            raise malformed(attribute.where, "a signed attribute has not one value", got=oid)
        values[oid] = members[0]
    return values


def _value(values: dict[str, Element], oid: str, where: str) -> Element:
    if oid not in values:
        raise malformed(where, "a signed attribute is missing", expected=oid)
    return values[oid]


def _certificate_digest(values: dict[str, Element], where: str) -> tuple[str, bytes]:
    """The first ESSCertIDv2 (RFC 5816), or where there is none the first ESSCertID (RFC 2634)."""
    newer = values.get(_SIGNING_CERTIFICATE_V2)
    attribute = newer or _value(values, _SIGNING_CERTIFICATE, where)
    fields = attribute.fields()
    identifiers = fields.take(der.SEQUENCE).items()
    fields.take_optional(der.SEQUENCE)  # policies
    fields.finish()
    if not identifiers:
        raise malformed(where, "the signed attribute names no certificate")
    first = identifiers[0].fields()
    hash_field = None if newer is None else first.take_optional(der.SEQUENCE)
    default = "sha1" if newer is None else "sha256"
    algorithm = default if hash_field is None else hash_name(hash_field)
    digest = first.take(der.OCTET_STRING).content
    first.take_optional(der.SEQUENCE)  # issuer and serial number, which the digest covers
    first.finish()
    return algorithm, digest
