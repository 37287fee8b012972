"""C09: the weight manifests are complete, and their digests are the claimed ones."""

from dataclasses import replace

from pot_reverify.checks.result import CheckId, CheckResult, absent, passed
from pot_reverify.documents.blob import CANDIDATE_WEIGHTS, REFERENCE_WEIGHTS
from pot_reverify.documents.bundle import Bundle
from pot_reverify.documents.weight_manifest import parse_weight_manifest
from pot_reverify.encoding.digest import format_digest
from pot_reverify.errors import Rejection
from pot_reverify.policy import Grade, HeldGrade, ModelRole


def check_weights(bundle: Bundle) -> CheckResult:
    """Recompute each manifest's root digest and compare it with the claim in HEAD.

    Raises:
        Rejection: ``weights.manifest-missing``, ``weights.digest-mismatch``,
            ``weights.manifest-unclaimed``, ``weights.grade``, and what parsing a manifest raises.
    """
    if bundle.statement is None and not bundle.blobs:
        return absent(CheckId.WEIGHTS, "weights.absent", "The manifests are written when sealing.")
    notes, grades = [], []
    models = (
        (ModelRole.REFERENCE, bundle.head.reference, REFERENCE_WEIGHTS),
        (ModelRole.CANDIDATE, bundle.head.candidate, CANDIDATE_WEIGHTS),
    )
    for role, identity, name in models:
        claimed, blob = identity.claim.weights_digest, bundle.blob(name)
        if claimed is None or blob is None:
            _require_neither(claimed is None, blob is None, role, name)
            continue
        manifest = parse_weight_manifest(blob.data, name)
        found = manifest.root_digest
        if found != claimed:
            raise Rejection(
                "weights.digest-mismatch",
                f"The files listed for the {role} are not those of its claimed digest.",
                where=name,
                expected=format_digest(claimed),
                got=format_digest(found),
            )
        grades.append(HeldGrade(role, Grade.WEIGHTS))
        size_bytes = sum(file.size_bytes for file in manifest.files)
        files = "1 file" if len(manifest.files) == 1 else f"{len(manifest.files)} files"
        notes.append(f"{role} {format_digest(claimed)}: {files}, {size_bytes} bytes")
    grade = None if bundle.statement is None else bundle.statement.binding_grade
    if grade == Grade.WEIGHTS and len(notes) < len(models):
        raise Rejection(
            "weights.grade",
            "Grade W is claimed, and the weights of a model are not listed.",
            where="predicate.binding_grade",
        )
    if not notes:
        return absent(CheckId.WEIGHTS, "weights.absent", "No weights are claimed.")
    result = passed(CheckId.WEIGHTS, "manifests agree with the claimed digests", *notes)
    return replace(result, grades=tuple(grades))


def _require_neither(no_claim: bool, no_manifest: bool, role: str, name: str) -> None:  # noqa: FBT001
    if no_manifest and not no_claim:
        raise Rejection(
            "weights.manifest-missing", f"The {role}'s weights are not listed.", where=name
        )
    if no_claim and not no_manifest:
        raise Rejection(
            "weights.manifest-unclaimed", f"The {role} claims no weights digest.", where=name
        )
