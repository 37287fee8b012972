"""What a model's configuration says that would change what runs, and is not applied here.

Reads ``config.json`` and ``tokenizer_config.json`` as transformers does, but with nothing imported:
whoever only hashes a folder, or promises a run, learns the same as whoever runs it.
"""

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from types import MappingProxyType

from pot_recorder.models.file_names import CONFIG_NAME, TOKENIZER_CONFIG_NAME
from pot_reverify.errors import Rejection

_CONFIG_BYTES_MAX = 64 << 20


@dataclass(frozen=True, slots=True)
class _Refusal:
    code: str
    message: str
    got: Callable[[object], str] = str


def _method(value: object) -> str:
    method = value.get("quant_method") if isinstance(value, dict) else None
    return str(method or "no quant_method")


_CODE = _Refusal(
    "model.custom-code",
    "it names code of its own to run the model with, and none of it is ever run here; "
    "where transformers knows the architecture, remove the entry and the code",
)
_QUANTISED = _Refusal(
    "model.quantised",
    "its weights are quantised, and loaders differ in how they run them; dequantise them first",
    _method,
)
_ELSEWHERE = _Refusal(
    "model.redirected",
    "it sends some versions of transformers to another file; keep only the file that is meant",
)
# Keys that count in config.json and in every configuration inside it.
_REFUSED_KEYS: Mapping[str, _Refusal] = MappingProxyType(
    {
        "auto_map": _CODE,
        "compression_config": _QUANTISED,
        "configuration_files": _ELSEWHERE,
        "custom_pipelines": _CODE,
        "fast_tokenizer_files": _ELSEWHERE,
        "quantization_config": _QUANTISED,
        "transformers_weights": _ELSEWHERE,
    }
)
_KERNEL_KEYS = (
    "_attn_implementation",
    "_experts_implementation",
    "attn_implementation",
    "experts_implementation",
)


def read_config(content: bytes | bytearray, where: str) -> dict[str, object]:
    """The object in a configuration file.

    Raises:
        Rejection: ``model.corrupt-config``, also where one object says a thing twice.
    """
    if len(content) > _CONFIG_BYTES_MAX:
        raise Rejection("model.corrupt-config", "far larger than any configuration", where=where)

    def once(pairs: list[tuple[str, object]]) -> dict[str, object]:
        members = dict(pairs)
        if len(members) != len(pairs):
            keys = [key for key, _ in pairs]
            twice = next(key for key in keys if keys.count(key) > 1)
            raise Rejection(
                "model.corrupt-config", "an object says one thing twice", where=where, got=twice
            )
        return members

    try:
        config: object = json.loads(content.decode(), object_pairs_hook=once)
    except (ValueError, RecursionError) as error:
        raise Rejection("model.corrupt-config", "not JSON in UTF-8", where=where) from error
    if not isinstance(config, dict):
        raise Rejection("model.corrupt-config", "not a JSON object", where=where)
    return config


def require_nothing_unapplied(files: Mapping[str, bytes | bytearray], where: str) -> None:
    """Refuse configurations that ask for what is not applied here.

    Args:
        files: a folder's configuration and tokenizer files by name.
        where: the folder, for errors.

    Raises:
        Rejection: ``model.custom-code``, ``model.quantised``, ``model.redirected`` or
            ``model.corrupt-config``.
    """
    for name in (CONFIG_NAME, TOKENIZER_CONFIG_NAME):
        if name not in files:
            continue
        place = f"{where}/{name}"
        for key, value in _members(read_config(files[name], place)):
            refusal = _REFUSED_KEYS.get(key)
            if refusal is not None and value not in (None, {}, [], ""):
                raise Rejection(
                    refusal.code,
                    f"{refusal.message} ({key})",
                    where=place,
                    got=refusal.got(value),
                )
            if key in _KERNEL_KEYS and "/" in str(value):
                # A kernel with an owner and a name is downloaded, and is code.
                raise Rejection(_CODE.code, f"{_CODE.message} ({key})", where=place, got=value)


def _members(config: dict[str, object]) -> Iterator[tuple[str, object]]:
    """Every key with its value, also of the objects inside (text_config and the like)."""
    for key, value in config.items():
        yield key, value
        if isinstance(value, dict) and key not in _REFUSED_KEYS:
            yield from _members(value)
