"""Opening a model so that the bytes that are hashed are the bytes that run."""

import logging
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Literal

import torch
from transformers import (
    MODEL_FOR_CAUSAL_LM_MAPPING,
    AutoConfig,
    AutoTokenizer,
    PreTrainedConfig,
    PreTrainedModel,
    PreTrainedTokenizerBase,
)
from transformers.utils import logging as transformers_logging

from pot_recorder.models.files import copy_hashed, read_hashed
from pot_recorder.models.gguf_loading import load_gguf
from pot_recorder.models.loaded_model import LoadedModel, ModelIdentity
from pot_recorder.models.safetensors_buffer import parse_safetensors
from pot_recorder.models.source import INDEX_NAME, ModelSource, parse_shard_index
from pot_reverify.documents.weight_manifest import FileEntry, WeightManifest
from pot_reverify.errors import Rejection

DType = Literal["auto", "float32", "bfloat16", "float16"]
Attention = Literal["sdpa", "eager"]

_SHOWN_KEYS = 5


def open_model(
    source: ModelSource,
    *,
    dtype: DType = "auto",
    device: str = "cpu",
    attention: Attention = "sdpa",
) -> LoadedModel:
    """Read a model's files once, hash them, and build the model from what was read.

    safetensors become tensors straight from the hashed buffer. Configuration, tokenizer and GGUF
    files are written to a private folder while they are hashed, loaded from there, and the folder
    is removed. No path of the source is opened twice, and no code of the model is ever run.

    Args:
        source: from `parse_model_source`.
        dtype: type of weights and computation; ``auto`` takes the one of the stored weights.
        device: a torch device.
        attention: the attention kernel; ``eager`` where a model does not support ``sdpa``.

    Raises:
        Rejection: ``model.unreadable-file``, ``model.file-changed``, ``model.corrupt-shard``,
            ``model.corrupt-index``, ``model.unsupported-architecture``, ``model.no-tokenizer``,
            ``model.weights-do-not-fit``, ``model.cannot-load`` or ``model.no-such-device``; for
            GGUF also what `load_gguf` raises.
    """
    _require_device(device)
    with tempfile.TemporaryDirectory(prefix="pot-audit-model-") as folder, _quiet_transformers():
        private = Path(folder)  # TemporaryDirectory makes it with mode 0700
        entries = [copy_hashed(source.folder, name, private) for name in source.small_files]
        if source.kind == "gguf":
            entries.append(copy_hashed(source.folder, source.weight_file, private))
            network, tokenizer = load_gguf(source, private, dtype, attention)
        else:
            config = _read_config(source, private)
            weights, weight_entries = _read_weights(source)
            entries += weight_entries
            network = _build(source, config, weights, dtype, attention)
            tokenizer = _read_tokenizer(source, private)
    torch.nn.Module.to(network, torch.device(device))
    network.train(mode=False).requires_grad_(requires_grad=False)
    identity = ModelIdentity(
        name=source.name,
        kind=source.kind,
        revision=source.revision,
        architecture=type(network).__name__,
        dtype=str(network.dtype).removeprefix("torch."),
        device=str(network.device),
        attention=str(network.config._attn_implementation),  # noqa: SLF001 - no public name for it
        parameters=sum(parameter.numel() for parameter in network.parameters()),
        vocabulary=_logits_width(network),
        adds_special_tokens=tokenizer.num_special_tokens_to_add() > 0,
        manifest=WeightManifest.of(entries),
    )
    return LoadedModel(identity, network, tokenizer)


def _read_config(source: ModelSource, private: Path) -> PreTrainedConfig:
    try:
        config: PreTrainedConfig = AutoConfig.from_pretrained(
            private, local_files_only=True, trust_remote_code=False
        )
    except Exception as error:
        raise _unsupported(source, error) from error
    if type(config) not in MODEL_FOR_CAUSAL_LM_MAPPING:
        raise Rejection(
            "model.unsupported-architecture",
            "not a causal language model that transformers knows",
            where=source.name,
            got=config.model_type,
        )
    return config


