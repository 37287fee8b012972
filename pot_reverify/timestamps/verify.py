"""Verify a time-stamp response offline, for authorities that the reader names.

Two implementations must agree: the steps below on `cryptography`, and OpenSSL's CMS verification by
`rfc3161-client`, which has the last word.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Protocol

from pot_reverify.encoding.digest import sha256_digest
from pot_reverify.errors import Indeterminate, Rejection
from pot_reverify.timestamps.token import Token, parse_token

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
NEEDS_BACKEND: Final = "the extra `time` (pip install 'pot-audit[time]')"


class Authority(Protocol):
    """A time-stamping authority that the reader names."""

    @property
    def name(self) -> str:
        """Shown to people."""

    @property
    def root(self) -> bytes:
        """DER of the certificate that its certificates chain to."""

    @property
    def certificate(self) -> bytes | None:
        """DER of its own certificate, where only this one will do."""


@dataclass(frozen=True, slots=True)
class TimeStamp:
    """What a verified token proves: its message existed by `gen_time_ns`.

    Args:
        token: what was read.
        authority: the name that the reader gave to the authority.
        certificate: the subject of the certificate that signed.
        not_before_ns: when the certificates up to the root are all valid.
        not_after_ns: likewise; after it, only a later token over this one lets it prove anything.
    """

    token: Token
    authority: str
    certificate: str
    not_before_ns: int
    not_after_ns: int

    @property
    def gen_time_ns(self) -> int:
        """The time in the token."""
        return self.token.gen_time_ns


def verify_token(
    data: bytes,
    message: bytes,
    authorities: Sequence[Authority],
    intermediates: Sequence[bytes] = (),
) -> TimeStamp:
    """Verify that one DER TimeStampResp is over this message, by an authority of these.

    Args:
        intermediates: DER of certificates between root and authority, if the token lacks them.

    Raises:
        Rejection: ``time.token-imprint``, what `parse_token` and `verify_time_stamp` raise.
        Indeterminate: ``time.authority-not-named``, ``time.backend-missing``.
    """
    token = parse_token(data, "time-stamp token")
    if not token.covers(message):
        raise Rejection(
            "time.token-imprint", "the token is over other bytes than these", where=token.where
        )
    return verify_time_stamp(token, authorities, intermediates)


def verify_time_stamp(
    token: Token, authorities: Sequence[Authority], intermediates: Sequence[bytes] = ()
) -> TimeStamp:
    """Verify who signed a token, and that the certificates were valid when it says.

    Args:
        intermediates: as for `verify_token`.

    Raises:
        Rejection: ``time.token-malformed``, ``time.token-signature``, ``time.token-algorithm``,
            ``time.certificate-*``, ``time.root-not-self-issued``.
        Indeterminate: ``time.authority-not-named``, ``time.backend-missing``.
    """
    try:
        import rfc3161_client  # noqa: F401, PLC0415  needs an extra

        from pot_reverify.timestamps import chain  # noqa: PLC0415
    except ImportError:
        raise Indeterminate(
            "time.backend-missing",
            "time-stamp tokens are checked with the packages cryptography and rfc3161-client",
            needs=NEEDS_BACKEND,
        ) from None
    pinned = [one.certificate for one in authorities if one.certificate is not None]
    known = [
        chain.load_certificate(der, where)
        for where, ders in ((token.where, token.certificates), ("yours", (*pinned, *intermediates)))
        for der in ders
    ]
    signer = _signer_certificate(token, known)
    if signer is None:
        raise _not_named(token, "its certificate is neither in the token nor in your policy")
    _verify_signature(token, signer)
    chain.require_time_stamping(signer, token.where)
    for authority in authorities:
        if authority.certificate not in {None, chain.der_of(signer)}:
            continue
        root = chain.load_certificate(authority.root, authority.name)
        if root.issuer != root.subject:
            raise Rejection(
                "time.root-not-self-issued",
                "the certificate that you name as a root is one of another authority",
                where=authority.name,
                expected="the certificate at the end of the chain",
                got=root.issuer.rfc4514_string(),
            )
        found = chain.find_chain(signer, known, root)
        if found is None:
            continue
        if not found.not_before_ns <= token.gen_time_ns <= found.not_after_ns:
            raise Rejection(
                "time.certificate-not-valid",
                "a certificate of the authority was not valid at the time in the token",
                where=token.where,
                got=signer.subject.rfc4514_string(),
            )
        is_last_second = token.gen_time_ns == found.not_after_ns
        _verify_again(token, found.certificates, is_last_second=is_last_second)
        return TimeStamp(
            token,
            authority.name,
            signer.subject.rfc4514_string(),
            found.not_before_ns,
            found.not_after_ns,
        )
    raise _not_named(token, signer.subject.rfc4514_string())


def _not_named(token: Token, who: str) -> Indeterminate:
    return Indeterminate(
        "time.authority-not-named",
        f"by a time authority that you have not named: {who}",
        needs="the authority's root certificate, from a source that you trust",
        where=token.where,
    )


def _signer_certificate(
    token: Token, certificates: Sequence["Certificate"]
) -> "Certificate | None":
    """The certificate that the signed attribute names by its digest, and the label by its number.

    Raises:
        Rejection: ``time.certificate-other``, if the label names one that the attribute does not.
    """
    from pot_reverify.timestamps.chain import der_of  # noqa: PLC0415  needs an extra

    labelled = {
        der_of(one): one
        for one in certificates
        if one.serial_number == token.signer.serial
        and one.issuer.public_bytes() == token.signer.issuer
    }
    named = [certificate for der, certificate in labelled.items() if token.signer.names(der)]
    if len(labelled) > len(named):
        raise Rejection(
            "time.certificate-other",
            "the label of the signature fits another certificate than the one that is signed",
            where=token.where,
            got=", ".join(sorted(sha256_digest(der).hex() for der in labelled)),
        )
    return named[0] if named else None


def _verify_signature(token: Token, certificate: "Certificate") -> None:
    from cryptography.exceptions import InvalidSignature  # noqa: PLC0415  needs an extra
    from cryptography.hazmat.primitives import hashes  # noqa: PLC0415
    from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa  # noqa: PLC0415

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
        expected="ECDSA on P-256, P-384 or P-521, or RSA of 2048 bits and more, with SHA-2",
        got=f"{signer.algorithm} with {signer.hash_name}",
    )


def _verify_again(
    token: Token, certificates: Sequence["Certificate"], *, is_last_second: bool
) -> None:
    """The second opinion.

    Args:
        is_last_second: whether the token is from the very notAfter of a certificate, which is still
            inside its validity (RFC 5280 §4.1.2.5). OpenSSL ends certificates before that second.
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
