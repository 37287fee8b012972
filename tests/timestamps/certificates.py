"""Authorities for tests: keys and certificates made on the spot, good ones and bad ones."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

NOW = datetime.now(UTC).replace(microsecond=0)
DAY = timedelta(days=1)


@dataclass(frozen=True)
class Holder:
    """A certificate and its private key."""

    certificate: x509.Certificate
    key: Any

    @property
    def der(self) -> bytes:
        return self.certificate.public_bytes(Encoding.DER)

    @property
    def pem(self) -> bytes:
        return self.certificate.public_bytes(Encoding.PEM)

    @property
    def key_pem(self) -> bytes:
        return self.key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


def make_root(name="TEST ROOT", **options):
    return issue(name, None, ca=True, **options)


def make_tsa(root, name="TEST TIME AUTHORITY, worth nothing", **options):
    options.setdefault("purposes", [ExtendedKeyUsageOID.TIME_STAMPING])
    return issue(name, root, **options)


def issue(
    name,
    issuer,
    *,
    ca=False,
    path_length=None,
    purposes=None,
    purposes_critical=True,
    key_usage=None,
    extension=None,
    extension_critical=True,
    not_before=NOW - DAY,
    not_after=NOW + 365 * DAY,
    key=None,
    serial=None,
    deterministic=None,
):
    key = key or ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject if issuer is None else issuer.certificate.subject)
        .public_key(key.public_key())
        .serial_number(serial or x509.random_serial_number())
        .not_valid_before(not_before)
        .not_valid_after(not_after)
        .add_extension(x509.BasicConstraints(ca=ca, path_length=path_length), critical=True)
    )
    if purposes is not None:
        builder = builder.add_extension(x509.ExtendedKeyUsage(purposes), critical=purposes_critical)
    if key_usage is not None:
        builder = builder.add_extension(_usage(**key_usage), critical=True)
    if extension is not None:
        builder = builder.add_extension(extension, critical=extension_critical)
    signing_key = key if issuer is None else issuer.key
    return Holder(
        builder.sign(signing_key, hashes.SHA256(), ecdsa_deterministic=deterministic), key
    )


def _usage(**given):
    names = (
        "digital_signature", "content_commitment", "key_encipherment", "data_encipherment",
        "key_agreement", "key_cert_sign", "crl_sign", "encipher_only", "decipher_only",
    )  # fmt: skip
    return x509.KeyUsage(**{name: given.get(name, False) for name in names})
