"""Put time-stamp tokens beside a precommit or behind a sealed bundle, once they verify."""

import os
import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from pot_recorder.token_certificates import embed_certificates
from pot_reverify.container.frames import FrameType, encode_frame
from pot_reverify.documents.blob import TIME_PREFIX, Attachment
from pot_reverify.documents.bundle import Bundle
from pot_reverify.documents.bundle_reader import read_bundle
from pot_reverify.documents.precommit import parse_envelope, parse_precommit
from pot_reverify.errors import Rejection
from pot_reverify.input_files import open_regular, read_file, size_of
from pot_reverify.seal.public_keys import Algorithm
from pot_reverify.timestamps.token import MAX_TOKEN_BYTES, MEDIA_TYPE, parse_token
from pot_reverify.timestamps.verify import TimeStamp, verify_token


@dataclass(frozen=True, slots=True)
class Root:
    """The authority that a token must be by; the certificates are from the user.

    Args:
        name: shown to people.
        root: DER of the self-issued certificate.
        others: DER of those between it and the tokens, which are embedded where they are missing.
    """

    name: str
    root: bytes
    others: tuple[bytes, ...] = ()
    certificate: None = None


TokenSource = Callable[[bytes], tuple[bytes, int | None]]
"""Gives a response over a message, and the nonce that it was asked with."""


def stamp_precommit(path: Path, output: Path, source: TokenSource, root: Root) -> TimeStamp:
    """Write a token over a precommit's Ed25519 signature, which every recorder makes.

    Raises:
        Rejection: ``timestamp.*``, ``time.*``, and what reading the precommit raises.
        Indeterminate: ``time.*``.
        OSError: a file cannot be read or written.
    """
    _require_new(output)
    signed = parse_envelope(read_file(path), str(path))
    made_ns = parse_precommit(signed.payload, str(path)).created_ns
    wanted = [one for one in signed.signatures if one.algorithm == Algorithm.ED25519.value]
    if not wanted:
        raise Rejection("timestamp.no-ed25519", "nobody signed it with Ed25519", where=str(path))
    data, stamp = _get(wanted[0].signature, source, root)
    _require_not_before(stamp, made_ns)
    _write_new(output, data)
    return stamp


def stamp_bundle(
    path: Path, output: Path, source: TokenSource, root: Root, *, renew: bool
) -> tuple[TimeStamp, ...]:
    """Copy a sealed bundle, with a token over each signature, or over each newest token, added.

    Raises:
        Rejection: ``timestamp.*``, ``time.*``, and what reading the bundle raises.
        Indeterminate: ``time.*``.
        OSError: a file cannot be read or written.
    """
    _require_new(output)
    bundle = _read(path)
    if bundle.statement is None:
        raise Rejection(
            "timestamp.unsealed", "only a sealed bundle can be stamped", where=str(path)
        )
    messages = _newest_tokens(bundle) if renew else [one.signature for one in bundle.signatures]
    if not messages:
        raise Rejection("timestamp.nothing-to-renew", "no token is there", where=str(path))
    tokens = [_get(message, source, root) for message in messages]
    for _, stamp in tokens:
        _require_not_before(stamp, bundle.statement.ended_ns)
    frames = [
        encode_frame(FrameType.ATTACHMENT, Attachment(MEDIA_TYPE, data).encode())
        for data, _ in tokens
    ]
    _write_new(output, b"".join(frames), behind=path)
    try:
        _read(output)  # such as a token that is there already, or one too many
    except Rejection:
        output.unlink()
        raise
    return tuple(stamp for _, stamp in tokens)


def tokens_from_files(paths: Sequence[Path]) -> TokenSource:
    """A source of tokens that were obtained otherwise.

    Raises:
        OSError: a file cannot be read.
    """
    files = [(path, read_file(path, MAX_TOKEN_BYTES)) for path in paths]

    def find(message: bytes) -> tuple[bytes, None]:
        for path, data in files:
            sorted_data = embed_certificates(data, (), str(path))
            if parse_token(sorted_data, str(path)).covers(message):
                return data, None
        raise Rejection(
            "timestamp.no-token",
            "none of the token files is over this",
            where=", ".join(str(path) for path, _ in files),
        )

    return find


def _newest_tokens(bundle: Bundle) -> list[bytes]:
    """The tokens that no later token is over."""
    tokens = [blob.data for blob in bundle.blobs if blob.name.startswith(TIME_PREFIX)]
    tokens += [one.data for one in bundle.attachments if one.media_type == MEDIA_TYPE]
    parsed = [parse_token(data, f"token {number}") for number, data in enumerate(tokens, 1)]
    return [data for data in tokens if not any(one.covers(data) for one in parsed)]


def _get(message: bytes, source: TokenSource, root: Root) -> tuple[bytes, TimeStamp]:
    """A token with its certificates, as a reader who names the root will see it."""
    raw, nonce = source(message)
    data = embed_certificates(raw, root.others, "answer")
    stamp = verify_token(data, message, [root])
    if nonce is not None and stamp.token.nonce != nonce:
        raise Rejection(
            "timestamp.nonce",
            "the token answers another question: its nonce is not the one that was sent",
            expected=nonce,
            got=stamp.token.nonce,
        )
    return data, stamp


def _require_not_before(stamp: TimeStamp, made_ns: int) -> None:
    latest_ns = stamp.gen_time_ns + stamp.token.accuracy_ns
    if latest_ns < made_ns:
        raise Rejection(
            "timestamp.clocks",
            "the token is from before the file was made: this machine's clock, or the "
            "authority's, is wrong, and a reader would reject the bundle",
            got=f"{(made_ns - latest_ns) // 10**6} ms",
        )


def _require_new(output: Path) -> None:
    """Find out before asking anybody what would stop the writing afterwards."""
    if output.exists():
        raise Rejection("timestamp.exists", "files are never overwritten", where=str(output))


def _read(path: Path) -> Bundle:
    with open_regular(path) as stream:
        return read_bundle(stream, size_of(stream))


def _write_new(output: Path, data: bytes, behind: Path | None = None) -> None:
    """Write a new file: the data, behind a copy of another file if one is given."""
    try:
        descriptor = os.open(output, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o644)
    except FileExistsError:
        _require_new(output)
        raise
    try:
        with os.fdopen(descriptor, "wb") as file:
            if behind is not None:
                with open_regular(behind) as original:
                    shutil.copyfileobj(original, file)
            file.write(data)
            file.flush()
            os.fsync(descriptor)
    except BaseException:
        output.unlink()
        raise
