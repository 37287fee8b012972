"""The tokenizer of a GGUF file, put together from what its header says.

transformers' own reading of the same header adds tokens that are not in the file, cuts text like
GPT-2 where it does not know the rule that the file names, and puts no blank in front of a text
that begins with one.
"""

import json
from collections.abc import Sequence
from typing import Any

from tokenizers import (
    AddedToken,
    Regex,
    Tokenizer,
    decoders,
    models,
    normalizers,
    pre_tokenizers,
    processors,
)
from transformers import PreTrainedTokenizerBase, PreTrainedTokenizerFast

from pot_recorder.models.gguf_pre_tokenizers import PreTokenizer
from pot_recorder.models.gguf_vocabulary import BLANK, Vocabulary
from pot_reverify.errors import Rejection


def build_tokenizer(vocabulary: Vocabulary, where: str) -> PreTrainedTokenizerBase:
    """Build the tokenizer that a header describes.

    Args:
        where: the model's name, for errors.

    Raises:
        Rejection: ``model.no-tokenizer``, or ``model.metadata-not-applied`` where the tokenizer
            does not do what the file says.
    """
    pre = vocabulary.pre
    bos = None if vocabulary.bos_id is None else vocabulary.tokens[vocabulary.bos_id]
    make: Any = PreTrainedTokenizerFast
    try:
        backend = _sentencepiece(vocabulary) if pre is None else _byte_level(vocabulary, pre)
        backend.add_tokens(_whole_tokens(vocabulary))
        tokenizer: PreTrainedTokenizerBase = make(
            tokenizer_object=backend, bos_token=bos, eos_token=None
        )
        tokenizer.backend_tokenizer.post_processor = _bos_in_front(vocabulary)
    except Exception as error:
        message = f"its tokenizer cannot be built: {type(error).__name__}: {error}"
        raise Rejection("model.no-tokenizer", message, where=where) from error
    _require_agreement(tokenizer, vocabulary, where)
    return tokenizer


def _byte_level(vocabulary: Vocabulary, pre: PreTokenizer) -> Tokenizer:
    pairs = []
    for merge in vocabulary.merges:
        left, _, right = merge.partition(" ")
        pairs.append((left, right))
    ids = _ids(vocabulary.pieces)
    backend = Tokenizer(models.BPE(vocab=ids, merges=pairs, ignore_merges=pre.whole_words_first))
    backend.pre_tokenizer = pre_tokenizers.Sequence(
        [
            *(pre_tokenizers.Split(Regex(cut), behavior="isolated") for cut in pre.patterns),
            pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
        ]
    )
    backend.decoder = decoders.ByteLevel()
    return backend


def _sentencepiece(vocabulary: Vocabulary) -> Tokenizer:
    """Neighbours come together as long as they make a piece, the one with the best score first."""
    ids = _ids(vocabulary.pieces)
    pairs = []
    for piece, number in ids.items():
        rank = (-vocabulary.scores[number], number)
        for place in range(1, len(piece)):
            left, right = piece[:place], piece[place:]
            if left in ids and right in ids:
                pairs.append((rank, left, right))
    merges = [(left, right) for _, left, right in sorted(pairs)]
    backend = Tokenizer(models.BPE(vocab=ids, merges=merges, byte_fallback=True))
    in_front = [normalizers.Prepend(BLANK)] if vocabulary.space_prefix else []
    backend.normalizer = normalizers.Sequence([*in_front, normalizers.Replace(" ", BLANK)])
    strip = [decoders.Strip(content=" ", left=1)] if vocabulary.space_prefix else []
    spaced = decoders.Replace(BLANK, " ")
    backend.decoder = decoders.Sequence([spaced, decoders.ByteFallback(), decoders.Fuse(), *strip])
    return backend


def _whole_tokens(vocabulary: Vocabulary) -> list[AddedToken]:
    whole = []
    for number in sorted(vocabulary.whole):
        piece, special = vocabulary.pieces[number], number in vocabulary.control
        # A run of blanks is found where blanks have become letters, everything else before.
        blanks = piece != vocabulary.tokens[number]
        whole.append(AddedToken(piece, normalized=blanks, special=special))
    return whole


def _bos_in_front(vocabulary: Vocabulary) -> processors.TemplateProcessing:
    if vocabulary.bos_id is None:
        return processors.TemplateProcessing(single="$A", pair="$A $B:1")
    bos = vocabulary.tokens[vocabulary.bos_id]
    return processors.TemplateProcessing(
        single="<bos> $A",
        pair="<bos> $A <bos>:1 $B:1",
        special_tokens=[{"id": "<bos>", "ids": [vocabulary.bos_id], "tokens": [bos]}],
    )


def _require_agreement(
    tokenizer: PreTrainedTokenizerBase, vocabulary: Vocabulary, where: str
) -> None:
    """Compare what was built with the header: neither library may have added anything."""
    backend: Tokenizer = tokenizer.backend_tokenizer
    ids, expected = backend.get_vocab(with_added_tokens=True), _ids(vocabulary.pieces)
    if ids != expected:
        tokens = ids.keys() | expected.keys()
        other = min(token for token in tokens if ids.get(token) != expected.get(token))
        got = f"{other[:40]!a} as {ids.get(other)}, the file says {expected.get(other)}"
        raise _disagreement("tokens", where, got)
    whole = {token["id"] for token in json.loads(backend.to_str())["added_tokens"]}
    if whole != vocabulary.whole:
        got = f"token {min(whole ^ vocabulary.whole)} is treated otherwise"
        raise _disagreement("token_type", where, got)
    bare = backend.encode("a", add_special_tokens=False).ids
    added = [] if vocabulary.bos_id is None else [vocabulary.bos_id]
    if tokenizer("a", add_special_tokens=True)["input_ids"] != added + bare:
        raise _disagreement("add_bos_token", where, "other tokens are added")


def _ids(pieces: Sequence[str]) -> dict[str, int]:
    return {piece: number for number, piece in enumerate(pieces)}


def _disagreement(key: str, where: str, got: str) -> Rejection:
    return Rejection(
        "model.metadata-not-applied",
        f"the tokenizer that can be built does not do what tokenizer.ggml.{key} says",
        where=where,
        got=got,
    )
