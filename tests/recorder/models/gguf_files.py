"""GGUF files for the tests: random models of every architecture, written as converters write them.

The way from a transformers model to a file follows llama.cpp's ``convert_hf_to_gguf.py``, with
names from the `gguf` package: nothing of it is shared with the reader under test.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import gguf
import numpy as np
import torch
from tokenizers.pre_tokenizers import ByteLevel
from transformers import CONFIG_MAPPING, AutoModelForCausalLM

HIDDEN, FEED_FORWARD, HEADS, KV_HEADS, LAYERS, CONTEXT, WINDOW = 64, 96, 4, 2, 3, 128, 16
EPSILON = 2.0**-16
ALPHABET = sorted(ByteLevel.alphabet())
MERGES = ["Ġ t", "h e", "Ġt he", "Ġ Ġ", "1 2", "i n", "Ġ 1"]
END = "<|end|>"
TOKENS = [*ALPHABET, *(merge.replace(" ", "") for merge in MERGES), END]

DECODER = {
    "vocab_size": len(TOKENS), "hidden_size": HIDDEN, "intermediate_size": FEED_FORWARD,
    "num_hidden_layers": LAYERS, "num_attention_heads": HEADS, "num_key_value_heads": KV_HEADS,
    "max_position_embeddings": CONTEXT, "rms_norm_eps": EPSILON, "head_dim": HIDDEN // HEADS,
    "tie_word_embeddings": False, "bos_token_id": None, "eos_token_id": None, "pad_token_id": None,
}  # fmt: skip
EXPERTS = {"num_experts": 4, "num_experts_per_tok": 2, "moe_intermediate_size": 32}
GEMMA = {"head_dim": 32, "query_pre_attn_scalar": 32, "tie_word_embeddings": True,
         "sliding_window": WINDOW}  # fmt: skip


@dataclass(frozen=True)
class Kind:
    """One sort of model, in transformers' words and as metadata of a file."""

    arch: str
    model_type: str
    config: Mapping[str, Any]
    keys: Mapping[str, Any] = field(default_factory=dict)
    more_tensors: Callable[[], Mapping[str, np.ndarray]] = dict


def _rope(kind: str, **more: Any) -> dict[str, Any]:
    return {"rope_parameters": {"rope_type": kind, "rope_theta": 5000.0, **more}}


LLAMA3 = {"factor": 8.0, "low_freq_factor": 1.0, "high_freq_factor": 4.0,
          "original_max_position_embeddings": 32}  # fmt: skip


