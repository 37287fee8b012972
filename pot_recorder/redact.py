"""Withhold contents of a sealed bundle; every signature holds for the redacted copy too."""

import os
from collections.abc import Callable, Collection
from pathlib import Path

from pot_recorder.file_modes import mode_of_copy
from pot_reverify.container.frames import HEADER, FrameType, encode_frame, read_frames_of
from pot_reverify.container.merkle import leaf_digest
from pot_reverify.documents.blob import EXCHANGE_PREFIX, parse_blob
from pot_reverify.documents.challenge_record import Withheld, parse_record
from pot_reverify.errors import Rejection


def redact(source: Path, target: Path, probes: Collection[tuple[int, int]]) -> int:
    """Copy a bundle with some contents replaced by their leaf digests.

    Args:
        probes: (challenge index, probe number), both from 1.

    Returns:
        How many contents were withheld; those that already were are not counted.

    Raises:
        Rejection: ``redact.no-such-probe``, ``redact.output-exists``, ``redact.unsealed``,
            ``redact.exchanges``, and what reading frames raises. Then no file is left behind.
        OSError: a file cannot be read or written.
    """
    try:
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC
        descriptor = os.open(target, flags, mode_of_copy(source))
    except FileExistsError:
        raise Rejection(
            "redact.output-exists", "bundles are never overwritten", where=str(target)
        ) from None
    try:
        with os.fdopen(descriptor, "wb") as output:
            output.write(HEADER)
            withheld = _copy(source, output.write, set(probes))
            output.flush()
            os.fsync(descriptor)
            return withheld
    except BaseException:
        target.unlink()
        raise


def _copy(source: Path, write: Callable[[bytes], int], wanted: set[tuple[int, int]]) -> int:
    withheld = index = probe = 0
    is_sealed = False
    seen: set[tuple[int, int]] = set()
    for frame in read_frames_of(source):
        frame_type, payload = frame.type, frame.payload
        is_sealed = is_sealed or frame_type is FrameType.STATEMENT
        if frame_type is FrameType.RECORD:
            index, probe = parse_record(payload, frame.where).index, 0
        elif frame_type in (FrameType.CONTENT, FrameType.WITHHELD):
            probe += 1
            seen.add((index, probe))
            if frame_type is FrameType.CONTENT and (index, probe) in wanted:
                payload = Withheld(leaf_digest(frame_type, payload)).encode()
                frame_type = FrameType.WITHHELD
                withheld += 1
        elif frame_type is FrameType.BLOB and wanted:
            _require_no_exchanges(payload, frame.where)
        write(encode_frame(frame_type, payload))
    if not is_sealed:
        raise Rejection(
            "redact.unsealed", "only a sealed bundle can be redacted", where=str(source)
        )
    if missing := sorted(wanted - seen):
        raise Rejection(
            "redact.no-such-probe",
            "the bundle has no such probe",
            where=str(source),
            got=f"{missing[0][0]}:{missing[0][1]}",
        )
    return withheld


def _require_no_exchanges(payload: bytes, where: str) -> None:
    """Exchanges repeat what the contents say, and no digest can stand for them."""
    blob = parse_blob(payload, where)
    if blob.name.startswith(EXCHANGE_PREFIX):
        raise Rejection(
            "redact.exchanges",
            "the signed exchanges hold the same texts, and cannot be withheld",
            where=blob.name,
        )
