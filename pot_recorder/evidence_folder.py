"""Evidence that waits beside a recording until it is sealed: proofs, quotes, tokens, nonces."""

import os
import shutil
from pathlib import Path

from pot_reverify.container.frames import MAX_FRAME_BYTES
from pot_reverify.documents.blob import (
    BEACON_ROUND,
    COUNTERPART,
    EXCHANGE_PREFIX,
    PROOF_PREFIX,
    QUOTE_PREFIX,
    TIME_PREFIX,
    Blob,
)
from pot_reverify.errors import Rejection
from pot_reverify.input_files import read_file

_MEDIA_TYPES = {
    ".json": "application/json",
    ".msgpack": "application/vnd.msgpack",
    ".tsr": "application/timestamp-reply",
}
_WHOLE_NAMES = (BEACON_ROUND, COUNTERPART)
_PREFIXES = (EXCHANGE_PREFIX, PROOF_PREFIX, QUOTE_PREFIX, TIME_PREFIX)


def evidence_folder_of(output: Path) -> Path:
    """Where the evidence of a recording waits: ``output`` with ``.evidence`` added."""
    return output.with_name(output.name + ".evidence")


def add_evidence(output: Path, name: str, data: bytes) -> Path:
    """Put a document beside a recording, to become the blob of that name.

    Args:
        output: the bundle that the recording will be.
        name: such as ``quote/candidate.json``; its ending says its media type.

    Raises:
        Rejection: ``evidence.name``, or ``evidence.exists``: nothing is overwritten.
        OSError: it cannot be written.
    """
    path = evidence_folder_of(output) / name
    _media_type(name)
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o644)
    except FileExistsError:
        raise Rejection(
            "evidence.exists", "the recording has this evidence already", where=str(path)
        ) from None
    with os.fdopen(descriptor, "wb") as file:
        file.write(data)
        file.flush()
        os.fsync(descriptor)
    return path


def read_evidence(output: Path) -> tuple[Blob, ...]:
    """The evidence that waits, sorted by name.

    Raises:
        Rejection: ``evidence.name`` for a file that is none.
        OSError: a file cannot be read.
    """
    folder = evidence_folder_of(output)
    files = sorted(path for path in folder.rglob("*") if not path.is_dir())
    names = [path.relative_to(folder).as_posix() for path in files]
    return tuple(
        Blob(name, _media_type(name), read_file(path, MAX_FRAME_BYTES))
        for name, path in zip(names, files, strict=True)
    )


def remove_evidence(output: Path) -> None:
    """Take the folder away once the bundle holds what was in it."""
    folder = evidence_folder_of(output)
    if folder.exists():
        shutil.rmtree(folder)


def _media_type(name: str) -> str:
    media_type = _MEDIA_TYPES.get(Path(name).suffix)
    is_named = name in _WHOLE_NAMES or name.startswith(_PREFIXES)
    if media_type is None or not is_named or ".." in Path(name).parts:
        raise Rejection(
            "evidence.name",
            "evidence is a .json, .msgpack or .tsr file below exchange, proof, quote or time, "
            f"or {' or '.join(_WHOLE_NAMES)}",
            where=name,
        )
    return media_type
