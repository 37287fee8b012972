"""Who may read what is written: whoever the umask lets, or nobody but its owner."""

import os
from pathlib import Path
from typing import Final

PRIVATE: Final = 0o600
_PUBLIC: Final = 0o666


def public_mode() -> int:
    """The mode that a new file gets that everybody may have."""
    mask = os.umask(0o077)
    os.umask(mask)
    return _PUBLIC & ~mask


def mode_of_copy(source: Path) -> int:
    """For a copy: what others may not read in the source, they may not read in the copy.

    Raises:
        OSError: there is no such file.
    """
    return source.stat().st_mode & _PUBLIC | PRIVATE
