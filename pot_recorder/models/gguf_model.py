"""A GGUF file understood: every key and every tensor of it has a use here, or it is refused.

Needs no torch, so that no promise is made over a model that a recording would refuse.
"""

import itertools
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from io import BufferedIOBase
from types import MappingProxyType

from pot_recorder.models.gguf_architectures import (
    ARCHITECTURES,
    LAYER,
    OUTPUT,
    ROPE_FACTORS,
    Architecture,
)
from pot_recorder.models.gguf_configurations import Attributes
from pot_recorder.models.gguf_header import GgufHeader, Tensor, read_gguf_header
from pot_recorder.models.gguf_metadata import Metadata
from pot_recorder.models.gguf_shapes import wrong_shapes
from pot_recorder.models.gguf_vocabulary import Vocabulary, read_vocabulary
from pot_reverify.errors import Rejection

_SHOWN_NAMES = 5
# Files in the same format that are part of something else.
_PARTIAL_TYPES: Mapping[str, tuple[str, str]] = MappingProxyType(
    {
        "adapter": ("model.adapter", "an adapter, to be applied to another model"),
        "mmproj": ("model.unsupported-architecture", "a projector for pictures or sound"),
        "vocab": ("model.no-weights", "a vocabulary without weights"),
        "imatrix": ("model.no-weights", "statistics for quantising a model"),
        "controlvector": ("model.adapter", "a control vector, to be applied to another model"),
    }
)


@dataclass(frozen=True, slots=True)
class GgufModel:
    """What is to be built from a file.

    Args:
        model_type: what transformers calls the architecture.
        config: attributes of its configuration, all those that decide what is computed.
        parameters: transformers' parameter for each tensor of the file; two may share one.
        rope_factors: the tensor that divides the speeds of rotary positions, if there is one.
        header: what the file says.
        vocabulary: the tokenizer.
    """

    model_type: str
    config: Attributes
    parameters: Mapping[str, str]
    rope_factors: Tensor | None
    header: GgufHeader
    vocabulary: Vocabulary


def read_gguf_model(stream: BufferedIOBase, size_bytes: int, where: str) -> GgufModel:
    """Read a file's header and give every key and tensor its use.

    Args:
        stream: at the beginning of the file.
        size_bytes: of the whole file.
        where: the file's name, for errors.

    Raises:
        Rejection: what `read_gguf_header` raises, ``model.adapter``, ``model.no-weights``,
            ``model.split-gguf``, ``model.unsupported-architecture``,
            ``model.metadata-not-applied`` or ``model.weights-do-not-fit``.
    """
    header = read_gguf_header(stream, size_bytes, where)
    metadata = Metadata(header.metadata, where)
    _require_whole_model(metadata)
    name = metadata.text("general.architecture")
    architecture = ARCHITECTURES.get(name)
    if architecture is None:
        raise Rejection(
            "model.unsupported-architecture",
            "GGUF files of this architecture are not read, as it is not shown that what is "
            "computed from them is what the file says; a folder with safetensors may be",
            where=where,
            got=ascii(name),
            expected=", ".join(ARCHITECTURES),
        )
    vocabulary = read_vocabulary(metadata)
    config = architecture.configure(metadata, name, len(vocabulary.tokens))
    metadata.require_nothing_left(name)
    factors = header.tensors.get(ROPE_FACTORS) if architecture.rope_factors else None
    parameters = _parameters(architecture, config, header, factors, where)
    return GgufModel(
        model_type=architecture.model_type,
        config=config | {"tie_word_embeddings": OUTPUT not in header.tensors},
        parameters=MappingProxyType(parameters),
        rope_factors=factors,
        header=header,
        vocabulary=vocabulary,
    )


def _require_whole_model(metadata: Metadata) -> None:
    kind = metadata.text("general.type", "model")
    if kind != "model":
        code, what = _PARTIAL_TYPES.get(kind, ("model.no-weights", "not a model"))
        raise Rejection(code, f"the file is {what}", where=metadata.where, got=ascii(kind))
    parts = metadata.integer("split.count", 1)
    for key in ("split.no", "split.tensors.count"):
        metadata.integer(key, 0)
    if parts > 1:
        raise Rejection(
            "model.split-gguf",
            "the model is split over several files; join them with: llama-gguf-split --merge",
            where=metadata.where,
            got=f"one of {parts} files",
            expected="one file",
        )


def _parameters(
    architecture: Architecture,
    config: Attributes,
    header: GgufHeader,
    factors: Tensor | None,
    where: str,
) -> dict[str, str]:
    """Transformers' parameter for each tensor; raises unless exactly the right ones are there."""
    # A file that promises a billion layers is told so by the first that is missing.
    layers: int = config["n_layer" if "n_layer" in config else "num_hidden_layers"]
    layers_looked_at = min(layers, len(header.tensors) + 1)
    in_layers = {
        LAYER.format(number) + theirs: architecture.layers_at.format(number) + ours
        for number in range(layers_looked_at)
        for theirs, ours in architecture.layer.items()
    }
    required = {**architecture.required, **in_layers}
    known = {**required, **architecture.optional}
    missing = (name for name in required if name not in header.tensors)
    _refuse(missing, "the file lacks tensors that its architecture needs", where)
    applied_apart = set() if factors is None else {factors.name}
    extra = (name for name in header.tensors if name not in known and name not in applied_apart)
    _refuse(extra, "the file holds tensors that would not be used", where)
    misshapen = wrong_shapes(header.tensors, config, fused_gate=architecture.fused_gate)
    _refuse(misshapen, "tensors are not as large as the metadata says", where)
    return {name: known[name] for name in header.tensors if name in known}


def _refuse(names: Iterator[str], message: str, where: str) -> None:
    shown = list(itertools.islice(names, _SHOWN_NAMES + 1))
    if shown:
        raise Rejection(
            "model.weights-do-not-fit",
            message,
            where=where,
            got=", ".join(shown[:_SHOWN_NAMES]) + (", …" if len(shown) > _SHOWN_NAMES else ""),
        )
