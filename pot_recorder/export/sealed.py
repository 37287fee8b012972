"""What every export starts from: a sealed bundle, read whole and not judged."""

import hashlib
from dataclasses import dataclass
from pathlib import Path

from pot_reverify.documents.bundle import Bundle
from pot_reverify.documents.bundle_reader import read_bundle_of
from pot_reverify.documents.statement import Statement
from pot_reverify.errors import Rejection

UNSIGNED_NOTE = (
    "Unsigned export, made without verification: the bundle is the evidence, and "
    "pot-audit reverify checks it."
)


@dataclass(frozen=True, slots=True)
class SealedBundle:
    """A bundle that has a statement and a signature of it, good or bad.

    Args:
        digest: SHA-256 of the whole file.
    """

    path: Path
    bundle: Bundle
    statement: Statement
    statement_payload: bytes
    digest: bytes
    size_bytes: int


def read_sealed(path: Path) -> SealedBundle:
    """Read a bundle that shall be exported.

    Raises:
        Rejection: ``export.unsealed``, ``export.unsigned``, and what reading a bundle raises.
        OSError: the file cannot be read.
    """
    bundle = read_bundle_of(path)
    if bundle.statement is None or bundle.statement_payload is None:
        raise Rejection(
            "export.unsealed",
            "the recording was never sealed: there is nothing signed to export "
            "(pot-audit record --resume)",
            where=str(path),
        )
    if not bundle.signatures:
        raise Rejection(
            "export.unsigned",
            "the bundle has no signature, so that it is nobody's",
            where=str(path),
        )
    with path.open("rb") as stream:
        digest = hashlib.file_digest(stream, "sha256").digest()
        size_bytes = stream.tell()
    return SealedBundle(
        path, bundle, bundle.statement, bundle.statement_payload, digest, size_bytes
    )
