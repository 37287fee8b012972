"""What every export starts from: a sealed bundle, read whole and not judged."""

from dataclasses import dataclass
from pathlib import Path

from pot_reverify.documents.bundle import Bundle
from pot_reverify.documents.bundle_file import read_bundle_stream
from pot_reverify.documents.statement import Statement
from pot_reverify.errors import Rejection
from pot_reverify.input_files import open_regular, size_of

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
    with open_regular(path) as stream:
        size_bytes = size_of(stream)
        found = read_bundle_stream(stream, size_bytes)
    if isinstance(found.bundle, Rejection):
        raise found.bundle
    bundle = found.bundle
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
    assert found.digest is not None
    return SealedBundle(
        path, bundle, bundle.statement, bundle.statement_payload, found.digest, size_bytes
    )
