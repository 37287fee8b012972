"""Building a network from a folder's configuration and weights, with every tensor accounted for."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import torch
from transformers import (
    MODEL_FOR_CAUSAL_LM_MAPPING,
    AutoConfig,
    PreTrainedConfig,
    PreTrainedModel,
)
from transformers.models.auto.auto_factory import _get_model_class

from pot_recorder.models.file_names import CONFIG_NAME
from pot_recorder.models.loader_errors import cannot_load, first_line
from pot_recorder.models.safetensors_buffer import torch_dtype
from pot_recorder.models.safetensors_header import TensorEntry
from pot_recorder.models.tensor_account import (
    account_for_unexpected,
    full_report,
    require_fit,
    require_integers_unused,
)
from pot_reverify.errors import Rejection

DType = Literal["auto", "float32", "bfloat16", "float16"]
Attention = Literal["sdpa", "eager"]


@dataclass(frozen=True, slots=True)
class BuiltNetwork:
    """A network, and what was left over of its weights.

    Args:
        stored_dtypes: the floating types of the stored weights, sorted.
        unused: stored tensors that take no part in next-token predictions, sorted.
    """

    network: PreTrainedModel
    stored_dtypes: tuple[str, ...]
    unused: tuple[str, ...]


def read_config(name: str, private: Path) -> PreTrainedConfig:
    """The configuration in a private folder, of a causal language model.

    Args:
        name: the model, for errors; also what transformers takes for its name.

    Raises:
        Rejection: ``model.unsupported-architecture``.
    """
    try:
        config: PreTrainedConfig = AutoConfig.from_pretrained(
            private, local_files_only=True, trust_remote_code=False
        )
    except Exception as error:
        raise Rejection(
            "model.unsupported-architecture",
            f"its {CONFIG_NAME} cannot be used: {first_line(error, private, name)}",
            where=name,
        ) from error
    if type(config) not in MODEL_FOR_CAUSAL_LM_MAPPING:
        raise Rejection(
            "model.unsupported-architecture",
            "not a causal language model that transformers knows",
            where=name,
            got=config.model_type,
        )
    config.name_or_path = name
    return config


def build_network(
    name: str,
    config: PreTrainedConfig,
    weights: Mapping[str, torch.Tensor],
    dtype: DType,
    attention: Attention | None,
    *,
    rehearsal: bool = False,
) -> BuiltNetwork:
    """Build the network that ``AutoModelForCausalLM`` would, and account for every tensor.

    Args:
        name: the model, for errors.
        dtype: of weights and computation; ``auto`` is what the configuration says, else what the
            weights are stored in.
        attention: the attention kernel; None for the one that transformers takes.
        rehearsal: whether `weights` are without values (on the device ``meta``), so that only
            names and shapes are looked at and the network cannot run.

    Raises:
        Rejection: ``model.weights-do-not-fit``, ``model.cannot-load`` or ``model.dtype-not-said``.
    """
    model_class: Any = _get_model_class(  # type: ignore[no-untyped-call]
        config, MODEL_FOR_CAUSAL_LM_MAPPING
    )
    text_class = config.sub_configs.get("text_config")
    if text_class is not None and getattr(model_class, "config_class", None) == text_class:
        config = config.get_text_config()
    stored = {tensor.dtype for tensor in weights.values() if tensor.is_floating_point()}
    chosen = _chosen_dtype(name, config, stored, dtype)
    options: dict[str, Any] = {} if attention is None else {"attn_implementation": attention}
    if rehearsal:
        options["device_map"] = {"": "meta"}
    with full_report(model_class) as report:
        try:
            network: PreTrainedModel = model_class.from_pretrained(
                None,
                config=config,
                state_dict=dict(weights),
                dtype=chosen,
                ignore_mismatched_sizes=True,  # to be named, and refused, below
                **options,
            )
        except Exception as error:
            require_fit(name, report)
            raise cannot_load(name, error) from error
    if not report.seen:
        raise Rejection(
            "model.cannot-load",
            "this version of transformers gives no account of what it loaded",
            where=name,
        )
    require_fit(name, report)
    unused = account_for_unexpected(name, network, weights, report)
    require_integers_unused(name, weights, unused)
    shown = tuple(sorted(str(one).removeprefix("torch.") for one in stored))
    return BuiltNetwork(network, shown, unused)


def rehearse_network(
    name: str, config: PreTrainedConfig, tensors: Iterable[TensorEntry]
) -> BuiltNetwork:
    """Build a network without values: no memory is taken, and what does not fit is refused.

    Raises:
        Rejection: as `build_network`.
    """
    weights = {
        entry.name: torch.empty(entry.shape, dtype=torch_dtype(entry.dtype), device="meta")
        for entry in tensors
    }
    # Any dtype will do, and none need be said yet.
    return build_network(name, config, weights, "float32", None, rehearsal=True)


def _chosen_dtype(
    name: str, config: PreTrainedConfig, stored: set[torch.dtype], dtype: DType
) -> torch.dtype:
    if dtype != "auto":
        named: torch.dtype = getattr(torch, dtype)
        return named
    said = getattr(config, "dtype", None)
    if said is not None:
        said = getattr(torch, said, said) if isinstance(said, str) else said
        if not isinstance(said, torch.dtype):
            raise Rejection(
                "model.cannot-load",
                f"{CONFIG_NAME} names no type",
                where=f"{name}: dtype",
                got=said,
            )
        return said
    if len(stored) != 1:
        raise Rejection(
            "model.dtype-not-said",
            f"{CONFIG_NAME} names no dtype, and the weights are stored in several; say --dtype",
            where=name,
            got=", ".join(sorted(str(one).removeprefix("torch.") for one in stored)),
        )
    return next(iter(stored))
