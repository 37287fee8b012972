"""An OpenSSF model signature beside a hashed folder: what holds, and what is said of it."""

from dataclasses import dataclass
from pathlib import Path

from pot_recorder.models.folder import hash_folder
from pot_reverify.documents.weight_manifest import WeightManifest
from pot_reverify.encoding.shown_text import error_text, shown_fact, shown_path
from pot_reverify.errors import Rejection
from pot_reverify.input_files import read_file
from pot_reverify.oms.bundle import MAX_BUNDLE_BYTES, parse_oms_bundle, verify_oms_signature
from pot_reverify.oms.comparison import FileFinding, compare_folder
from pot_reverify.oms.statement import SignedFiles, parse_signed_files


@dataclass(frozen=True, slots=True)
class ModelSignature:
    """A model signature that holds for the named key.

    Args:
        findings: the files that are not as they were signed; none if the folder is.
    """

    signed: SignedFiles
    material: str
    findings: tuple[FileFinding, ...]

    @property
    def holds(self) -> bool:
        """Whether the folder is the one that was signed."""
        return not self.findings

    def to_document(self) -> dict[str, object]:
        """The answer as JSON values."""
        return {
            "holds": self.holds,
            "name": self.signed.name,
            "root_digest": f"sha256:{self.signed.root_digest.hex()}",
            "signed_files": len(self.signed.digests),
            "ignored": [str(path) for path in self.signed.ignored],
            "findings": [
                {"code": one.finding.value, "path": one.path, "meaning": one.meaning}
                for one in self.findings
            ],
        }

    def lines(self) -> list[str]:
        """The answer for people."""
        rows = [
            f"{one.meaning}: {shown_path(one.path)} [{one.finding.value}]" for one in self.findings
        ]
        if self.signed.ignored:
            rows.append(
                f"left out by the signature: {', '.join(map(shown_path, self.signed.ignored))}"
            )
        if self.material != "publicKey":
            material = shown_fact(self.material)
            rows.append(f"the {material} in the signature was not judged: you named the key")
        count = len(self.signed.digests)
        if self.holds:
            return [*rows, f"signed by the key that you named: {count} files, all as signed"]
        return [*rows, "NOT the folder that was signed"]


@dataclass(frozen=True, slots=True)
class RefusedSignature:
    """A model signature that does not hold, whatever lies in the folder."""

    error: Rejection

    @property
    def holds(self) -> bool:
        """Never."""
        return False

    def to_document(self) -> dict[str, object]:
        """The answer as JSON values."""
        return {"holds": False, "code": self.error.code, "message": str(self.error)}

    def lines(self) -> list[str]:
        """The answer for people."""
        return [error_text(self.error), "NOT signed by the key that you named"]


def check_model_signature(
    signature: Path, key: Path, folder: Path, manifest: WeightManifest
) -> ModelSignature:
    """Verify the signature, then compare every file below the folder with the signed list.

    Raises:
        Rejection: ``oms.*``, ``json.*``, ``schema.*``, ``model.unreadable-file``.
        Indeterminate: ``oms.backend-missing``, ``oms.not-by-file``.
        OSError: a file cannot be read.
    """
    bundle = parse_oms_bundle(read_file(signature, MAX_BUNDLE_BYTES), str(signature))
    verify_oms_signature(bundle, read_file(key))
    signed = parse_signed_files(bundle.payload, str(signature))
    own = _below(signature, folder)  # a signature cannot cover itself
    contents = hash_folder(folder, manifest, lambda path: path == own or signed.ignores(path))
    findings = compare_folder(
        signed, contents.digests, contents.links, {file.path for file in manifest.files}
    )
    return ModelSignature(signed, bundle.material, findings)


def _below(path: Path, folder: Path) -> str | None:
    """The path of a file inside the folder, None for a file that lies elsewhere."""
    try:
        return path.resolve().relative_to(folder.resolve()).as_posix()
    except ValueError:
        return None
