"""Compare a folder of weights with what a bundle claims, beside the bundle's own verdict."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import click

from pot_reverify.documents.blob import CANDIDATE_WEIGHTS, REFERENCE_WEIGHTS
from pot_reverify.documents.bundle import Bundle
from pot_reverify.documents.weight_manifest import WeightManifest, parse_weight_manifest
from pot_reverify.encoding.digest import format_digest
from pot_reverify.encoding.shown_text import shown_path
from pot_reverify.errors import Rejection
from pot_reverify.verdict import VerdictWord

if TYPE_CHECKING:
    from pot_recorder.models.source import ModelSource

ROLES = ("reference", "candidate")


@dataclass(frozen=True, slots=True)
class HashedFolder:
    """A folder's weights.

    Args:
        name: as it was given.
        source: its files.
        manifest: those of them that are the model.
        roles: the models of bundles that it is to be compared with.
    """

    name: str
    source: "ModelSource"
    manifest: WeightManifest
    roles: tuple[str, ...]

    @property
    def digest(self) -> bytes:
        """Root digest of its weight manifest."""
        return self.manifest.root_digest


@dataclass(frozen=True, slots=True)
class WeightsComparison:
    """What comparing one folder with one bundle gave.

    Args:
        equal: those roles of the bundle that it is.
        unclaimed: those whose weights the bundle does not name.
    """

    folder: HashedFolder
    equal: tuple[str, ...]
    unclaimed: tuple[str, ...]

    @property
    def line(self) -> str:
        """The result in words."""
        name, roles = shown_path(self.folder.name), self.folder.roles
        if self.equal:
            return f"weights  {name} is the {' and the '.join(self.equal)} of the bundle"
        if self.unclaimed:
            return f"weights  the bundle names no weights of its {' or '.join(self.unclaimed)}"
        neither = "neither" if len(roles) > 1 else "NOT"
        return (
            f"weights  {name} is {neither} the {' nor the '.join(roles)} of the bundle: "
            f"its digest is {format_digest(self.folder.digest)}"
        )

    @property
    def differs(self) -> bool:
        """Whether the bundle claims other weights."""
        return not self.equal and not self.unclaimed

    def to_document(self) -> dict[str, object]:
        """The result as JSON values."""
        return {
            "folder": self.folder.name,
            "digest": format_digest(self.folder.digest),
            "compared_with": list(self.folder.roles),
            "equal_to": list(self.equal),
            "not_claimed": list(self.unclaimed),
        }


def exit_code_with(compared: Sequence[WeightsComparison], exit_code: int) -> int:
    """The exit code of a bundle whose verdict alone would give `exit_code`."""
    if any(one.differs for one in compared):
        return VerdictWord.REJECTED.exit_code
    if exit_code == 0 and any(not one.equal for one in compared):
        return VerdictWord.INCOMPLETE.exit_code
    return exit_code


def hash_folder(option: str) -> HashedFolder:
    """Hash the folder of ``[reference=|candidate=]DIR`` as a recording would.

    Raises:
        click.UsageError: there is no such folder.
        Rejection: ``model.*``.
    """
    # Only whoever hashes a model needs the recorder's part.
    from pot_recorder.models.manifest import hash_model  # noqa: PLC0415
    from pot_recorder.models.source import parse_model_source  # noqa: PLC0415

    role, equals, rest = option.partition("=")
    has_role = bool(equals) and role in ROLES
    folder = rest if has_role else option
    if not Path(folder).exists():
        raise click.UsageError(f"--weights: there is no {shown_path(folder)}")
    source = parse_model_source(folder)
    return HashedFolder(folder, source, hash_model(source), (role,) if has_role else ROLES)


def compare_weights(bundle: Bundle | None, folder: HashedFolder) -> WeightsComparison:
    """Compare with what a bundle claims; one that cannot be read claims nothing."""
    claims = {role: None if bundle is None else _claim(bundle, role) for role in folder.roles}
    return WeightsComparison(
        folder,
        equal=tuple(
            role
            for role, claim in claims.items()
            if claim is not None and bundle is not None and _is(folder, bundle, role, claim)
        ),
        unclaimed=tuple(role for role, claim in claims.items() if claim is None),
    )


def _is(folder: HashedFolder, bundle: Bundle, role: str, claim: bytes) -> bool:
    if folder.digest == claim:
        return True
    # An earlier version counted more of a folder's files; the bundle's manifest names them.
    blob = bundle.blob(REFERENCE_WEIGHTS if role == "reference" else CANDIDATE_WEIGHTS)
    try:
        recorded = None if blob is None else parse_weight_manifest(blob.data, blob.name)
    except Rejection:  # found and reported by the bundle's own checks
        return False
    if recorded is None or recorded.root_digest != claim:
        return False
    from pot_recorder.models.recorded_folder import manifest_as_recorded  # noqa: PLC0415

    return manifest_as_recorded(folder.source, folder.manifest, recorded) == recorded


def _claim(bundle: Bundle, role: str) -> bytes | None:
    identity = bundle.head.reference if role == "reference" else bundle.head.candidate
    return identity.claim.weights_digest