def llama3_factors() -> np.ndarray:
    """By what each speed is divided (`generate_extra_tensors` in ``convert_hf_to_gguf.py``)."""
    factors = []
    for power in range(0, HIDDEN // HEADS, 2):
        wavelength = 2 * np.pi * 5000.0 ** (power / (HIDDEN // HEADS))
        turns = LLAMA3["original_max_position_embeddings"] / wavelength
        low, high = LLAMA3["low_freq_factor"], LLAMA3["high_freq_factor"]
        smooth = min(max((turns - low) / (high - low), 0.0), 1.0)
        factors.append(1 / ((1 - smooth) / LLAMA3["factor"] + smooth))
    return np.array(factors, dtype=np.float32)


KINDS: dict[str, Kind] = {
    "llama": Kind("llama", "llama", {}),
    "llama-tied": Kind("llama", "llama", {"tie_word_embeddings": True}),
    "llama-wide-heads": Kind("llama", "llama", {"head_dim": 32},
                             {"attention.key_length": 32, "attention.value_length": 32}),
    "llama-theta": Kind("llama", "llama", _rope("default"), {"rope.freq_base": 5000.0}),
    "llama-linear": Kind("llama", "llama", _rope("linear", factor=8.0), {
        "rope.freq_base": 5000.0, "rope.scaling.type": "linear", "rope.scaling.factor": 8.0}),
    "llama-old-linear": Kind("llama", "llama", _rope("linear", factor=4.0), {
        "rope.freq_base": 5000.0, "rope.scale_linear": 4.0}),
    "llama-yarn": Kind("llama", "llama", _rope(
        "yarn", factor=4.0, original_max_position_embeddings=32), {
        "rope.freq_base": 5000.0, "rope.scaling.type": "yarn", "rope.scaling.factor": 4.0,
        "rope.scaling.original_context_length": 32}),
    "llama-3.1": Kind("llama", "llama", _rope("llama3", **LLAMA3), {
        "rope.freq_base": 5000.0}, lambda: {"rope_freqs.weight": llama3_factors()}),
    "qwen2": Kind("qwen2", "qwen2", {}),
    "qwen2-yarn": Kind("qwen2", "qwen2", _rope(
        "yarn", factor=2.0, original_max_position_embeddings=64), {
        "rope.freq_base": 5000.0, "rope.scaling.type": "yarn", "rope.scaling.factor": 2.0,
        "rope.scaling.original_context_length": 64}),
    "qwen3": Kind("qwen3", "qwen3", {"head_dim": 32}, {
        "attention.key_length": 32, "attention.value_length": 32}),
    "qwen2moe": Kind("qwen2moe", "qwen2_moe", {
        **EXPERTS, "shared_expert_intermediate_size": 48, "norm_topk_prob": False}, {
        "expert_count": 4, "expert_used_count": 2, "expert_feed_forward_length": 32,
        "expert_shared_feed_forward_length": 48}),
    "qwen3moe": Kind("qwen3moe", "qwen3_moe", {
        **EXPERTS, "head_dim": 32, "norm_topk_prob": True}, {
        "expert_count": 4, "expert_used_count": 2, "expert_feed_forward_length": 32,
        "attention.key_length": 32, "attention.value_length": 32}),
    "gemma2": Kind("gemma2", "gemma2", {
        **GEMMA, "attn_logit_softcapping": 2.0, "final_logit_softcapping": 3.0}, {
        "attention.key_length": 32, "attention.value_length": 32,
        "attention.sliding_window": WINDOW, "attn_logit_softcapping": 2.0,
        "final_logit_softcapping": 3.0}),
    "gemma3": Kind("gemma3", "gemma3_text", {
        **GEMMA, "num_hidden_layers": 7, "rope_parameters": {
            "full_attention": {"rope_type": "default", "rope_theta": 1e6},
            "sliding_attention": {"rope_type": "default", "rope_theta": 1e4}}}, {
        "attention.key_length": 32, "attention.value_length": 32, "block_count": 7,
        "attention.sliding_window": WINDOW, "rope.freq_base": 1e6}),
    "gemma3-linear": Kind("gemma3", "gemma3_text", {
        **GEMMA, "num_hidden_layers": 7, "rope_parameters": {
            "full_attention": {"rope_type": "linear", "rope_theta": 1e6, "factor": 8.0},
            "sliding_attention": {"rope_type": "default", "rope_theta": 1e4}}}, {
        "attention.key_length": 32, "attention.value_length": 32, "block_count": 7,
        "attention.sliding_window": WINDOW, "rope.freq_base": 1e6,
        "rope.scaling.type": "linear", "rope.scaling.factor": 8.0}),
    "phi3": Kind("phi3", "phi3", {"original_max_position_embeddings": CONTEXT}),
    "phi3-partial": Kind("phi3", "phi3", {
        "original_max_position_embeddings": CONTEXT, "rope_parameters": {
            "rope_type": "default", "rope_theta": 1e4, "partial_rotary_factor": 0.75}}, {
        "rope.dimension_count": 12}),
    "starcoder2": Kind("starcoder2", "starcoder2", {
        "norm_epsilon": EPSILON, "tie_word_embeddings": True}),
    "gpt2": Kind("gpt2", "gpt2", {
        "n_embd": HIDDEN, "n_head": HEADS, "n_layer": LAYERS, "n_positions": CONTEXT,
        "n_inner": FEED_FORWARD, "layer_norm_epsilon": EPSILON, "tie_word_embeddings": True}),
}  # fmt: skip


def random_model(kind: Kind) -> Any:
    """A float32 model whose every parameter is random, norms and biases too.

    Parameters are multiples of 2^-8, so that converting them loses nothing.
    """
    base = {} if kind.arch == "gpt2" else DECODER
    common = {"vocab_size": len(TOKENS), "bos_token_id": None, "eos_token_id": None}
    config = CONFIG_MAPPING[kind.model_type](**{**base, **common, **kind.config})
    model = AutoModelForCausalLM.from_config(
        config, dtype=torch.float32, attn_implementation=attention(kind)
    )
    generator = torch.Generator().manual_seed(7)
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            values = torch.randn(parameter.shape, generator=generator) * 0.2
            if name.endswith(".weight") and parameter.dim() == 1 and "gemma" not in kind.arch:
                values += 1
            parameter.copy_((values * 256).round() / 256)
    return model.eval()


def attention(kind: Kind) -> str:
    """The kernel that computes it: `sdpa` caps no attention."""
    return "eager" if kind.arch == "gemma2" else "sdpa"


def stored_tensors(kind: Kind, model: Any) -> dict[str, np.ndarray]:
    """The tensors of a file, by their names there."""
    layers = model.config.num_hidden_layers
    architecture = {name: arch for arch, name in gguf.MODEL_ARCH_NAMES.items()}[kind.arch]
    names = gguf.get_tensor_name_map(architecture, layers)
    stored = {}
    for name, parameter in model.named_parameters():
        values = parameter.detach().numpy()
        stem, _, suffix = name.rpartition(".")
        if name.endswith("experts.gate_up_proj"):
            layer = name.split(".")[2]
            gate, up = np.split(values, 2, axis=1)
            stored[f"blk.{layer}.ffn_gate_exps.weight"] = np.ascontiguousarray(gate)
            stored[f"blk.{layer}.ffn_up_exps.weight"] = np.ascontiguousarray(up)
        elif name.endswith("experts.down_proj"):
            stored[f"blk.{name.split('.')[2]}.ffn_down_exps.weight"] = values
        else:
            stored[f"{names.get_name(stem)}.{suffix}"] = _as_stored(kind, model, name, values)
    return stored


def _as_stored(kind: Kind, model: Any, name: str, values: np.ndarray) -> np.ndarray:
    if kind.arch == "llama" and ("q_proj" in name or "k_proj" in name):
        config = model.config
        heads = config.num_attention_heads if "q_proj" in name else config.num_key_value_heads
        split = values.reshape(heads, 2, values.shape[0] // heads // 2, *values.shape[1:])
        values = split.swapaxes(1, 2).reshape(values.shape)
    if "gemma" in kind.arch and "norm" in name:
        values = values + 1
    if kind.arch == "gpt2" and ("c_attn.weight" in name or "c_proj.weight" in name
                                or "c_fc.weight" in name):  # fmt: skip
        values = values.T
    if name.endswith("shared_expert_gate.weight"):
        values = values[0]
    return np.ascontiguousarray(values)


def architecture_keys(kind: Kind) -> dict[str, Any]:
    """The keys behind the architecture's name that converters write."""
    norm = "layer_norm_epsilon" if kind.arch in {"gpt2", "starcoder2"} else "layer_norm_rms_epsilon"
    keys: dict[str, Any] = {
        "block_count": LAYERS, "context_length": CONTEXT, "embedding_length": HIDDEN,
        "feed_forward_length": FEED_FORWARD, "attention.head_count": HEADS,
        f"attention.{norm}": EPSILON,
    }  # fmt: skip
    if kind.arch != "gpt2":
        keys["attention.head_count_kv"] = KV_HEADS
    return keys | dict(kind.keys)


def tokenizer_keys() -> dict[str, Any]:
    """A byte-level vocabulary with a few merges."""
    return {
        "tokenizer.ggml.model": "gpt2",
        "tokenizer.ggml.pre": "gpt-2",
        "tokenizer.ggml.tokens": list(TOKENS),
        "tokenizer.ggml.token_type": [1] * (len(TOKENS) - 1) + [3],
        "tokenizer.ggml.merges": list(MERGES),
        "tokenizer.ggml.eos_token_id": len(TOKENS) - 1,
    }


def sentencepiece_keys() -> dict[str, Any]:
    """A SentencePiece vocabulary: three control tokens, all bytes, and pieces with scores."""
    words = ["▁", "t", "h", "e", "a", "n", "d", "w", "o", "1", "2", "▁t", "he", "▁the", "▁▁", "an",
             "and", "▁and", "▁a", "tw", "wo", "two", "▁two", "12", "x", "=", ";", "ü"]  # fmt: skip
    tokens = ["<unk>", "<s>", "</s>", *(f"<0x{byte:02X}>" for byte in range(256)), *words]
    count = len(words)
    return {
        "tokenizer.ggml.model": "llama",
        "tokenizer.ggml.tokens": tokens,
        "tokenizer.ggml.scores": [0.0] * 259 + [-float(number) for number in range(count)],
        "tokenizer.ggml.token_type": [2, 3, 3] + [6] * 256 + [1] * count,
        "tokenizer.ggml.bos_token_id": 1,
        "tokenizer.ggml.eos_token_id": 2,
        "tokenizer.ggml.unknown_token_id": 0,
    }


def all_keys(kind: Kind) -> dict[str, Any]:
    """Every key of a file but the architecture's name."""
    own = {f"{kind.arch}.{name}": value for name, value in architecture_keys(kind).items()}
    return own | tokenizer_keys()


def write(
    path: Path,
    arch: str,
    keys: Mapping[str, Any],
    tensors: Mapping[str, np.ndarray],
    quantise: Callable[[str, np.ndarray], gguf.GGMLQuantizationType | None] = lambda *_: None,
) -> Path:
    """Write a file with the `gguf` package."""
    writer = gguf.GGUFWriter(path, arch)
    for key, value in keys.items():
        _add(writer, key, value)
    for name, values in tensors.items():
        kind = quantise(name, values)
        if kind is None:
            writer.add_tensor(name, values.astype(np.float32, copy=False))
        else:
            writer.add_tensor(name, gguf.quantize(values, kind), raw_dtype=kind)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return path


def write_pieces(path: Path, name: str, **changed: Any) -> Path:
    """A random model of one kind with a SentencePiece vocabulary."""
    keys = {key: value for key, value in all_keys(KINDS[name]).items() if "tokenizer" not in key}
    pieces = sentencepiece_keys()
    kind = KINDS[name]
    size = {"vocab_size": len(pieces["tokenizer.ggml.tokens"])}
    kind = Kind(kind.arch, kind.model_type, {**kind.config, **size}, kind.keys)
    model = random_model(kind)
    return write(path, kind.arch, keys | pieces | changed, stored_tensors(kind, model))


def write_kind(path: Path, name: str, **changed: Any) -> tuple[Path, Any]:
    """A random model of one kind, and its file."""
    kind = KINDS[name]
    model = random_model(kind)
    keys = all_keys(kind) | changed
    tensors = stored_tensors(kind, model) | dict(kind.more_tensors())
    return write(path, kind.arch, keys, tensors), model


def _add(writer: gguf.GGUFWriter, key: str, value: Any) -> None:
    match value:
        case bool():
            writer.add_bool(key, value)
        case int():
            writer.add_uint32(key, value) if value >= 0 else writer.add_int32(key, value)
        case float():
            writer.add_float32(key, value)
        case str():
            writer.add_string(key, value)
        case list():
            writer.add_array(key, value)
        case _:
            raise TypeError(key)
