"""X.509 chains that end in a pinned root (RFC 5280), and their revocation lists.

Only bytes make a root: a certificate that calls itself "ARK-Milan", or that travelled with the
quote, is a certificate like any other. There is no path building; the evidence comes in order.
"""

import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import pairwise
from typing import Final, TypeVar

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA384
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.utils import CryptographyDeprecationWarning

from pot_reverify.errors import Indeterminate, Rejection
from pot_reverify.quotes.evidence import Window, time_ns

# What the library raises for bytes that it cannot read.
_PARSE_ERRORS: Final = (
    ValueError,
    TypeError,
    UnsupportedAlgorithm,
    x509.InvalidVersion,
    x509.DuplicateExtension,
    x509.UnsupportedGeneralNameType,
)

_E = TypeVar("_E", bound=x509.ExtensionType)

_UNDERSTOOD_CRITICAL: Final = frozenset(
    {x509.BasicConstraints.oid, x509.KeyUsage.oid, x509.ExtendedKeyUsage.oid}
)


@dataclass(frozen=True, slots=True)
class Chain:
    """A verified chain, the end entity first and the pinned root last.

    Args:
        certificates: what was verified.
        root: DER of the last of them.
        window: when all of them are valid.
    """

    certificates: tuple[x509.Certificate, ...]
    root: bytes
    window: Window

    @property
    def leaf(self) -> x509.Certificate:
        """The end entity."""
        return self.certificates[0]


def verify_chain(certificates: Sequence[bytes], roots: Sequence[bytes], where: str) -> Chain:
    """Verifies signatures, names, constraints and the root; the caller judges the time.

    Args:
        certificates: DER, the end entity first, each signed by the next; the root may be absent,
            and what follows it is not looked at.
        roots: DER of the roots that the policy pins.
        where: the chain's name in errors.

    Raises:
        Rejection: ``quote.root-not-pinned`` for a chain that ends in another root,
            ``quote.chain-signature``, ``quote.chain-order``, ``quote.chain-constraints`` or
            ``quote.certificate-malformed``.
        Indeterminate: ``quote.certificate-missing`` for one that ends before a root.
    """
    if not certificates:
        raise Indeterminate(
            "quote.certificate-missing",
            "the certificate of the signing key is not in the evidence",
            needs="the certificate chain of the attestation key, archived with the quote",
            where=where,
        )
    # Never the end entity: a root does not sign quotes.
    pinned = [depth for depth, der in enumerate(certificates) if depth and der in roots]
    used = certificates[: pinned[0] + 1] if pinned else certificates
    chain = [_load(der, f"{where}, certificate {depth}") for depth, der in enumerate(used)]
    if not pinned:
        chain.append(_root_above(chain[-1], roots, where))
    window = Window(-(2**63), 2**63)
    for depth, certificate in enumerate(chain):
        _check_constraints(certificate, depth, f"{where}, certificate {depth}")
        window &= Window(
            time_ns(certificate.not_valid_before_utc), time_ns(certificate.not_valid_after_utc)
        )
    # From the root down: a key that the evidence brought checks nothing before it is vouched for,
    # so that its length costs nothing.
    for depth, (child, parent) in reversed([*enumerate(pairwise(chain))]):
        _check_issued(child, parent, f"{where}, certificate {depth}")
    return Chain(tuple(chain), chain[-1].public_bytes(Encoding.DER), window)


def verify_not_revoked(
    chain: Chain, crls: Sequence[bytes], at_ns: int, where: str, *, required: bool
) -> Window | None:
    """Judges every certificate of the chain by the CRLs of its issuer.

    Args:
        chain: a verified chain.
        crls: DER; lists of other issuers are passed over.
        at_ns: the time of evaluation.
        where: the chain's name in errors.
        required: whether the root's own list must be there.

    Returns:
        When all the lists are current; None where no list covers the chain.

    Raises:
        Rejection: ``quote.revoked``, ``quote.crl-signature``, ``quote.crl-malformed`` or
            ``quote.not-yet-valid``.
        Indeterminate: ``quote.crl-missing`` or ``quote.stale``.
    """
    lists = [_load_crl(der, where) for der in crls]
    window: Window | None = None
    for child, issuer in pairwise(chain.certificates):
        for crl in (crl for crl in lists if crl.issuer == issuer.subject):
            current = _check_revocation(child, issuer, crl, at_ns, where)
            window = current if window is None else window & current
    if window is None and required:
        raise Indeterminate(
            "quote.crl-missing",
            "no list says that the certificates are not revoked",
            needs="the vendor's CRL, archived with the quote",
            where=where,
        )
    return window


def verify_p384(certificate: x509.Certificate, raw: bytes, message: bytes, where: str) -> None:
    """Verifies ECDSA P-384 with SHA-384 over a message.

    Args:
        certificate: of the key.
        raw: r and s, big-endian, 48 bytes each.
        message: what was signed.
        where: the name of the signature in errors.

    Raises:
        Rejection: ``quote.signature``.
    """
    key = certificate.public_key()
    if not isinstance(key, ec.EllipticCurvePublicKey) or not isinstance(key.curve, ec.SECP384R1):
        raise Rejection("quote.signature", "the certified key is not a P-384 key", where=where)
    half = len(raw) // 2
    r, s = int.from_bytes(raw[:half], "big"), int.from_bytes(raw[half:], "big")
    try:
        key.verify(encode_dss_signature(r, s), message, ec.ECDSA(SHA384()))
    except InvalidSignature as error:
        raise Rejection("quote.signature", "the signature does not verify", where=where) from error


