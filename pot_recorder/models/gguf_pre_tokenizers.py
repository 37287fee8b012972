"""Where a byte-level vocabulary lets words end: what ``tokenizer.ggml.pre`` stands for.

A GGUF file names the rule and does not spell it out. Sources: the patterns of the tokenizers that
the models came with, and ``llm_tokenizer_bpe`` in llama.cpp's ``llama-vocab.cpp``, which lists them
with whether whole words skip the merges and whether BOS is put in front by default.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

_GPT2 = r"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+"
_DIGIT = r"\p{N}"
_LLAMA3 = (
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}"
    r"| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
)
_QWEN2 = (
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}"
    r"| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
)
_TEKKEN = (
    r"[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+"
    r"|[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*"
    r"|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+"
)


@dataclass(frozen=True, slots=True)
class PreTokenizer:
    """How text is cut before merges are applied.

    Args:
        patterns: each cuts what the one before it left.
        whole_words_first: whether a word that is a token stays one, whatever the merges say.
        adds_bos: whether BOS stands in front where the file does not say.
    """

    patterns: tuple[str, ...]
    whole_words_first: bool = False
    adds_bos: bool = False


_LIKE_GPT2 = PreTokenizer((_GPT2,))
_SINGLE_DIGITS = PreTokenizer((_DIGIT, _GPT2))
_LIKE_LLAMA3 = PreTokenizer((_LLAMA3,), whole_words_first=True, adds_bos=True)
_LIKE_QWEN2 = PreTokenizer((_QWEN2,))

PRE_TOKENIZERS: Mapping[str, PreTokenizer] = MappingProxyType(
    {
        "deepseek-r1-qwen": _LIKE_QWEN2,
        "falcon3": _LIKE_LLAMA3,
        "gpt-2": _LIKE_GPT2,
        "llama-bpe": _LIKE_LLAMA3,
        "llama-v3": _LIKE_LLAMA3,
        "llama3": _LIKE_LLAMA3,
        "phi-2": _LIKE_GPT2,
        "qwen2": _LIKE_QWEN2,
        "refact": _SINGLE_DIGITS,
        "smollm": _SINGLE_DIGITS,
        "starcoder": _SINGLE_DIGITS,
        "tekken": PreTokenizer((_TEKKEN,), whole_words_first=True, adds_bos=True),
    }
)
