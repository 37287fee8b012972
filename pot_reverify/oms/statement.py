"""The in-toto statement of an OMS 1.0 signature: which files were signed, and which left out."""

import json
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Final

from pot_reverify.encoding.digest import parse_digest, sha256_digest
from pot_reverify.encoding.fields import Fields
from pot_reverify.errors import Indeterminate, Rejection

PREDICATE_TYPE: Final = "https://model_signing/signature/v1.0"
_STATEMENT_TYPE: Final = "https://in-toto.io/Statement/v1"
_MAX_RESOURCES: Final = 1_000_000
_MAX_PATH: Final = 4096


@dataclass(frozen=True, slots=True)
class SignedFiles:
    """What a signature says of a model's folder.

    Args:
        name: what the signer calls the model.
        root_digest: SHA-256 over the files' digests, recomputed.
        digests: SHA-256 of every signed file, by its path below the folder.
        ignored: paths below the folder that the signature says nothing about, with all below them.
        allows_links: whether symbolic links were followed.
    """

    name: str
    root_digest: bytes
    digests: dict[str, bytes]
    ignored: tuple[PurePosixPath, ...]
    allows_links: bool

    def ignores(self, path: str) -> bool:
        """Whether the signature says nothing about a path."""
        return any(PurePosixPath(path).is_relative_to(one) for one in self.ignored)


def parse_signed_files(payload: bytes, where: str) -> SignedFiles:
    """Read a statement. Fields that OMS 1.0 does not know are ignored, as in-toto has it.

    Raises:
        Rejection: ``oms.json``, ``schema.*``, ``oms.statement-type``, ``oms.predicate-type``,
            ``oms.subject``, ``oms.path``, ``oms.digest``, ``oms.unsorted``, ``oms.root-digest``.
        Indeterminate: ``oms.not-by-file``.
    """
    fields = Fields(_decode(payload, where), where)
    _require(fields, "_type", _STATEMENT_TYPE, "oms.statement-type")
    _require(fields, "predicateType", PREDICATE_TYPE, "oms.predicate-type")
    name, root_digest = _subject(fields)
    predicate = fields.take_fields("predicate")
    serialization = predicate.take_fields("serialization")
    method, hash_type = serialization.take_str("method"), serialization.take_str("hash_type")
    if (method, hash_type) != ("files", "sha256"):
        raise Indeterminate(
            "oms.not-by-file",
            f"signed by {method} with {hash_type}; only files with sha256 are compared here",
            where=serialization.where,
            needs="a signature by files with sha256, or the model_signing package",
        )
    ignored = _ignored(serialization)
    allows_links = serialization.take_bool("allow_symlinks")
    digests = _resources(predicate)
    recomputed = sha256_digest(b"".join(digests.values()))
    if recomputed != root_digest:
        raise Rejection(
            "oms.root-digest",
            "the digest of the model is not that of its files",
            where=f"{where}.subject",
            expected=recomputed.hex(),
            got=root_digest.hex(),
        )
    return SignedFiles(name, root_digest, digests, ignored, allows_links)


def _subject(fields: Fields) -> tuple[str, bytes]:
    subjects = fields.take_list("subject", 0, _MAX_RESOURCES)
    if len(subjects) != 1:
        raise Rejection(
            "oms.subject",
            "a model signature has one subject",
            where=fields.where,
            got=len(subjects),
        )
    subject = Fields(subjects[0], f"{fields.where}.subject[0]")
    digest = subject.take_fields("digest")
    return subject.take_str("name", _MAX_PATH), _digest(digest.take_str("sha256"), digest.where)


def _ignored(serialization: Fields) -> tuple[PurePosixPath, ...]:
    if not serialization.has("ignore_paths"):
        return ()
    paths = serialization.take_list("ignore_paths", 0, _MAX_RESOURCES)
    return tuple(_path(one, serialization.where) for one in paths)


def _resources(predicate: Fields) -> dict[str, bytes]:
    digests: dict[str, bytes] = {}
    for number, item in enumerate(predicate.take_list("resources", 0, _MAX_RESOURCES)):
        resource = Fields(item, f"{predicate.where}.resources[{number}]")
        name = str(_path(resource.take("name"), resource.where))
        _require(resource, "algorithm", "sha256", "oms.digest")
        digests[name] = _digest(resource.take_str("digest"), resource.where)
        if len(digests) <= number:
            raise Rejection("oms.unsorted", "a file stands twice", where=resource.where, got=name)
    # OMS orders names by code point, its first implementation by the parts of the path.
    if list(digests) not in (sorted(digests), sorted(digests, key=PurePosixPath)):
        raise Rejection(
            "oms.unsorted", "the files do not stand in the order of names", where=predicate.where
        )
    return digests


def _path(value: object, where: str) -> PurePosixPath:
    """A path below the folder, in the one way to write it."""
    path = PurePosixPath(value) if isinstance(value, str) else PurePosixPath("/")
    text = str(path)
    is_below = path.parts and not path.is_absolute() and ".." not in path.parts
    if not is_below or text != value or "\0" in text or not _is_unicode(text):
        raise Rejection("oms.path", "not a path below the model's folder", where=where, got=value)
    return path


def _is_unicode(text: str) -> bool:
    """Whether no half of a surrogate pair is in it, which JSON can write."""
    return not any("\ud800" <= character <= "\udfff" for character in text)


def _digest(text: str, where: str) -> bytes:
    try:
        return parse_digest(f"sha256:{text}")
    except Rejection as error:
        raise Rejection("oms.digest", "not a SHA-256 in hex", where=where, got=text) from error


def _require(fields: Fields, name: str, expected: str, code: str) -> None:
    got = fields.take_str(name)
    if got != expected:
        raise Rejection(
            code, f"{name} is another one", where=fields.at(name), expected=expected, got=got
        )


def _decode(payload: bytes, where: str) -> object:
    """JSON as protobuf writes it: whole numbers may look like 8.0, so `strict_json` is too strict.

    The bytes are signed by a key that the reader named before this reads them.
    """
    try:
        return json.loads(payload, object_pairs_hook=_unique)
    except (ValueError, RecursionError) as error:
        raise Rejection("oms.json", "the signed statement is not JSON", where=where) from error


def _unique(pairs: list[tuple[str, object]]) -> dict[str, object]:
    names = dict(pairs)
    if len(names) < len(pairs):
        raise ValueError("a key occurs twice")
    return names
