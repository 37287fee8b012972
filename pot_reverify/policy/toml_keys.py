"""Keys and certificates that a policy file names: PEM text in the file, or a file beside it."""

import re
from collections.abc import Callable
from typing import Final

from pot_reverify.errors import Rejection
from pot_reverify.policy.signers import NamedSigner, Role
from pot_reverify.policy.toml_table import Table
from pot_reverify.quotes.evidence import MAX_CERTIFICATE_BYTES
from pot_reverify.seal.pem import parse_pem
from pot_reverify.seal.public_keys import PublicKey, parse_public_keys

ReadFile = Callable[[str], bytes]
"""Gives the content of a file that the policy names, by its path relative to the policy."""

_INLINE: Final = "-----BEGIN "
_CONTROL: Final = re.compile(r"[\x00-\x1f\x7f]")


def take_signers(entry: Table, read_file: ReadFile) -> tuple[NamedSigner, ...]:
    """One ``[[signer]]`` table: an owner with the keys of one file.

    Raises:
        Rejection: ``policy.*``, ``key.*``.
    """
    name = entry.take_str("name")
    keys = _take_public_keys(entry, read_file)
    _require_pinned(entry, keys)
    roles = entry.take_strings("roles", tuple(Role))
    not_before_ns = entry.take_time_ns("not_before")
    not_after_ns = entry.take_time_ns("not_after")
    if not_before_ns is not None and not_after_ns is not None and not_after_ns < not_before_ns:
        raise Rejection(
            "policy.validity", "the key would never be valid", where=entry.at("not_after")
        )
    entry.finish()
    if roles is not None and not roles:
        raise Rejection(
            "policy.no-role", "a signer without a role vouches for nothing", where=entry.at("roles")
        )
    given = frozenset({Role.RECORDER} if roles is None else map(Role, roles))
    return tuple(NamedSigner(name, key, given, not_before_ns, not_after_ns) for key in keys)


def take_certificate(table: Table, name: str, read_file: ReadFile) -> bytes:
    """A certificate, PEM or DER, as DER; whether it is one X.509 is for the check that uses it.

    Raises:
        Rejection: ``policy.certificate``, ``policy.file``.
    """
    where = table.at(name)
    data = _take_bytes(table, name, read_file)
    if _INLINE.encode() in data and not data.startswith(b"\x30"):
        data = _certificate_in(data)
    if len(data) > MAX_CERTIFICATE_BYTES or not _is_one_sequence(data):
        raise Rejection(
            "policy.certificate",
            "not one certificate",
            where=where,
            expected=f"PEM or DER of at most {MAX_CERTIFICATE_BYTES} bytes",
        )
    return data


def _take_public_keys(entry: Table, read_file: ReadFile) -> tuple[PublicKey, ...]:
    where = entry.at("public_key")
    data = _take_bytes(entry, "public_key", read_file)
    try:
        return parse_public_keys(data)
    except Rejection as error:
        raise Rejection(error.code, error.message, where=where, got=error.got) from error


def _require_pinned(entry: Table, keys: tuple[PublicKey, ...]) -> None:
    """Where the policy pins key ids, the file must hold exactly those keys."""
    pinned = entry.take_strings("key_ids")
    found = {key.key_id for key in keys}
    if pinned is not None and pinned != found:
        raise Rejection(
            "policy.key-id",
            "the file does not hold the keys that the policy pins",
            where=entry.at("key_ids"),
            expected=", ".join(sorted(pinned))[:400],
            got=", ".join(sorted(found)),
        )


def _take_bytes(table: Table, name: str, read_file: ReadFile) -> bytes:
    text = table.take_str(name)
    if _INLINE in text:
        return text.encode()
    if _CONTROL.search(text):
        raise Rejection(
            "policy.file", "neither PEM text nor the path of a file", where=table.at(name)
        )
    try:
        return read_file(text)
    except OSError as error:
        raise Rejection(
            "policy.file",
            f"cannot be read: {error.strerror or error}",
            where=table.at(name),
            got=text[:200],
        ) from error


def _certificate_in(pem: bytes) -> bytes:
    """The one certificate of a PEM text, else nothing."""
    try:
        blocks = parse_pem(pem)
    except Rejection:
        return b""
    return blocks[0].der if [one.label for one in blocks] == ["CERTIFICATE"] else b""


def _is_one_sequence(data: bytes) -> bool:
    """Whether the bytes are one DER SEQUENCE and nothing else (X.690 §8.1.3)."""
    if len(data) < 4 or data[0] != 0x30:
        return False
    if data[1] < 0x80:
        return len(data) == 2 + data[1]
    octets = data[1] - 0x80
    return len(data) == 2 + octets + int.from_bytes(data[2 : 2 + octets], "big")
