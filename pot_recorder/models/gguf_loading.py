"""From a private copy of a GGUF file to a network that runs what the file says.

transformers fills what a file lacks with random numbers and drops what it does not know, in
silence. Here the configuration is our own, and every tensor and every parameter is accounted for.
"""

from pathlib import Path
from typing import Any, Literal

import torch
from transformers import (
    CONFIG_MAPPING,
    MODEL_FOR_CAUSAL_LM_MAPPING,
    PreTrainedModel,
    PreTrainedTokenizerBase,
)

from pot_recorder.models.gguf_architectures import ROPE_FACTORS
from pot_recorder.models.gguf_header import Tensor
from pot_recorder.models.gguf_model import GgufModel, read_gguf_model
from pot_recorder.models.gguf_tokenizer import build_tokenizer
from pot_recorder.models.source import ModelSource
from pot_reverify.errors import Rejection

_SHOWN_NAMES = 5


def load_gguf(
    source: ModelSource,
    private: Path,
    dtype: Literal["auto", "float32", "bfloat16", "float16"],
    attention: str | None,
) -> tuple[PreTrainedModel, PreTrainedTokenizerBase]:
    """Build network and tokenizer.

    Args:
        source: the GGUF file.
        private: the folder with its hashed copy.
        dtype: of weights and computation; ``auto`` is float32.
        attention: the attention kernel; None for the one that transformers takes.

    Raises:
        Rejection: what `read_gguf_model` raises, ``model.cannot-load``, ``model.no-tokenizer``,
            ``model.weights-do-not-fit`` or ``model.metadata-not-applied``.
    """
    copy = private / source.weight_file
    with copy.open("rb") as stream:
        model = read_gguf_model(stream, copy.stat().st_size, source.name)
    network = _build(source, private, model, dtype, attention)
    _require_config(network, model, source.name)
    _require_all_used(network, model, source.name)
    if model.rope_factors is not None:
        factors = _read_floats(copy, model, model.rope_factors, source.name)
        _apply_rope_factors(network, factors, source.name)
    return network, build_tokenizer(model.vocabulary, source.name)


def _build(
    source: ModelSource, private: Path, model: GgufModel, dtype: str, attention: str | None
) -> PreTrainedModel:
    try:
        # Some classes assume ids of their own, beyond the vocabulary of a small model.
        no_ids = dict.fromkeys(("bos_token_id", "eos_token_id", "pad_token_id"))
        config_class: Any = CONFIG_MAPPING[model.model_type]
        config = config_class(**model.config, **no_ids)
        model_class: Any = MODEL_FOR_CAUSAL_LM_MAPPING[type(config)]
        network, report = model_class.from_pretrained(
            private,
            config=config,
            gguf_file=source.weight_file,
            dtype=torch.float32 if dtype == "auto" else getattr(torch, dtype),
            attn_implementation=attention,
            local_files_only=True,
            output_loading_info=True,
        )
    except Exception as error:
        lines = str(error).strip().splitlines() or [""]
        # The private copy's place is of no use to anybody.
        text = lines[0].replace(f"{private}/", "").replace(str(private), "")
        message = f"transformers refused it: {type(error).__name__}: {text}"
        raise Rejection("model.cannot-load", message, where=source.name) from error
    for problem in ("missing_keys", "unexpected_keys", "mismatched_keys", "error_msgs"):
        if report[problem]:
            names = sorted(
                str(one[0] if isinstance(one, tuple) else one) for one in report[problem]
            )
            raise _do_not_fit(f"transformers did not fill it ({problem})", source.name, names)
    built: PreTrainedModel = network
    return built


def _require_config(network: PreTrainedModel, model: GgufModel, where: str) -> None:
    """The network was built with the configuration that the file asks for."""
    for name, value in model.config.items():
        got = getattr(network.config, name, None)
        if got != value:
            raise Rejection(
                "model.metadata-not-applied",
                f"transformers did not take {name} as the file says",
                where=where,
                got=got,
                expected=value,
            )


def _require_all_used(network: PreTrainedModel, model: GgufModel, where: str) -> None:
    """Every parameter has as many numbers as the tensors of the file that are meant for it."""
    stored: dict[str, int] = {}
    for name, parameter_name in model.parameters.items():
        stored[parameter_name] = stored.get(parameter_name, 0) + model.header.tensors[name].elements
    # Tied parameters are listed once, under the name of the embeddings.
    expected = {name: parameter.numel() for name, parameter in network.named_parameters()}
    wrong = [
        f"{name} (the file has {stored.get(name, 0)} numbers, the network {expected.get(name, 0)})"
        for name in sorted(stored.keys() | expected.keys())
        if stored.get(name) != expected.get(name)
    ]
    if wrong:
        raise _do_not_fit("tensors and parameters do not fit", where, wrong)


def _read_floats(copy: Path, model: GgufModel, tensor: Tensor, where: str) -> torch.Tensor:
    if tensor.type.name != "F32":
        raise _unusable_factors(where, tensor.type.name, "F32")
    with copy.open("rb") as stream:
        stream.seek(model.header.data_start_bytes + tensor.offset_bytes)
        return torch.frombuffer(bytearray(stream.read(tensor.size_bytes)), dtype=torch.float32)


def _apply_rope_factors(network: PreTrainedModel, factors: torch.Tensor, where: str) -> None:
    """Divide the speed of each pair of dimensions by its factor, as ggml's ``rope_ext`` does.

    This is how converters write down the scaling of Llama 3.1 and later.
    """
    rotary: Any = network.get_submodule("model.rotary_emb")
    scaling = network.config.rope_parameters["rope_type"]
    if scaling != "default":
        raise _unusable_factors(where, f"also {scaling} scaling", "one way of scaling")
    if not bool(((factors > 0) & torch.isfinite(factors)).all()):
        raise _unusable_factors(where, factors.min().item(), "numbers above 0")
    rotary.inv_freq.div_(factors)
    rotary.original_inv_freq.copy_(rotary.inv_freq)
    # Read by people alone from now on: no configuration says this, so none may pass for it.
    rope = {**network.config.rope_parameters, "rope_type": ROPE_FACTORS}
    network.config.rope_parameters = rope


def _unusable_factors(where: str, got: object, expected: object) -> Rejection:
    return Rejection(
        "model.metadata-not-applied",
        f"{ROPE_FACTORS} cannot be applied",
        where=where,
        got=got,
        expected=expected,
    )


def _do_not_fit(message: str, where: str, names: list[str]) -> Rejection:
    shown = ", ".join(names[:_SHOWN_NAMES]) + (", …" if len(names) > _SHOWN_NAMES else "")
    return Rejection("model.weights-do-not-fit", message, where=where, got=shown)
