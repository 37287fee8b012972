"""What transformers says while it loads a model: heard, and never printed or passed over.

transformers warns where it should refuse: of a scaling that it does not know, of weights that it
does not tie, of keys that it does not read. What it says is collected, and a message that is not
known to be harmless is a reason to refuse the model.
"""

import logging
import re
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from transformers.utils import logging as transformers_logging

from pot_reverify.errors import Rejection

# Nothing of what these speak of changes a forward pass of ours, or they come from both sides alike.
_HARMLESS = re.compile(
    r"(\x1b\[[\d;]*m)?("
    r"\w+ LOAD REPORT"  # every tensor that it speaks of is accounted for by `build_network`
    r"|`torch_dtype` is deprecated"
    r"|Model config: \w+_token_id must be"  # said of generation
    r"|`tokenizer_class` is `\w+` but `tokenizer.json` is ByteLevel; loading"
    r"|The tokenizer you are loading from .* with an incorrect regex pattern"
    r"|The following generation flags are not valid"
    r"|Special tokens have been added in the vocabulary"
    r"|The fast path is not available because"
    r").*",
    re.DOTALL,
)


class _Collector(logging.Handler):
    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.messages: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.messages.append(record.getMessage())


@contextmanager
def collected_messages() -> Iterator[list[str]]:
    """Collect what transformers logs at the level of warnings and above; show no progress bars."""
    library = transformers_logging.get_logger("transformers")
    before = library.handlers, library.level, library.propagate
    bars = transformers_logging.is_progress_bar_enabled()
    collector = _Collector()
    library.handlers, library.propagate = [collector], False
    library.setLevel(logging.WARNING)
    transformers_logging.disable_progress_bar()  # type: ignore[no-untyped-call]
    # What was said once about one model must be said again about the next.
    transformers_logging.warning_once.cache_clear()
    try:
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            yield collector.messages
        # Deprecations are about our calls, not about the model.
        collector.messages += [
            str(one.message)
            for one in caught
            if not issubclass(one.category, (DeprecationWarning, FutureWarning))
        ]
    finally:
        library.handlers, level, library.propagate = before
        library.setLevel(level)
        if bars:
            transformers_logging.enable_progress_bar()  # type: ignore[no-untyped-call]


def require_harmless(messages: Sequence[str], where: str) -> None:
    """Refuse a model that transformers warned about.

    Raises:
        Rejection: ``model.loader-warning``.
    """
    for message in messages:
        if not _HARMLESS.match(message):
            raise Rejection(
                "model.loader-warning",
                "transformers warns of it, so that what runs may not be what the files say",
                where=where,
                got=" ".join(message.split())[:400],
            )