def extension_value(certificate: x509.Certificate, oid: str) -> bytes | None:
    """The contents of an extension; None where it is absent."""
    for extension in certificate.extensions:
        if extension.oid.dotted_string == oid:
            contents: bytes = extension.value.public_bytes()
            return contents
    return None


@contextmanager
def _serial_zero_allowed() -> Iterator[None]:
    """AMD numbers every VCEK 0, which RFC 5280 forbids; the library warns."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", CryptographyDeprecationWarning)
        yield


def _load(der: bytes, where: str) -> x509.Certificate:
    try:
        with _serial_zero_allowed():
            certificate = x509.load_der_x509_certificate(der)
        # Both parse lazily, and everything after this relies on them.
        _ = certificate.extensions, certificate.public_key(), certificate.subject
        _ = certificate.issuer, certificate.not_valid_before_utc, certificate.not_valid_after_utc
    except _PARSE_ERRORS as error:
        raise Rejection(
            "quote.certificate-malformed", f"not a certificate: {error}", where=where
        ) from error
    return certificate


def _root_above(
    certificate: x509.Certificate, roots: Sequence[bytes], where: str
) -> x509.Certificate:
    for der in roots:
        root = _load(der, "trust policy")
        if certificate.issuer == root.subject and certificate.subject != root.subject:
            return root
    if certificate.issuer != certificate.subject:
        # A chain that stops halfway, as a VCEK alone does: nothing in it says where it ends.
        raise Indeterminate(
            "quote.certificate-missing",
            "the chain stops before a root: the certificate of "
            f"{certificate.issuer.rfc4514_string()} is not in the evidence",
            needs="the certificates between the signing key and the root, archived with the quote",
            where=where,
        )
    raise Rejection(
        "quote.root-not-pinned",
        "the chain does not end in a root that the policy pins",
        where=where,
        got=certificate.issuer.rfc4514_string(),
    )


def _check_constraints(certificate: x509.Certificate, depth: int, where: str) -> None:
    """Depth 0 signs quotes, the others sign certificates (RFC 5280 §6.1.4 k to n)."""
    extensions = certificate.extensions
    problem = None
    if any(e.critical and e.oid not in _UNDERSTOOD_CRITICAL for e in extensions):
        problem = "a critical extension is not understood"
    basic = _extension(extensions, x509.BasicConstraints)
    usage = _extension(extensions, x509.KeyUsage)
    if depth == 0:
        if basic is not None and basic.ca:
            problem = "a certificate authority signed the quote itself"
        if usage is not None and not usage.digital_signature:
            problem = "the key may not sign"
    elif basic is None or not basic.ca:
        problem = "the issuer is not a certificate authority"
    elif basic.path_length is not None and depth - 1 > basic.path_length:
        problem = "the issuer may not have so many below it"
    elif usage is None or not usage.key_cert_sign:
        problem = "the key may not sign certificates"
    if problem:
        raise Rejection("quote.chain-constraints", problem, where=where)


def _extension(extensions: x509.Extensions, kind: type[_E]) -> _E | None:
    for extension in extensions:
        if isinstance(extension.value, kind):
            return extension.value
    return None


def _check_issued(child: x509.Certificate, parent: x509.Certificate, where: str) -> None:
    if child.issuer != parent.subject:
        raise Rejection(
            "quote.chain-order",
            "the next certificate is not the issuer",
            where=where,
            expected=child.issuer.rfc4514_string(),
            got=parent.subject.rfc4514_string(),
        )
    try:
        child.verify_directly_issued_by(parent)
    except (InvalidSignature, ValueError, TypeError, UnsupportedAlgorithm) as error:
        raise Rejection(
            "quote.chain-signature", "the issuer did not sign this certificate", where=where
        ) from error


def _load_crl(der: bytes, where: str) -> x509.CertificateRevocationList:
    try:
        crl = x509.load_der_x509_crl(der)
        _ = crl.extensions, crl.issuer
    except _PARSE_ERRORS as error:
        raise Rejection("quote.crl-malformed", f"not a CRL: {error}", where=where) from error
    return crl


def _check_revocation(
    child: x509.Certificate,
    issuer: x509.Certificate,
    crl: x509.CertificateRevocationList,
    at_ns: int,
    where: str,
) -> Window:
    key = issuer.public_key()
    if not isinstance(key, rsa.RSAPublicKey | ec.EllipticCurvePublicKey) or (
        not crl.is_signature_valid(key)
    ):
        raise Rejection("quote.crl-signature", "the issuer did not sign its CRL", where=where)
    if crl.next_update_utc is None:
        raise Rejection("quote.crl-malformed", "the CRL has no end", where=where)
    window = Window(time_ns(crl.last_update_utc), time_ns(crl.next_update_utc))
    window.require(at_ns, f"{where}, CRL")
    with _serial_zero_allowed():
        serial = child.serial_number
    if crl.get_revoked_certificate_by_serial_number(serial) is not None:
        raise Rejection(
            "quote.revoked",
            "the vendor revoked a certificate of the chain",
            where=where,
            got=child.subject.rfc4514_string(),
        )
    return window
