"""Files that git LFS left behind: three lines of text where the weights should be."""

from pot_reverify.errors import Rejection

_FIRST_LINE = b"version https://git-lfs.github.com/spec/"
POINTER_BYTES = len(_FIRST_LINE)


def require_no_lfs_pointer(first_bytes: bytes | bytearray, where: str) -> None:
    """Refuse a file that begins as a pointer of git LFS does (git-lfs, docs/spec.md).

    Args:
        first_bytes: the file from its beginning, at least `POINTER_BYTES` of it if it has them.
        where: the file, for the error.

    Raises:
        Rejection: ``model.lfs-pointer``.
    """
    if first_bytes.startswith(_FIRST_LINE):
        raise Rejection(
            "model.lfs-pointer",
            "a pointer of git LFS, not the file itself; fetch it with: git lfs pull",
            where=where,
        )
