"""The root of a time-stamping authority, from a PEM file of the user."""

from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from pot_recorder.stamp import Root
from pot_reverify.errors import Rejection
from pot_reverify.input_files import read_file


def load_root(path: Path) -> Root:
    """Read one self-issued certificate and any others below it.

    Raises:
        Rejection: ``timestamp.root``.
        OSError: the file cannot be read.
    """
    try:
        certificates = x509.load_pem_x509_certificates(read_file(path))
    except ValueError as error:
        raise Rejection("timestamp.root", "not certificates in PEM", where=str(path)) from error
    roots = [one for one in certificates if one.issuer == one.subject]
    if len(roots) != 1:
        raise Rejection(
            "timestamp.root",
            "not exactly one self-issued certificate",
            where=str(path),
            expected=1,
            got=len(roots),
        )
    return Root(
        path.name,
        roots[0].public_bytes(Encoding.DER),
        tuple(one.public_bytes(Encoding.DER) for one in certificates if one != roots[0]),
    )
