"""Read and verify an OpenSSF model signature (OMS 1.0): a Sigstore bundle around a DSSE envelope.

The reader names the key. Certificates, log entries and hints in the bundle choose nothing, and are
not judged. OMS signs with ECDSA over P-256, P-384 or P-521, each with the hash of its size.
"""

import base64
import binascii
from dataclasses import dataclass
from typing import Final

from pot_reverify.encoding import strict_json
from pot_reverify.encoding.fields import Fields
from pot_reverify.errors import Indeterminate, Rejection
from pot_reverify.seal.dsse import pae

PAYLOAD_TYPE: Final = "application/vnd.in-toto+json"
_MEDIA_TYPE: Final = "application/vnd.dev.sigstore.bundle"
MAX_BUNDLE_BYTES: Final = 128 << 20
_MAX_CHARACTERS: Final = 64 << 20
_MAX_ENTRIES: Final = 1024


@dataclass(frozen=True, slots=True)
class OmsBundle:
    """The signed bytes of a model signature, not verified yet.

    Args:
        material: how the bundle says it was signed: ``publicKey``, ``x509CertificateChain`` or
            ``certificate``.
    """

    payload: bytes
    signature: bytes
    material: str


def parse_oms_bundle(data: bytes, where: str) -> OmsBundle:
    """Read the bundle; fields that OMS does not use are ignored, as Sigstore has it.

    Raises:
        Rejection: ``json.*``, ``schema.*``, ``oms.media-type``, ``oms.material``,
            ``oms.payload-type``, ``oms.signature-count``, ``oms.base64``.
    """
    fields = Fields(strict_json.decode(data), where)
    media_type = fields.take_str("mediaType")
    if not media_type.startswith(_MEDIA_TYPE):
        raise Rejection(
            "oms.media-type",
            "not a Sigstore bundle",
            where=where,
            expected=_MEDIA_TYPE,
            got=media_type,
        )
    material = _material(fields.take_map("verificationMaterial"), where)
    envelope = fields.take_fields("dsseEnvelope")
    payload_type = envelope.take_str("payloadType")
    if payload_type != PAYLOAD_TYPE:
        raise Rejection(
            "oms.payload-type",
            "what is signed is not an in-toto statement",
            where=envelope.where,
            expected=PAYLOAD_TYPE,
            got=payload_type,
        )
    signatures = envelope.take_list("signatures", 0, _MAX_ENTRIES)
    if len(signatures) != 1:
        raise Rejection(
            "oms.signature-count",
            "a Sigstore bundle has exactly one signature",
            where=envelope.where,
            got=len(signatures),
        )
    signature = Fields(signatures[0], f"{envelope.where}.signatures[0]")
    return OmsBundle(
        _base64(envelope.take_str("payload", _MAX_CHARACTERS), envelope.where),
        _base64(signature.take_str("sig"), signature.where),
        material,
    )


def verify_oms_signature(bundle: OmsBundle, key_pem: bytes) -> None:
    """Verify the signature by the key that the reader names.

    Raises:
        Rejection: ``oms.key``, ``oms.signature``.
        Indeterminate: ``oms.backend-missing``.
    """
    try:
        # Heavy, and not every reader has it.
        from cryptography.exceptions import (  # noqa: PLC0415
            InvalidSignature,
            UnsupportedAlgorithm,
        )
        from cryptography.hazmat.primitives import hashes  # noqa: PLC0415
        from cryptography.hazmat.primitives.asymmetric import ec  # noqa: PLC0415
        from cryptography.hazmat.primitives.serialization import (  # noqa: PLC0415
            load_pem_public_key,
        )
    except ImportError as error:
        raise Indeterminate(
            "oms.backend-missing",
            "ECDSA is not available here",
            needs="pip install 'pot-audit[pq]'",
        ) from error
    try:
        key = load_pem_public_key(key_pem)
    except (ValueError, UnsupportedAlgorithm) as error:
        raise Rejection("oms.key", "not a PEM public key") from error
    match key:
        case ec.EllipticCurvePublicKey(curve=ec.SECP256R1()):
            digest: hashes.HashAlgorithm = hashes.SHA256()
        case ec.EllipticCurvePublicKey(curve=ec.SECP384R1()):
            digest = hashes.SHA384()
        case ec.EllipticCurvePublicKey(curve=ec.SECP521R1()):
            digest = hashes.SHA512()
        case _:
            raise Rejection("oms.key", "OMS keys are on P-256, P-384 or P-521")
    try:
        key.verify(bundle.signature, pae(PAYLOAD_TYPE, bundle.payload), ec.ECDSA(digest))
    except InvalidSignature as error:
        raise Rejection(
            "oms.signature",
            "the signature is not by the key that you named, or what it covers was changed",
        ) from error


def _material(material: object, where: str) -> str:
    """What the bundle says it was signed with; exactly one kind (OMS 1.0 §4.1)."""
    fields = Fields(material, f"{where}.verificationMaterial")
    names = ("publicKey", "x509CertificateChain", "certificate")
    kinds = [name for name in names if fields.has(name)]
    if len(kinds) != 1:
        raise Rejection(
            "oms.material",
            "the bundle says in exactly one way what it was signed with",
            where=fields.where,
            expected=" or ".join(names),
            got=", ".join(kinds) or "none",
        )
    if kinds == ["certificate"] and not (
        fields.has("tlogEntries") and fields.take_list("tlogEntries", 0, _MAX_ENTRIES)
    ):
        raise Rejection(
            "oms.material",
            "a certificate of Sigstore comes with an entry of a transparency log",
            where=fields.where,
        )
    return kinds[0]


def _base64(text: str, where: str) -> bytes:
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError) as error:
        raise Rejection("oms.base64", "not base64", where=where) from error
