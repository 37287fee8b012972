"""Opening a model so that the bytes that are hashed are the bytes that run."""

from pathlib import Path

import torch
from transformers import (
    PreTrainedConfig,
    PreTrainedModel,
)

from pot_recorder.interrupts import private_folder
from pot_recorder.models.applied import Applied, describe_rope_scaling
from pot_recorder.models.files import copy_hashed, read_hashed, require_inside
from pot_recorder.models.gguf_loading import load_gguf
from pot_recorder.models.loaded_model import (
    LoadedModel,
    ModelIdentity,
    embedding_rows,
    run_network,
)
from pot_recorder.models.loader_errors import first_line
from pot_recorder.models.loader_messages import collected_messages, require_harmless
from pot_recorder.models.manifest import read_small_files, read_weight_names
from pot_recorder.models.network import (
    Attention,
    BuiltNetwork,
    DType,
    build_network,
    read_config,
    rehearse_network,
)
from pot_recorder.models.safetensors_buffer import tensors_of
from pot_recorder.models.safetensors_header import TensorEntry, parse_safetensors_header
from pot_recorder.models.source import ModelSource
from pot_recorder.models.tokenizer_opening import open_tokenizer, vocabulary_of
from pot_recorder.models.tokenizer_range import require_ids_in_range
from pot_recorder.models.weight_files import require_consistent_tensors
from pot_reverify.documents.weight_manifest import FileEntry, WeightManifest
from pot_reverify.errors import Rejection

__all__ = ["Attention", "DType", "open_model"]


def open_model(
    source: ModelSource,
    *,
    dtype: DType = "auto",
    device: str = "cpu",
    attention: Attention | None = None,
) -> LoadedModel:
    """Read a model's files once, hash them, and build the model from what was read.

    safetensors become tensors straight from the hashed buffer. Configuration, tokenizer and GGUF
    files are written to a private folder while they are hashed, loaded from there, and the folder
    is removed. No path of the source is opened twice, and no code of the model is ever run. What
    comes out is what ``AutoModelForCausalLM.from_pretrained`` makes of the same folder, with peft
    installed, or the model is refused.

    Args:
        source: from `parse_model_source`.
        dtype: type of weights and computation; ``auto`` takes the one that the configuration
            says, else the one of the stored weights.
        device: a torch device.
        attention: the attention kernel; None for the one that transformers takes.

    Raises:
        Rejection: ``model.*`` or ``tokenizer.*``, see docs/models.md.
    """
    _require_device(device)
    with private_folder("pot-audit-model-") as private, collected_messages() as messages:
        if source.kind == "gguf":
            entries = [copy_hashed(source.folder, source.weight_file, private)]
            network, tokenizer = load_gguf(source, private, dtype, attention)
            built = BuiltNetwork(network, (), ())
        else:
            entries, config, weights = _read_folder(source, private)
            built = build_network(source.name, config, weights, dtype, attention)
            tokenizer = open_tokenizer(source, private, config)
            del weights
    if source.kind == "safetensors":
        require_harmless(messages, source.name)
    network = built.network
    torch.nn.Module.to(network, torch.device(device))
    network.train(mode=False).requires_grad_(requires_grad=False)
    require_ids_in_range(vocabulary_of(tokenizer), embedding_rows(network), source.name)
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
        applied=_applied(built),
    )
    return LoadedModel(identity, network, tokenizer)


def _read_folder(
    source: ModelSource, private: Path
) -> tuple[list[FileEntry], PreTrainedConfig, dict[str, torch.Tensor]]:
    small = read_small_files(source)
    for name, content in small.contents.items():
        (private / name).write_bytes(content)
    config = read_config(source.name, private)
    names = read_weight_names(source)
    entries = [*small.entries, *names.entries]
    headers: dict[str, tuple[TensorEntry, ...]] = {}
    weights: dict[str, torch.Tensor] = {}
    for name in names.names:
        require_inside(source.folder, name)
        entry, content = read_hashed(source.folder, name)
        entries.append(entry)
        where = str(source.folder / name)
        headers[name] = parse_safetensors_header(content, len(content), where)
        require_consistent_tensors(source, None, headers)
        weights |= tensors_of(content, headers[name])
    require_consistent_tensors(source, names.weight_map, headers)
    # transformers would make up what does not fit, in as much memory as the configuration says.
    rehearse_network(source.name, config, (one for header in headers.values() for one in header))
    return entries, config, weights


def _applied(built: BuiltNetwork) -> Applied:
    network = built.network
    dtype = str(network.dtype).removeprefix("torch.")
    method = getattr(getattr(network.config, "quantization_config", None), "quant_method", None)
    stored = ", ".join(built.stored_dtypes)
    return Applied(
        architecture=type(network).__name__,
        dtype=dtype,
        stored=None if stored in ("", dtype) else stored,
        quantisation="none" if method is None else f"{_text(method)}, dequantised",
        rope_scaling=describe_rope_scaling(network.config),
        adapter="none",
        unused=len(built.unused),
    )


def _text(method: object) -> str:
    return str(getattr(method, "value", method))


def _logits_width(network: PreTrainedModel) -> int:
    """Measured, because padded output layers are wider than the vocabulary in config.json."""
    one_token = torch.zeros((1, 1), dtype=torch.long, device=network.device)
    return int(run_network(network, {"input_ids": one_token}).shape[-1])


def _require_device(device: str) -> None:
    try:
        torch.empty(1, device=torch.device(device))
    except (RuntimeError, AssertionError) as error:
        raise Rejection("model.no-such-device", first_line(error), where=device) from error
