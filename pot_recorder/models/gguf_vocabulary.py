"""What a GGUF file says of its tokenizer, as far as it decides which ids a text becomes."""

from dataclasses import dataclass

from pot_recorder.models.gguf_metadata import Metadata
from pot_recorder.models.gguf_pre_tokenizers import PRE_TOKENIZERS, PreTokenizer

BLANK = "\u2581"
"""The letter that SentencePiece writes for a blank."""

_PREFIX = "tokenizer.ggml."
_CONTROL, _USER_DEFINED = 3, 4
_TYPE_MAX = 6
_BYTES = tuple(f"<0x{byte:02X}>" for byte in range(256))
# Ids that tell a program when to stop or how to fill a batch or a gap; no text becomes one.
_OTHER_IDS = (
    "eos_token_id", "eot_token_id", "eom_token_id", "unknown_token_id", "padding_token_id",
    "seperator_token_id", "cls_token_id", "mask_token_id", "prefix_token_id", "suffix_token_id",
    "middle_token_id", "fim_pre_token_id", "fim_suf_token_id", "fim_mid_token_id",
    "fim_pad_token_id", "fim_rep_token_id", "fim_sep_token_id",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Vocabulary:
    """A tokenizer as a file describes it.

    Args:
        tokens: by id.
        control: ids of tokens that steer a model, such as the end of a text.
        pieces: the tokens as they are looked for, SentencePiece's with letters for blanks.
        whole: ids that are found in a text as they stand, before it is cut; `control` is in it.
        scores: one a token, the best first to be made; empty for a byte-level vocabulary.
        merges: pairs with a blank between, best first; empty for SentencePiece.
        pre: how text is cut for a byte-level vocabulary; None for SentencePiece.
        bos_id: put in front of every text, or None.
        space_prefix: whether SentencePiece puts a blank in front of a text.
    """

    tokens: tuple[str, ...]
    pieces: tuple[str, ...]
    control: frozenset[int]
    whole: frozenset[int]
    scores: tuple[float, ...]
    merges: tuple[str, ...]
    pre: PreTokenizer | None
    bos_id: int | None
    space_prefix: bool


def read_vocabulary(metadata: Metadata) -> Vocabulary:
    """Take the ``tokenizer.ggml.*`` keys.

    Raises:
        Rejection: ``model.metadata-not-applied``.
    """
    model = metadata.text(f"{_PREFIX}model")
    if model not in {"gpt2", "llama"}:
        raise metadata.refusal(f"{_PREFIX}model", model, "gpt2 or llama")
    tokens = metadata.sequence(f"{_PREFIX}tokens", str)
    if not tokens:
        raise metadata.refusal(f"{_PREFIX}tokens", None, "tokens")
    merges = metadata.sequence(f"{_PREFIX}merges", str)
    scores = metadata.sequence(f"{_PREFIX}scores", float)
    pre = _read_pre_tokenizer(metadata) if model == "gpt2" else None
    metadata.require(f"{_PREFIX}pre", "default")
    if model == "gpt2" and merges is None:
        raise metadata.refusal(f"{_PREFIX}merges", None, "merges for a byte-level vocabulary")
    _require_known_pieces(metadata, merges or (), frozenset(tokens))
    if model == "llama" and (merges is not None or scores is None or len(scores) != len(tokens)):
        raise metadata.refusal(f"{_PREFIX}scores", None, "a score for each token, and no merges")
    # Byte-level vocabularies have no blank in front; the key stands in many of their files.
    spaced = metadata.flag(f"{_PREFIX}add_space_prefix", default=pre is None)
    if pre is not None and spaced:
        raise metadata.refusal(f"{_PREFIX}add_space_prefix", value=True, expected="False")
    for name in ("add_eos_token", "add_sep_token", "remove_extra_whitespaces"):
        metadata.require(_PREFIX + name, False)
    metadata.require(f"{_PREFIX}token_type_count", 0, 1)
    adds_bos = metadata.flag(f"{_PREFIX}add_bos_token", default=pre is None or pre.adds_bos)
    types = _token_types(metadata, len(tokens))
    control = frozenset(number for number, kind in enumerate(types) if kind == _CONTROL)
    user_defined = frozenset(number for number, kind in enumerate(types) if kind == _USER_DEFINED)
    if spaced and any(not tokens[number].strip(" ") for number in user_defined):
        # Whether the blank that is put in front is one of a run, nobody says.
        key = f"{_PREFIX}add_space_prefix"
        raise metadata.refusal(key, value=True, expected="False beside whole runs of blanks")
    pieces = tokens if pre is not None else tuple(token.replace(" ", BLANK) for token in tokens)
    _require_pieces(metadata, pieces, byte_level=pre is not None)
    return Vocabulary(
        tokens=tokens,
        pieces=pieces,
        control=control,
        whole=control | user_defined,
        scores=scores if pre is None and scores is not None else (),
        merges=merges or (),
        pre=pre,
        bos_id=_bos(metadata, len(tokens), required=adds_bos),
        space_prefix=spaced,
    )


def _read_pre_tokenizer(metadata: Metadata) -> PreTokenizer:
    name = metadata.text(f"{_PREFIX}pre", "default")
    if name not in PRE_TOKENIZERS:
        # Loaders fall back to rules of their own here, and not to the same ones.
        raise metadata.refusal(f"{_PREFIX}pre", name, ", ".join(PRE_TOKENIZERS))
    return PRE_TOKENIZERS[name]


def _require_known_pieces(
    metadata: Metadata, merges: tuple[str, ...], tokens: frozenset[str]
) -> None:
    for merge in merges:
        left, _, right = merge.partition(" ")
        if not {left, right, left + right} <= tokens:
            raise metadata.refusal(f"{_PREFIX}merges", merge, "two tokens that make a third")


def _require_pieces(metadata: Metadata, pieces: tuple[str, ...], *, byte_level: bool) -> None:
    distinct = set(pieces)
    if len(distinct) != len(pieces):
        raise metadata.refusal(f"{_PREFIX}tokens", None, "tokens, each once")
    # What is in no piece is spelled in bytes; without them text would be left out in silence.
    missing = [name for name in _BYTES if name not in distinct]
    if missing and not byte_level:
        raise metadata.refusal(f"{_PREFIX}tokens", None, f"a token {missing[0]}")


def _token_types(metadata: Metadata, count: int) -> tuple[int, ...]:
    types = metadata.sequence(f"{_PREFIX}token_type", int)
    if types is None:
        return ()
    if len(types) != count or not all(0 <= kind <= _TYPE_MAX for kind in types):
        raise metadata.refusal(f"{_PREFIX}token_type", f"{len(types)} types", f"{count}, 0 to 6")
    return types


def _bos(metadata: Metadata, count: int, *, required: bool) -> int | None:
    for name in _OTHER_IDS:
        _id(metadata, name, count)
    bos = _id(metadata, "bos_token_id", count)
    if required and bos is None:
        raise metadata.refusal(f"{_PREFIX}bos_token_id", None, "an id, as BOS is to be added")
    return bos if required else None


def _id(metadata: Metadata, name: str, count: int) -> int | None:
    key = _PREFIX + name
    number = metadata.take(key)
    if number is not None and (type(number) is not int or not 0 <= number < count):
        raise metadata.refusal(key, number, f"the id of one of {count} tokens")
    return number
