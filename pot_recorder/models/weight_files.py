"""Do the weight files of a folder say one thing: their index, their headers, their types?"""

import json
import re
from collections.abc import Mapping, Sequence
from pathlib import Path

from pot_recorder.models.file_names import INDEX_NAME
from pot_recorder.models.safetensors_header import TensorEntry
from pot_recorder.models.source import ModelSource
from pot_reverify.errors import Rejection

FLOATING = frozenset({"BF16", "F16", "F32", "F64"})
# Constants that old checkpoints carry: masks, and positions counted from 0.
_CONSTANT = re.compile(r"(.*\.)?((attn|attention)\.bias|position_ids)")
_CONSTANT_TYPES = frozenset({"BOOL", "I64", "U8"})
_SHOWN = 3


def parse_shard_index(content: bytes | bytearray, where: str) -> dict[str, str]:
    """The file of each tensor, from a ``model.safetensors.index.json``.

    Raises:
        Rejection: ``model.corrupt-index``.
    """

    def once(pairs: list[tuple[str, object]]) -> dict[str, object]:
        members = dict(pairs)
        if len(members) != len(pairs):
            raise Rejection("model.corrupt-index", "it says one thing twice", where=where)
        return members

    try:
        index: object = json.loads(content, object_pairs_hook=once)
    except (ValueError, RecursionError) as error:
        raise Rejection("model.corrupt-index", "not JSON", where=where) from error
    weight_map = index.get("weight_map") if isinstance(index, dict) else None
    if not isinstance(weight_map, dict) or not weight_map:
        raise Rejection("model.corrupt-index", "no weight_map", where=where)
    for file in weight_map.values():
        # The index comes with the model: it must not lead out of the model's folder.
        if (
            not isinstance(file, str)
            or Path(file).name != file
            or not file.endswith(".safetensors")
        ):
            raise Rejection(
                "model.corrupt-index",
                "a shard must be a .safetensors file of the same folder",
                where=where,
                got=file,
            )
    return weight_map


def shard_names(source: ModelSource, weight_map: Mapping[str, str]) -> tuple[str, ...]:
    """The shards that an index names, sorted, where the folder holds no others.

    Raises:
        Rejection: ``model.missing-shard``, ``model.ambiguous-weights``.
    """
    named, present = set(weight_map.values()), set(source.shards)
    if missing := sorted(named - present):
        raise Rejection(
            "model.missing-shard",
            "the index names a file that is not in the folder",
            where=str(source.folder / INDEX_NAME),
            expected=_some(missing),
        )
    if more := sorted(present - named):
        raise Rejection(
            "model.ambiguous-weights",
            "the folder holds weights that its index does not name; move them away",
            where=source.name,
            got=_some(more),
        )
    return tuple(sorted(named))


def require_consistent_tensors(
    source: ModelSource,
    weight_map: Mapping[str, str] | None,
    headers: Mapping[str, Sequence[TensorEntry]],
) -> None:
    """Accept headers that fit their index, name nothing twice, and store what can be computed with.

    Args:
        weight_map: of the index, None without one.
        headers: of each file of weights.

    Raises:
        Rejection: ``model.corrupt-shard``, ``model.corrupt-index``, ``model.no-weights`` or
            ``model.quantised``.
    """
    places: dict[str, str] = {}
    for file, entries in headers.items():
        where = str(source.folder / file)
        for entry in entries:
            if entry.name in places:
                raise Rejection(
                    "model.corrupt-shard", "two shards hold one tensor", where=where, got=entry.name
                )
            places[entry.name] = file
            _require_computable(entry, where)
    if not places:
        raise Rejection("model.no-weights", "the weights hold no tensor", where=source.name)
    if weight_map is not None and weight_map != places:
        wrong = sorted(
            name
            for name in weight_map.keys() | places.keys()
            if weight_map.get(name) != places.get(name)
        )
        first = wrong[0]
        raise Rejection(
            "model.corrupt-index",
            f"the index and its shards disagree about {_some(wrong)}",
            where=str(source.folder / INDEX_NAME),
            expected=f"{first} in {places.get(first, 'no shard')}",
            got=f"{first} in {weight_map.get(first, 'no shard')}",
        )


def _require_computable(entry: TensorEntry, where: str) -> None:
    if entry.dtype in FLOATING:
        return
    if entry.dtype in _CONSTANT_TYPES and _CONSTANT.fullmatch(entry.name):
        return
    raise Rejection(
        "model.quantised",
        f"tensor {entry.name} is stored in a type that weights are not computed in, and nothing "
        "that is applied here says how to read it; dequantise the weights first",
        where=where,
        expected=", ".join(sorted(FLOATING)),
        got=entry.dtype,
    )


def _some(names: Sequence[str]) -> str:
    shown = ", ".join(names[:_SHOWN])
    return shown if len(names) <= _SHOWN else f"{shown} and {len(names) - _SHOWN} more"
