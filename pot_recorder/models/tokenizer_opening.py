"""Opening a model's tokenizer from a private folder, with words for what it needs."""

from collections.abc import Collection, Mapping
from importlib.util import find_spec
from pathlib import Path
from types import MappingProxyType

from transformers import AutoTokenizer, PreTrainedConfig, PreTrainedTokenizerBase

from pot_recorder.models.loader_errors import first_line
from pot_recorder.models.source import ModelSource
from pot_recorder.models.tokenizer_range import TokenId
from pot_reverify.errors import Indeterminate, Rejection

_SENTENCEPIECE = ("sentencepiece", "protobuf")
# Packages that a vocabulary in a form of its own needs, where no tokenizer.json stands beside it.
_NEEDED_PACKAGES: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "sentencepiece.bpe.model": _SENTENCEPIECE,
        "sentencepiece.model": _SENTENCEPIECE,
        "spiece.model": _SENTENCEPIECE,
        "tiktoken.model": ("tiktoken",),
        "tokenizer.model": _SENTENCEPIECE,
    }
)
_TRIAL_TEXT = "The quick brown fox jumps over 13 lazy dogs; naïve café, 你好!\n"
_MODULES: Mapping[str, str] = MappingProxyType({"protobuf": "google.protobuf"})


def open_tokenizer(
    source: ModelSource, private: Path, config: PreTrainedConfig
) -> PreTrainedTokenizerBase:
    """The tokenizer that ``AutoTokenizer`` makes of the files in a private folder.

    Args:
        config: of the model.

    Raises:
        Rejection: ``model.no-tokenizer``, ``tokenizer.cannot-encode``.
        Indeterminate: ``tokenizer.package-missing``.
    """
    _require_packages(source)
    try:
        tokenizer: PreTrainedTokenizerBase = AutoTokenizer.from_pretrained(
            private, local_files_only=True, trust_remote_code=False, config=config
        )
    except Exception as error:
        raise Rejection(
            "model.no-tokenizer",
            f"its tokenizer cannot be read: {first_line(error, private, source.name)}",
            where=source.name,
        ) from error
    encode(tokenizer, _TRIAL_TEXT, source.name)
    return tokenizer


def encode(tokenizer: PreTrainedTokenizerBase, text: str, where: str) -> list[int]:
    """Token ids of a text, with the special tokens that the tokenizer adds by default.

    Args:
        where: the model, for errors.

    Raises:
        Rejection: ``tokenizer.cannot-encode``.
    """
    try:
        return [int(token) for token in tokenizer(text, add_special_tokens=True)["input_ids"]]
    except Exception as error:
        raise Rejection(
            "tokenizer.cannot-encode",
            f"its tokenizer fails on a text: {first_line(error)}",
            where=where,
        ) from error


def vocabulary_of(tokenizer: PreTrainedTokenizerBase) -> list[TokenId]:
    """Every token that a tokenizer knows."""
    special = {str(one) for one in tokenizer.added_tokens_decoder.values() if one.special}
    return [
        TokenId(token, number, token in special) for token, number in tokenizer.get_vocab().items()
    ]


def _require_packages(source: ModelSource) -> None:
    if "tokenizer.json" in source.small_files:
        return
    for name in source.small_files:
        missing = [one for one in _NEEDED_PACKAGES.get(name, ()) if not _is_installed(one)]
        if missing:
            raise Indeterminate(
                "tokenizer.package-missing",
                f"to read {name}, the {_packages(missing)} needed",
                where=source.name,
                needs=f"pip install {' '.join(missing)}",
            )


def _is_installed(package: str) -> bool:
    try:
        return find_spec(_MODULES.get(package, package)) is not None
    except ModuleNotFoundError:  # of the package around it
        return False


def _packages(names: Collection[str]) -> str:
    several = len(names) > 1
    return f"Python package{'s' * several} {' and '.join(names)} {'are' if several else 'is'}"
