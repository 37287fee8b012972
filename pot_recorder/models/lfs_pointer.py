"""Pointer files of git LFS: three lines of text that stand where a model's weights should be.

A clone without LFS leaves them. They are small, readable and perfectly hashable, so a promise made
over them would be a promise about nothing.
Format: <https://github.com/git-lfs/git-lfs/blob/main/docs/spec.md>, "The Pointer".
"""

from pot_reverify.errors import Rejection

_MARKS = (
    b"version https://git-lfs.github.com/spec/",
    b"version https://hawser.github.com/spec/",  # the name before release, still read by git LFS
)
FIRST_BYTES = max(map(len, _MARKS))
"""How many bytes of a file `require_no_lfs_pointer` needs to see."""


def require_no_lfs_pointer(first_bytes: bytes, where: str) -> None:
    """Refuse a file that only points to its content.

    Args:
        first_bytes: the beginning of the file, `FIRST_BYTES` of it or more (or all, if shorter).
        where: the file's name, for the error.

    Raises:
        Rejection: ``model.lfs-pointer``.
    """
    if first_bytes.startswith(_MARKS):
        raise Rejection(
            "model.lfs-pointer",
            "the file is a pointer of git LFS, not its content; fetch it with: git lfs pull",
            where=where,
            got=first_bytes[:FIRST_BYTES].split(b"\n", 1)[0].decode("ascii", "replace"),
            expected="the content itself",
        )
