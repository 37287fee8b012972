"""The signature of a token: by the steps here on `cryptography`, and by OpenSSL a second time."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

from pot_reverify.errors import Rejection
from pot_reverify.timestamps.token import Token

if TYPE_CHECKING:
    from cryptography.x509 import Certificate

_MIN_RSA_BITS: Final = 2048
_CURVES: Final = frozenset({"secp256r1", "secp384r1", "secp521r1"})
_RSA_PKCS1: Final = {
    "1.2.840.113549.1.1.1": None,  # the digest stands beside it
    "1.2.840.113549.1.1.11": "sha256",
    "1.2.840.113549.1.1.12": "sha384",
    "1.2.840.113549.1.1.13": "sha512",
}
_ECDSA: Final = {
    "1.2.840.10045.4.3.2": "sha256",
    "1.2.840.10045.4.3.3": "sha384",
    "1.2.840.10045.4.3.4": "sha512",
}
_EXPIRED: Final = "certificate has expired"


def verify_signature(token: Token, certificate: "Certificate") -> None:
    """Verify that the certificate's key signed the token, under an algorithm that tokens may use.

    Raises:
        Rejection: ``time.token-signature``, ``time.token-algorithm``.
    """
    from cryptography.exceptions import InvalidSignature  # noqa: PLC0415  needs an extra
    from cryptography.hazmat.primitives import hashes  # noqa: PLC0415
    from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa  # noqa: PLC0415

    from pot_reverify.timestamps.chain import MAX_RSA_BITS, has_short_key  # noqa: PLC0415

    signer = token.signer
    digests = {"sha256": hashes.SHA256(), "sha384": hashes.SHA384(), "sha512": hashes.SHA512()}
    digest = digests[signer.hash_name]
    key = certificate.public_key()
    try:
        if (
            isinstance(key, ec.EllipticCurvePublicKey)
            and key.curve.name in _CURVES
            and _ECDSA.get(signer.algorithm) == signer.hash_name
        ):
            key.verify(signer.signature, signer.message, ec.ECDSA(digest))
            return
        if (
            isinstance(key, rsa.RSAPublicKey)
            and key.key_size >= _MIN_RSA_BITS
            and has_short_key(certificate)
            and _RSA_PKCS1.get(signer.algorithm, "none") in {None, signer.hash_name}
        ):
            key.verify(signer.signature, signer.message, padding.PKCS1v15(), digest)
            return
    except InvalidSignature as error:
        raise Rejection(
            "time.token-signature", "the authority did not sign this token", where=token.where
        ) from error
    raise Rejection(
        "time.token-algorithm",
        "a key or a signature algorithm that no token may use",
        where=token.where,
        expected="ECDSA on P-256, P-384 or P-521, or RSA of "
        f"{_MIN_RSA_BITS} to {MAX_RSA_BITS} bits, with SHA-2",
        got=f"{signer.algorithm} with {signer.hash_name}",
    )


def verify_with_openssl(
    token: Token, certificates: Sequence["Certificate"], *, is_last_second: bool
) -> None:
    """The second opinion: OpenSSL's CMS verification.

    Args:
        certificates: a verified chain, the authority's first and the root last.
        is_last_second: whether the token is from the very notAfter of a certificate, which is still
            inside its validity (RFC 5280 §4.1.2.5). OpenSSL ends certificates before that second.

    Raises:
        Rejection: ``time.token-malformed``, ``time.token-signature``.
    """
    from rfc3161_client import (  # noqa: PLC0415  needs an extra
        VerificationError,
        VerifierBuilder,
        decode_timestamp_response,
    )

    builder = VerifierBuilder(
        tsa_certificate=certificates[0],
        intermediates=list(certificates[1:-1]),
        roots=[certificates[-1]],
        nonce=token.nonce,
    )
    try:
        # The library reads much of the response only when it is asked.
        builder.build().verify(decode_timestamp_response(token.data), token.imprint)
    except ValueError as error:
        raise Rejection(
            "time.token-malformed", f"rfc3161-client cannot read it: {error}", where=token.where
        ) from error
    except VerificationError as error:
        if is_last_second and _EXPIRED in str(error):
            return
        raise Rejection(
            "time.token-signature", f"rfc3161-client refuses it: {error}", where=token.where
        ) from error
