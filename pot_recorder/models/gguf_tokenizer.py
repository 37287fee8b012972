"""The tokenizer of a GGUF file.

A byte-level one is put together here from what the header says. transformers' own reading of the
same header adds tokens that are not in the file, and cuts text like GPT-2 where it does not know
the rule that the file names. A SentencePiece one is transformers', compared with the header.
"""

import json
from pathlib import Path
from typing import Any

from tokenizers import (
    AddedToken,
    Regex,
    Tokenizer,
    decoders,
    models,
    pre_tokenizers,
    processors,
)
from transformers import AutoTokenizer, PreTrainedTokenizerBase, PreTrainedTokenizerFast

from pot_recorder.models.gguf_pre_tokenizers import PreTokenizer
from pot_recorder.models.gguf_vocabulary import Vocabulary
from pot_reverify.errors import Rejection

_BLANK = "\u2581"


def open_gguf_tokenizer(
    folder: Path, file: str, vocabulary: Vocabulary, where: str
) -> PreTrainedTokenizerBase:
    """Build the tokenizer of a file.

    Args:
        folder: where the file lies.
        file: its name.
        vocabulary: what its header says.
        where: the model's name, for errors.

    Raises:
        Rejection: ``model.no-tokenizer``, or ``model.metadata-not-applied`` where the tokenizer
            does not do what the file says.
    """
    try:
        if vocabulary.pre is not None:
            backend = _byte_level(vocabulary, vocabulary.pre)
            bos = None if vocabulary.bos_id is None else vocabulary.tokens[vocabulary.bos_id]
            make: Any = PreTrainedTokenizerFast
            tokenizer: PreTrainedTokenizerBase = make(
                tokenizer_object=backend, bos_token=bos, eos_token=None
            )
        else:
            tokenizer = AutoTokenizer.from_pretrained(
                folder, gguf_file=file, local_files_only=True, trust_remote_code=False
            )
        tokenizer.backend_tokenizer.post_processor = _bos_in_front(vocabulary)
    except Exception as error:
        # The private copy's place is of no use to anybody.
        text = str(error).replace(f"{folder}/", "").replace(str(folder), "").strip()
        message = (
            f"its tokenizer cannot be built: {type(error).__name__}: {text.partition(chr(10))[0]}"
        )
        raise Rejection("model.no-tokenizer", message, where=where) from error
    _require_agreement(tokenizer, vocabulary, where)
    return tokenizer


def _byte_level(vocabulary: Vocabulary, pre: PreTokenizer) -> Tokenizer:
    ids = {token: number for number, token in enumerate(vocabulary.tokens)}
    pairs = []
    for merge in vocabulary.merges:
        left, _, right = merge.partition(" ")
        pairs.append((left, right))
    backend = Tokenizer(models.BPE(vocab=ids, merges=pairs, ignore_merges=pre.whole_words_first))
    backend.pre_tokenizer = pre_tokenizers.Sequence(
        [
            *(pre_tokenizers.Split(Regex(cut), behavior="isolated") for cut in pre.patterns),
            pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
        ]
    )
    backend.decoder = decoders.ByteLevel()
    backend.add_tokens(
        [
            AddedToken(token, normalized=False, special=number in vocabulary.control)
            for number, token in enumerate(vocabulary.tokens)
            if number in vocabulary.whole
        ]
    )
    return backend


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
    """Compare what was built with the header, piece by piece."""
    backend: Tokenizer = tokenizer.backend_tokenizer
    built = json.loads(backend.to_str())
    ids = backend.get_vocab(with_added_tokens=True)
    expected = {_spelled(token, vocabulary): i for i, token in enumerate(vocabulary.tokens)}
    if ids != expected:
        tokens = ids.keys() | expected.keys()
        other = min(token for token in tokens if ids.get(token) != expected.get(token))
        got = f"{other[:40]!a} as {ids.get(other)}, the file says {expected.get(other)}"
        raise _disagreement("tokens", where, got)
    # Runs of blanks come together by merges, as in the tokenizers that Gemma came with; llama.cpp
    # differs from those for runs that are longer than any token.
    blanks = {
        i
        for i in vocabulary.whole
        if vocabulary.pre is None and not vocabulary.tokens[i].strip(" ")
    }
    odd = {token["id"] for token in built["added_tokens"]} ^ vocabulary.whole
    if odd - blanks:
        shown = min(odd - blanks)
        raise _disagreement("token_type", where, f"token {shown} is treated otherwise")
    bare = backend.encode("a", add_special_tokens=False)
    if vocabulary.pre is None:
        begins = bare.tokens[0] if bare.tokens else ""
        if begins.startswith(_BLANK) != vocabulary.space_prefix:
            raise _disagreement("add_space_prefix", where, f"'a' begins with {begins[:40]!a}")
    added = [] if vocabulary.bos_id is None else [vocabulary.bos_id]
    if tokenizer("a", add_special_tokens=True)["input_ids"] != added + bare.ids:
        raise _disagreement("add_bos_token", where, "other tokens are added")


def _spelled(token: str, vocabulary: Vocabulary) -> str:
    return token if vocabulary.pre is not None else token.replace(" ", _BLANK)


def _disagreement(key: str, where: str, got: str) -> Rejection:
    return Rejection(
        "model.metadata-not-applied",
        f"the tokenizer that can be built does not do what tokenizer.ggml.{key} says",
        where=where,
        got=got,
    )
