"""Words for what goes wrong inside transformers: short, and without private paths."""

import re
from pathlib import Path

from pot_reverify.errors import Rejection

_SHOWN = 300


def first_line(error: BaseException, private: Path | None = None, name: str = "") -> str:
    """An exception's type and the first line of its text.

    Args:
        private: a temporary folder that means nothing to anybody; it is written as `name`.
    """
    text = str(error)
    if private is not None:
        text = text.replace(str(private), name)
    lines = text.strip().splitlines()
    if not lines:
        return type(error).__name__
    # transformers' reports are silenced here: what they would have shown is said by us.
    line = re.sub(r"\s*(For details )?look at the above report!?", "", lines[0]).strip(" ;,")
    return f"{type(error).__name__}: {line[:_SHOWN]}"


def cannot_load(name: str, error: BaseException, private: Path | None = None) -> Rejection:
    """A model that transformers refused."""
    return Rejection(
        "model.cannot-load",
        f"transformers refused it: {first_line(error, private, name)}",
        where=name,
    )
