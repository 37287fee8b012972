"""From the certificate of a time-stamping authority to a root that the reader names (RFC 5280).

Certificates that travel with a token only help to find the way; a root is one by its bytes alone.
"""

import warnings
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import islice, pairwise
from typing import Final, TypeVar

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.utils import CryptographyDeprecationWarning
from cryptography.x509.oid import ExtendedKeyUsageOID

from pot_reverify.errors import Rejection

_MAX_DEPTH: Final = 6
_MAX_TRIED: Final = 64
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


def find_chain(
    leaf: x509.Certificate, others: Sequence[x509.Certificate], root: x509.Certificate
) -> Chain | None:
    """A chain of verified signatures to that root, or None if there is none.

    Args:
        others: certificates that may stand between; none is believed.
    """
    paths = iter([(leaf,)]) if leaf == root else _paths(leaf, others, root)
    for path in islice(paths, _MAX_TRIED):
        if all(_may_issue(one, depth) for depth, one in enumerate(path) if depth) and all(
            _issued(child, parent) for child, parent in pairwise(path)
        ):
            return Chain(
                path,
                max(_unix_ns(one.not_valid_before_utc) for one in path),
                min(_unix_ns(one.not_valid_after_utc) for one in path),
            )
    return None


def _paths(
    leaf: x509.Certificate, others: Sequence[x509.Certificate], root: x509.Certificate
) -> Iterator[tuple[x509.Certificate, ...]]:
    """Every way from leaf to root by names, the shortest first."""
    ways: list[tuple[x509.Certificate, ...]] = [(leaf,)]
    for _ in range(_MAX_DEPTH):
        yield from ((*way, root) for way in ways if way[-1].issuer == root.subject)
        ways = [
            (*way, one)
            for way in ways
            for one in others
            if one.subject == way[-1].issuer and one not in way and one != root
        ][:_MAX_TRIED]


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
