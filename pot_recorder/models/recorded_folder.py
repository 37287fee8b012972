"""Is a folder the one of an earlier recording, whose manifest counted other files?

Earlier versions hashed every small text and JSON file of a folder, whether a loader read it or not.
Such a manifest stays true: the folder is the recorded one if all the files that it names are there,
unchanged, and nothing that counts now is missing from it.
"""

from pot_recorder.models.files import hash_file
from pot_recorder.models.source import ModelSource
from pot_reverify.documents.weight_manifest import WeightManifest


def manifest_as_recorded(
    source: ModelSource, manifest: WeightManifest, recorded: WeightManifest
) -> WeightManifest:
    """A folder's manifest with those of its other files that a recorded manifest names.

    Args:
        manifest: from `hash_model` of `source`.
        recorded: from a bundle; it can name what it likes, and only files of the folder itself
            that were left aside are looked at.

    Raises:
        Rejection: ``model.unreadable-file``, ``model.file-changed`` or ``model.lfs-pointer``.
    """
    named = {file.path for file in recorded.files}
    more = [hash_file(source.folder, name)[0] for name in source.left_aside if name in named]
    return WeightManifest.of([*manifest.files, *more])
