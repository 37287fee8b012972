"""From the certificate of a time-stamping authority to a root that the reader names (RFC 5280).

Certificates that travel with a token only help to find the way; a root is one by its bytes alone.
"""

import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final, TypeVar

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.utils import CryptographyDeprecationWarning
from cryptography.x509.oid import ExtendedKeyUsageOID

from pot_reverify.errors import Indeterminate, Rejection

MAX_SIGNATURE_CHECKS: Final = 512
"""In a bundle: of certificates and of tokens. A token needs about three, and shares two of them."""
MAX_RSA_BITS: Final = 4096
_MAX_RSA_EXPONENT: Final = 1 << 32
_MAX_DEPTH: Final = 6
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_UNDERSTOOD_CRITICAL: Final = frozenset(
    {x509.BasicConstraints.oid, x509.KeyUsage.oid, x509.ExtendedKeyUsage.oid}
)
# What the library raises for bytes that it cannot read.
_PARSE_ERRORS: Final = (
    ValueError,
    TypeError,
    UnsupportedAlgorithm,
    x509.InvalidVersion,
    x509.DuplicateExtension,
    x509.UnsupportedGeneralNameType,
    CryptographyDeprecationWarning,
)

_E = TypeVar("_E", bound=x509.ExtensionType)


@dataclass(frozen=True, slots=True)
class Chain:
    """A verified chain, the authority's certificate first, the named root last.

    Args:
        not_before_ns: when the last of them becomes valid.
        not_after_ns: when the first of them expires.
    """

    certificates: tuple[x509.Certificate, ...]
    not_before_ns: int
    not_after_ns: int


def load_certificate(der: bytes, where: str) -> x509.Certificate:
    """Read a certificate, and all of it that later steps rely on.

    Raises:
        Rejection: ``time.certificate-malformed``.
    """
    try:
        with warnings.catch_warnings():
            # What the library only warns of, such as a negative serial number.
            warnings.simplefilter("error", CryptographyDeprecationWarning)
            certificate = x509.load_der_x509_certificate(der)
            # The library reads these only when asked.
            _ = certificate.extensions, certificate.public_key(), certificate.subject
            _ = certificate.not_valid_before_utc, certificate.not_valid_after_utc
            _ = certificate.issuer, certificate.serial_number
    except _PARSE_ERRORS as error:
        raise Rejection(
            "time.certificate-malformed", f"not a certificate: {error}", where=where
        ) from error
    return certificate


def require_time_stamping(certificate: x509.Certificate, where: str) -> None:
    """The certificate must be for time stamping and for nothing else (RFC 3161 §2.3).

    Raises:
        Rejection: ``time.certificate-usage``.
    """
    problem = None
    usage = _find(certificate, x509.ExtendedKeyUsage)
    if usage is None:
        problem = "the certificate is not one for time stamping"
    elif not usage.critical or list(usage.value) != [ExtendedKeyUsageOID.TIME_STAMPING]:
        problem = "the certificate may be used for other things than time stamping"
    key_usage = _find(certificate, x509.KeyUsage)
    if key_usage is not None and not (
        key_usage.value.digital_signature or key_usage.value.content_commitment
    ):
        problem = "the certificate's key may not sign"
    basic = _find(certificate, x509.BasicConstraints)
    if basic is not None and basic.value.ca:
        problem = "a certificate authority signed the token itself"
    problem = problem or _not_understood(certificate)
    if problem:
        raise Rejection(
            "time.certificate-usage",
            problem,
            where=where,
            expected="a critical extended key usage of exactly timeStamping",
            got=certificate.subject.rfc4514_string(),
        )


