"""Do two models read the same token ids? The score ``affinity/1`` is defined only if they do."""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass

from pot_recorder.models.loaded_model import LoadedModel
from pot_reverify.encoding.digest import format_digest
from pot_reverify.errors import Rejection

_TEXTS = (
    "The quick brown fox jumps over the lazy dog, 1234567890 times.",
    "  two spaces,\ttab,\n\nnewlines and trailing space ",
    "naïve café — “quotes”, ¿qué?, Straße, Ωμέγα, привет, 你好世界, こんにちは, مرحبا, हिन्दी",
    "e\u0301 and \u00e9; \ufb01 ligature; zero\u200bwidth; 👩‍🔬🇨🇭",
    "def f(x: int) -> int:\n    return x ** 2  # 0x1F != 3.14e-10\n",
    "<s></s><bos><eos><|im_start|>user<|im_end|><|endoftext|>[INST]",
)
_OTHER_SCORE = "affinity-text/1"


@dataclass(frozen=True, slots=True)
class TokenizerFacts:
    """What must be equal on both sides.

    Attributes:
        vocabulary: width of the logits.
        vocabulary_digest: SHA-256 of all (token, id) pairs.
        ids: token ids of a fixed set of texts and of those that were given.
    """

    vocabulary: int
    vocabulary_digest: bytes
    ids: tuple[tuple[int, ...], ...]


def tokenizer_facts(model: LoadedModel, texts: Sequence[str] = ()) -> TokenizerFacts:
    """Measure a model's tokenizer on a fixed set of texts and on `texts`."""
    pairs = sorted(model.tokenizer.get_vocab().items())
    return TokenizerFacts(
        model.identity.vocabulary,
        hashlib.sha256(json.dumps(pairs).encode()).digest(),
        tuple(tuple(model.encode(text)) for text in (*_TEXTS, *texts)),
    )


def verify_same_tokenizer(reference: TokenizerFacts, candidate: TokenizerFacts) -> None:
    """Accept two models only if every text means the same token ids to both.

    Raises:
        Rejection: ``tokenizer.differs``.
    """
    if reference.vocabulary != candidate.vocabulary:
        raise _differs("the widths of the logits", reference.vocabulary, candidate.vocabulary)
    if reference.vocabulary_digest != candidate.vocabulary_digest:
        raise _differs(
            "the vocabularies",
            format_digest(reference.vocabulary_digest),
            format_digest(candidate.vocabulary_digest),
        )
    for mine, other in zip(reference.ids, candidate.ids, strict=True):
        if mine != other:
            raise _differs("the token ids of a text", mine, other)


def verify_same_ids(model: LoadedModel, text: str, ids: Sequence[int], label: str) -> None:
    """Accept a probe only if the model's tokenizer gives these very ids.

    Raises:
        Rejection: ``tokenizer.differs``.
    """
    own = model.encode(text)
    if own != list(ids):
        raise _differs(f"the token ids of {label}", list(ids), own)


def _differs(what: str, expected: object, got: object) -> Rejection:
    return Rejection(
        "tokenizer.differs",
        f"{what} differ, and the score affinity/1 needs one tokenizer; such pairs will be served "
        f"by the score {_OTHER_SCORE}, which is not available yet",
        expected=expected,
        got=got,
    )