def _read_weights(source: ModelSource) -> tuple[dict[str, torch.Tensor], list[FileEntry]]:
    entries: list[FileEntry] = []
    names: tuple[str, ...] = (source.weight_file,)
    if source.weight_file == INDEX_NAME:
        entry, content = read_hashed(source.folder, INDEX_NAME)
        entries.append(entry)
        names = parse_shard_index(content, str(source.folder / INDEX_NAME))
    weights: dict[str, torch.Tensor] = {}
    for name in names:
        entry, content = read_hashed(source.folder, name)
        entries.append(entry)
        tensors = parse_safetensors(content, str(source.folder / name))
        if twice := sorted(weights.keys() & tensors.keys()):
            raise Rejection(
                "model.corrupt-shard",
                "two shards hold one tensor",
                where=str(source.folder / name),
                got=twice[0],
            )
        weights |= tensors
    return weights, entries


def _build(
    source: ModelSource,
    config: PreTrainedConfig,
    weights: dict[str, torch.Tensor],
    dtype: DType,
    attention: Attention,
) -> PreTrainedModel:
    model_class: Any = MODEL_FOR_CAUSAL_LM_MAPPING[type(config)]
    try:
        network, report = model_class.from_pretrained(
            None,
            config=config,
            state_dict=weights,
            dtype=_stored_dtype(weights) if dtype == "auto" else getattr(torch, dtype),
            attn_implementation=attention,
            output_loading_info=True,
        )
    except Exception as error:
        raise _cannot_load(source, error) from error
    for problem in ("missing_keys", "unexpected_keys", "mismatched_keys", "error_msgs"):
        if report[problem]:
            names = sorted(map(str, report[problem]))
            raise Rejection(
                "model.weights-do-not-fit",
                f"the weights are not those that config.json asks for ({problem})",
                where=source.name,
                got=", ".join(names[:_SHOWN_KEYS]) + (", …" if len(names) > _SHOWN_KEYS else ""),
            )
    built: PreTrainedModel = network
    return built


def _read_tokenizer(source: ModelSource, private: Path) -> PreTrainedTokenizerBase:
    try:
        tokenizer: PreTrainedTokenizerBase = AutoTokenizer.from_pretrained(
            private, local_files_only=True, trust_remote_code=False
        )
    except Exception as error:
        raise Rejection(
            "model.no-tokenizer",
            f"its tokenizer cannot be read: {_first_line(error)}",
            where=source.name,
        ) from error
    return tokenizer


def _logits_width(network: PreTrainedModel) -> int:
    """Measured, because padded output layers are wider than the vocabulary in config.json."""
    with torch.inference_mode():
        one_token = torch.zeros((1, 1), dtype=torch.long, device=network.device)
        return int(network(input_ids=one_token, use_cache=False).logits.shape[-1])


def _stored_dtype(weights: dict[str, torch.Tensor]) -> torch.dtype:
    """The floating type that holds the most weights: the one that the model was saved in."""
    sizes: dict[torch.dtype, int] = {}
    for tensor in weights.values():
        if tensor.dtype in (torch.float32, torch.bfloat16, torch.float16):
            sizes[tensor.dtype] = sizes.get(tensor.dtype, 0) + tensor.numel()
    return max(sizes, key=lambda dtype: sizes[dtype], default=torch.float32)


def _require_device(device: str) -> None:
    try:
        torch.empty(1, device=torch.device(device))
    except (RuntimeError, AssertionError) as error:
        raise Rejection("model.no-such-device", _first_line(error), where=device) from error


@contextmanager
def _quiet_transformers() -> Iterator[None]:
    """Keep progress bars and loading reports away: what they say is checked and raised here."""
    verbosity = transformers_logging.get_verbosity()
    bars = transformers_logging.is_progress_bar_enabled()
    transformers_logging.set_verbosity(logging.ERROR)
    transformers_logging.disable_progress_bar()  # type: ignore[no-untyped-call]
    try:
        yield
    finally:
        transformers_logging.set_verbosity(verbosity)
        if bars:
            transformers_logging.enable_progress_bar()  # type: ignore[no-untyped-call]


def _unsupported(source: ModelSource, error: Exception) -> Rejection:
    return Rejection(
        "model.unsupported-architecture",
        f"its config.json cannot be used: {_first_line(error)}",
        where=source.name,
    )


def _cannot_load(source: ModelSource, error: Exception) -> Rejection:
    return Rejection(
        "model.cannot-load", f"transformers refused it: {_first_line(error)}", where=source.name
    )


def _first_line(error: BaseException) -> str:
    text = str(error).strip().splitlines()
    return f"{type(error).__name__}: {text[0]}" if text else type(error).__name__
