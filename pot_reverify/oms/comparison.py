"""A model's folder beside the list of files that somebody signed."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from enum import StrEnum

from pot_reverify.oms.statement import SignedFiles


class Finding(StrEnum):
    """How a file differs from what was signed."""

    MISSING = "oms.file-missing"
    ADDITIONAL = "oms.file-additional"
    CHANGED = "oms.file-changed"
    IGNORED = "oms.file-ignored"
    LINK = "oms.file-link"


_MEANINGS = {
    Finding.MISSING: "signed, and not in the folder",
    Finding.ADDITIONAL: "in the folder, and not signed",
    Finding.CHANGED: "not the file that was signed",
    Finding.IGNORED: "a file that makes the model, which the signature leaves out",
    Finding.LINK: "a symbolic link that is not followed",
}


@dataclass(frozen=True, slots=True)
class FileFinding:
    """One file that is not as it was signed."""

    finding: Finding
    path: str

    @property
    def meaning(self) -> str:
        """The finding in words."""
        return _MEANINGS[self.finding]


def compare_folder(
    signed: SignedFiles,
    present: Mapping[str, bytes],
    links: Collection[str],
    model_files: Collection[str],
) -> tuple[FileFinding, ...]:
    """Every difference, sorted by path; none if the folder is the one that was signed.

    Args:
        present: SHA-256 of every file of the folder, by its path below it.
        links: the paths that are symbolic links; one to a folder is not among `present`.
        model_files: the files of which a recording makes the model; all must be signed.
    """
    findings = []
    for path in present.keys() | signed.digests.keys() | set(links):
        if signed.ignores(path) and path not in signed.digests:
            if path in model_files:
                findings.append(FileFinding(Finding.IGNORED, path))
        elif path in links and not (signed.allows_links and path in present):
            findings.append(FileFinding(Finding.LINK, path))
        elif path not in present:
            findings.append(FileFinding(Finding.MISSING, path))
        elif path not in signed.digests:
            findings.append(FileFinding(Finding.ADDITIONAL, path))
        elif present[path] != signed.digests[path]:
            findings.append(FileFinding(Finding.CHANGED, path))
    return tuple(sorted(findings, key=lambda one: (one.path, one.finding)))
