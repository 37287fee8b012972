"""Weight manifests: every file that became a model, by digest.

The list of files is in the form of OpenSSF model signing 1.0 (``resources``), so that an existing
signature over the same folder can be compared with it.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import pairwise

from pot_reverify.encoding import canonical_msgpack, strict_json
from pot_reverify.encoding.digest import sha256_digest
from pot_reverify.encoding.fields import Fields
from pot_reverify.errors import Rejection

KIND = "pot-audit/weights/1"
MEDIA_TYPE = "application/vnd.pot-audit.weights+json"
_MAX_FILES = 100_000


@dataclass(frozen=True, slots=True)
class FileEntry:
    """One file: its path inside the model's folder, its size and its SHA-256."""

    path: str
    size_bytes: int
    digest: bytes


@dataclass(frozen=True, slots=True)
class WeightManifest:
    """All files of a model, in strictly increasing order of their paths' UTF-8 bytes."""

    files: tuple[FileEntry, ...]

    @classmethod
    def of(cls, files: Iterable[FileEntry]) -> "WeightManifest":
        """The manifest of `files`, in any order.

        Raises:
            Rejection: ``weights.unsorted`` if two files have one path, ``weights.empty`` if none.
        """
        return cls(_in_order(sorted(files, key=lambda file: file.path.encode())))

    @property
    def root_digest(self) -> bytes:
        """SHA-256 over the domain tag and the canonical encoding of paths, sizes and digests."""
        entries: list[canonical_msgpack.Value] = [
            [file.path, file.size_bytes, file.digest] for file in self.files
        ]
        return sha256_digest(KIND.encode() + b"\x00" + canonical_msgpack.encode({"files": entries}))

    def to_json(self) -> bytes:
        """The manifest as the JSON document that a bundle carries."""
        resources = [
            {
                "algorithm": "sha256",
                "digest": file.digest.hex(),
                "name": file.path,
                "size_bytes": file.size_bytes,
            }
            for file in self.files
        ]
        return strict_json.encode({"kind": KIND, "resources": resources})


def parse_weight_manifest(data: bytes, where: str) -> WeightManifest:
    """Read the JSON document of a manifest.

    Raises:
        Rejection: ``json.*``, ``schema.*``, ``weights.unsorted`` or ``weights.empty``.
    """
    fields = Fields(strict_json.decode(data), where)
    fields.take_literal("kind", KIND)
    entries = []
    for number, resource in enumerate(fields.take_list("resources", 0, _MAX_FILES)):
        entry = Fields(resource, f"{where}.resources[{number}]")
        entry.take_literal("algorithm", "sha256")
        digest = entry.take_str("digest", 64)
        if len(digest) != 64 or not set(digest) <= set("0123456789abcdef"):
            raise Rejection("digest.malformed", "not a SHA-256 in hex", where=entry.where)
        entries.append(
            FileEntry(
                entry.take_str("name", 4096), entry.take_int("size_bytes"), bytes.fromhex(digest)
            )
        )
        entry.finish()
    fields.finish()
    return WeightManifest(_in_order(entries))


def _in_order(files: list[FileEntry]) -> tuple[FileEntry, ...]:
    paths = [file.path.encode() for file in files]
    if not files:
        raise Rejection("weights.empty", "the manifest names no file")
    if any(one >= other for one, other in pairwise(paths)):
        raise Rejection("weights.unsorted", "paths must be strictly increasing", got=files[0].path)
    return tuple(files)
