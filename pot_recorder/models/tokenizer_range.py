"""Does a tokenizer give only ids that its model has a row for? Read from the files alone.

Vocabularies in other forms than JSON and text are measured when the model is opened.
"""

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TypeGuard

from pot_recorder.models.file_names import CONFIG_NAME, TOKENIZER_CONFIG_NAME
from pot_recorder.models.folder_claims import read_config
from pot_reverify.errors import Rejection

# Markers such as <image_soft_token>: no probe holds one, so that no text reaches their ids.
_MARKER = re.compile(r"<[^<>\s]+>|\[[A-Z0-9_]+\]")


@dataclass(frozen=True, slots=True)
class TokenId:
    """One token of a vocabulary.

    Args:
        special: whether it stands for something else than its text.
    """

    token: str
    id: int
    special: bool


def require_ids_in_range(tokens: Iterable[TokenId], rows: int, where: str) -> None:
    """Refuse a vocabulary that leads outside the embedding.

    A special token that no probe can hold may lie outside: text-only copies of models that also
    see pictures keep such markers.

    Args:
        rows: of the embedding.
        where: the model, for errors.

    Raises:
        Rejection: ``tokenizer.ids-exceed-model``.
    """
    beyond = [
        one
        for one in tokens
        if one.id >= rows and not (one.special and _MARKER.fullmatch(one.token))
    ]
    if beyond:
        worst = max(beyond, key=lambda one: one.id)
        raise Rejection(
            "tokenizer.ids-exceed-model",
            "the tokenizer gives ids that the model has no embedding for",
            where=where,
            expected=f"ids below {rows}",
            got=f"{worst.id} for {worst.token!r}"
            + (f" and {len(beyond) - 1} more" if len(beyond) > 1 else ""),
        )


def require_stored_ids_in_range(files: Mapping[str, bytes | bytearray], where: str) -> None:
    """The same, from ``config.json`` and the tokenizer's JSON and text files.

    Raises:
        Rejection: ``tokenizer.ids-exceed-model``, ``model.corrupt-config``, or
            ``model.no-tokenizer`` for a vocabulary that cannot be read.
    """
    rows = _vocabulary_size(read_config(files[CONFIG_NAME], f"{where}/{CONFIG_NAME}"))
    if rows is not None:
        require_ids_in_range(_stored_tokens(files, where), rows, where)


def _vocabulary_size(config: Mapping[str, object]) -> int | None:
    for part in (config, config.get("text_config")):
        size = part.get("vocab_size") if isinstance(part, Mapping) else None
        if type(size) is int:
            return size
    return None


def _stored_tokens(files: Mapping[str, bytes | bytearray], where: str) -> Iterable[TokenId]:
    if "tokenizer.json" in files:
        return _of_tokenizer_json(files["tokenizer.json"], f"{where}/tokenizer.json")
    tokens: list[TokenId] = []
    for name in ("vocab.json", "added_tokens.json"):
        if name in files:
            pairs = _object(files[name], f"{where}/{name}").items()
            tokens += [TokenId(token, number, False) for token, number in pairs if _is_id(number)]
    if "vocab.txt" in files:
        lines = files["vocab.txt"].decode(errors="replace").splitlines()
        tokens += [TokenId(token, number, False) for number, token in enumerate(lines)]
    if TOKENIZER_CONFIG_NAME in files:
        place = f"{where}/{TOKENIZER_CONFIG_NAME}"
        added = read_config(files[TOKENIZER_CONFIG_NAME], place).get("added_tokens_decoder")
        for number, token in added.items() if isinstance(added, dict) else ():
            if number.isdecimal() and isinstance(token, dict):
                special = token.get("special") is True
                tokens.append(TokenId(str(token.get("content")), int(number), special))
    return tokens


def _of_tokenizer_json(content: bytes | bytearray, where: str) -> list[TokenId]:
    document = _object(content, where)
    model, added = document.get("model"), document.get("added_tokens")
    entries = [token for token in added if isinstance(token, dict)] if _is_list(added) else []
    special = {str(token.get("content")) for token in entries if token.get("special") is True}
    ids: dict[str, object] = {str(token.get("content")): token.get("id") for token in entries}
    vocabulary = model.get("vocab") if isinstance(model, dict) else None
    if isinstance(vocabulary, dict):
        ids |= vocabulary
    elif _is_list(vocabulary):  # Unigram: (piece, score) in the order of ids
        pieces = (str(pair[0]) if _is_list(pair) and pair else "" for pair in vocabulary)
        ids |= {piece: number for number, piece in enumerate(pieces)}
    return [
        TokenId(token, number, token in special) for token, number in ids.items() if _is_id(number)
    ]


def _is_list(value: object) -> TypeGuard[list[object]]:
    return isinstance(value, list)


def _is_id(value: object) -> TypeGuard[int]:
    return type(value) is int


def _object(content: bytes | bytearray, where: str) -> dict[str, object]:
    try:
        document: object = json.loads(content)
    except (ValueError, RecursionError) as error:
        raise Rejection(
            "model.no-tokenizer", "its tokenizer cannot be read: not JSON", where=where
        ) from error
    if not isinstance(document, dict):
        raise Rejection(
            "model.no-tokenizer", "its tokenizer cannot be read: not an object", where=where
        )
    return document