class CertificateStore:
    """The certificates of one bundle and one reader, each read and each pair checked only once.

    The paths go from the root down: a key checks signatures only after the root's key has vouched
    for it, so that no certificate that somebody appended can choose what a check costs.
    """

    def __init__(self) -> None:
        self._read: dict[bytes, x509.Certificate] = {}
        self._issued: dict[tuple[bytes, bytes], bool] = {}
        self._checks_left = MAX_SIGNATURE_CHECKS

    def load(self, der: bytes, where: str) -> x509.Certificate:
        """Read a certificate, as `load_certificate` does.

        Raises:
            Rejection: ``time.certificate-malformed``.
        """
        if der not in self._read:
            self._read[der] = load_certificate(der, where)
        return self._read[der]

    def spend_check(self) -> None:
        """Count one signature that is about to be checked.

        Raises:
            Indeterminate: ``time.too-many-checks``.
        """
        if not self._checks_left:
            raise Indeterminate(
                "time.too-many-checks",
                f"The tokens of the bundle ask for more than {MAX_SIGNATURE_CHECKS} signatures to "
                "be checked; the rest were not.",
                needs="the bundle without the tokens that somebody appended last",
            )
        self._checks_left -= 1

    def find_chain(
        self, leaf: x509.Certificate, others: Sequence[x509.Certificate], root: x509.Certificate
    ) -> Chain | None:
        """A chain of verified signatures to that root, or None if there is none.

        Args:
            others: certificates that may stand between; none is believed.

        Raises:
            Indeterminate: ``time.too-many-checks``.
        """
        if leaf == root:
            return _chain((leaf,))
        reached = {root}
        level: list[tuple[x509.Certificate, ...]] = [(root,)]
        for _ in range(_MAX_DEPTH):
            for path in level:
                if self._may_follow(leaf, path) and self._has_issued(path[0], leaf):
                    return _chain((leaf, *path))
            below: list[tuple[x509.Certificate, ...]] = []
            for path in level:
                for one in others:
                    if (
                        one not in reached
                        and self._may_follow(one, path)
                        and _is_issuer(one)
                        and (self._has_issued(path[0], one))
                    ):
                        reached.add(one)
                        below.append((one, *path))
            level = below
        return None

    def _may_follow(self, one: x509.Certificate, path: tuple[x509.Certificate, ...]) -> bool:
        return one.issuer == path[0].subject and all(
            _may_issue(issuer, depth) for depth, issuer in enumerate(path, 1)
        )

    def _has_issued(self, parent: x509.Certificate, child: x509.Certificate) -> bool:
        pair = (der_of(parent), der_of(child))
        if pair not in self._issued:
            self.spend_check()
            self._issued[pair] = _issued(child, parent)
        return self._issued[pair]


def has_short_key(certificate: x509.Certificate) -> bool:
    """Whether a check with the certificate's key takes no longer than one should."""
    key = certificate.public_key()
    return not isinstance(key, rsa.RSAPublicKey) or (
        key.key_size <= MAX_RSA_BITS and key.public_numbers().e < _MAX_RSA_EXPONENT
    )


def _chain(path: tuple[x509.Certificate, ...]) -> Chain:
    return Chain(
        path,
        max(_unix_ns(one.not_valid_before_utc) for one in path),
        min(_unix_ns(one.not_valid_after_utc) for one in path),
    )


def _is_issuer(certificate: x509.Certificate) -> bool:
    """Whether it may sign any certificate; how many may stand below it is not asked."""
    return _may_issue(certificate, 1)


def _may_issue(certificate: x509.Certificate, depth: int) -> bool:
    """Whether a certificate at this depth may sign the one below (RFC 5280 §6.1.4 k to n)."""
    basic = _find(certificate, x509.BasicConstraints)
    usage = _find(certificate, x509.KeyUsage)
    purposes = _find(certificate, x509.ExtendedKeyUsage)
    return (
        basic is not None
        and basic.value.ca
        and (basic.value.path_length is None or depth - 1 <= basic.value.path_length)
        and (usage is None or usage.value.key_cert_sign)
        and (
            purposes is None
            or ExtendedKeyUsageOID.TIME_STAMPING in purposes.value
            or ExtendedKeyUsageOID.ANY_EXTENDED_KEY_USAGE in purposes.value
        )
        and _not_understood(certificate) is None
        and has_short_key(certificate)
    )


def _issued(child: x509.Certificate, parent: x509.Certificate) -> bool:
    try:
        child.verify_directly_issued_by(parent)
    except (InvalidSignature, ValueError, TypeError, UnsupportedAlgorithm):
        return False
    return True


def _not_understood(certificate: x509.Certificate) -> str | None:
    for extension in certificate.extensions:
        if extension.critical and extension.oid not in _UNDERSTOOD_CRITICAL:
            return "a critical extension of the certificate is not understood"
    return None


def _find(certificate: x509.Certificate, kind: type[_E]) -> x509.Extension[_E] | None:
    try:
        return certificate.extensions.get_extension_for_class(kind)
    except x509.ExtensionNotFound:
        return None


def der_of(certificate: x509.Certificate) -> bytes:
    """The certificate's bytes."""
    return certificate.public_bytes(Encoding.DER)


def _unix_ns(moment: datetime) -> int:
    return int((moment - _EPOCH).total_seconds()) * 10**9
