"""From the metadata of a GGUF file to a transformers configuration, one function an architecture.

Everything that decides what is computed is set here from the file, whatever a configuration class
would assume. What a file does not say is set to what llama.cpp assumes for it (its
``src/models/*.cpp``).
"""

from collections.abc import Callable
from typing import Any, TypeAlias

from pot_recorder.models.gguf_metadata import Metadata
from pot_recorder.models.gguf_rope import read_rope

Attributes: TypeAlias = dict[str, Any]
Configure: TypeAlias = Callable[[Metadata, str, int], Attributes]
"""Takes the metadata, the architecture's name and the number of tokens; raises Rejection."""

_GEMMA2_27B_LAYERS = 46
_GEMMA3_27B_LAYERS = 62
_GEMMA2_SLIDING_WINDOW = 4096
_GEMMA2_ATTENTION_CAP, _GEMMA2_FINAL_CAP = 50.0, 30.0
_GEMMA3_LOCAL_THETA = 10_000.0


def configure_llama(metadata: Metadata, prefix: str, tokens: int) -> Attributes:
    """Llama, and what is built like it: Mistral 7B, SmolLM2, TinyLlama."""
    config = _decoder(metadata, prefix, tokens)
    return config | {"hidden_act": "silu", "attention_bias": False, "mlp_bias": False}


def configure_qwen2(metadata: Metadata, prefix: str, tokens: int) -> Attributes:
    """Qwen2 and Qwen2.5."""
    config = _decoder(metadata, prefix, tokens)
    _require_square_heads(metadata, prefix, config)
    return config | {"hidden_act": "silu", "use_sliding_window": False}


def configure_qwen3(metadata: Metadata, prefix: str, tokens: int) -> Attributes:
    """Qwen3, dense."""
    config = _decoder(metadata, prefix, tokens)
    return config | {"hidden_act": "silu", "attention_bias": False, "use_sliding_window": False}


def configure_qwen2moe(metadata: Metadata, prefix: str, tokens: int) -> Attributes:
    """Qwen1.5-MoE and Qwen2-MoE: routed experts and one that all tokens share."""
    shared = metadata.size(f"{prefix}.expert_shared_feed_forward_length")
    config = configure_qwen2(metadata, prefix, tokens) | _experts(metadata, prefix)
    return config | {"shared_expert_intermediate_size": shared, "norm_topk_prob": False}


def configure_qwen3moe(metadata: Metadata, prefix: str, tokens: int) -> Attributes:
    """Qwen3-MoE: routed experts alone, their weights brought to the sum 1."""
    config = configure_qwen3(metadata, prefix, tokens) | _experts(metadata, prefix)
    return config | {"norm_topk_prob": True}


def configure_gemma2(metadata: Metadata, prefix: str, tokens: int) -> Attributes:
    """Gemma 2."""
    config = _gemma(metadata, prefix, tokens, _GEMMA2_27B_LAYERS)
    # Its layers with a window turn at the same speed as the others.
    metadata.require(f"{prefix}.rope.freq_base_swa", config["rope_parameters"]["rope_theta"])
    window = metadata.size(f"{prefix}.attention.sliding_window", _GEMMA2_SLIDING_WINDOW)
    metadata.require(f"{prefix}.attention.sliding_window_pattern", 2)
    cap = metadata.number(f"{prefix}.attn_logit_softcapping", _GEMMA2_ATTENTION_CAP)
    final_cap = metadata.number(f"{prefix}.final_logit_softcapping", _GEMMA2_FINAL_CAP)
    return config | {
        "sliding_window": window,
        "layer_types": _windowed_layers(config["num_hidden_layers"], 2),
        "attn_logit_softcapping": cap or None,
        "final_logit_softcapping": final_cap or None,
    }


def configure_gemma3(metadata: Metadata, prefix: str, tokens: int) -> Attributes:
    """Gemma 3, its text model."""
    config = _gemma(metadata, prefix, tokens, _GEMMA3_27B_LAYERS)
    layers = config["num_hidden_layers"]
    window = metadata.integer(f"{prefix}.attention.sliding_window", 0)
    local_theta = metadata.number(f"{prefix}.rope.freq_base_swa", _GEMMA3_LOCAL_THETA)
    pattern = metadata.size(f"{prefix}.attention.sliding_window_pattern", 6)
    return config | {
        "sliding_window": window or config["max_position_embeddings"],
        "layer_types": _windowed_layers(layers, pattern if window else 1),
        "use_bidirectional_attention": False,
        "attn_logit_softcapping": None,
        "final_logit_softcapping": metadata.number(f"{prefix}.final_logit_softcapping", 0.0)
        or None,
        # Scaling is for the layers that see everything; those with a window need none.
        "rope_parameters": {
            "full_attention": config["rope_parameters"],
            "sliding_attention": {"rope_type": "default", "rope_theta": local_theta},
        },
    }


def configure_phi3(metadata: Metadata, prefix: str, tokens: int) -> Attributes:
    """Phi-3 and Phi-4-mini with the context that they were trained on."""
    config = _decoder(metadata, prefix, tokens, rotates_part=True)
    _require_square_heads(metadata, prefix, config)
    context = config["max_position_embeddings"]
    # llama.cpp computes without the window that older files name, transformers would compute with
    # it. A window that no text can leave is none.
    window = metadata.integer(f"{prefix}.attention.sliding_window", 0)
    if 0 < window < context:
        key = f"{prefix}.attention.sliding_window"
        raise metadata.refusal(key, window, f"0, or {context} or more, the context")
    return config | {
        "hidden_act": "silu",
        "sliding_window": None,
        "original_max_position_embeddings": context,
    }


def configure_starcoder2(metadata: Metadata, prefix: str, tokens: int) -> Attributes:
    """StarCoder2."""
    config = _decoder(metadata, prefix, tokens, norm="layer_norm_epsilon", norm_name="norm_epsilon")
    _require_square_heads(metadata, prefix, config)
    return config | {
        "hidden_act": "gelu_pytorch_tanh",
        "use_bias": True,
        "sliding_window": None,
    }


def configure_gpt2(metadata: Metadata, prefix: str, tokens: int) -> Attributes:
    """GPT-2."""
    hidden = metadata.size(f"{prefix}.embedding_length")
    heads = metadata.size(f"{prefix}.attention.head_count")
    metadata.require(f"{prefix}.attention.head_count_kv", heads)
    metadata.require(f"{prefix}.vocab_size", tokens)
    return {
        "vocab_size": tokens,
        "n_positions": metadata.size(f"{prefix}.context_length"),
        "n_embd": hidden,
        "n_layer": metadata.size(f"{prefix}.block_count"),
        "n_head": heads,
        "n_inner": metadata.size(f"{prefix}.feed_forward_length"),
        "layer_norm_epsilon": metadata.number(f"{prefix}.attention.layer_norm_epsilon"),
        "activation_function": "gelu_new",
        "scale_attn_weights": True,
        "scale_attn_by_inverse_layer_idx": False,
    }


def _decoder(
    metadata: Metadata,
    prefix: str,
    tokens: int,
    *,
    norm: str = "layer_norm_rms_epsilon",
    norm_name: str = "rms_norm_eps",
    rotates_part: bool = False,
) -> Attributes:
    """What all decoders with rotary positions have in common."""
    hidden = metadata.size(f"{prefix}.embedding_length")
    heads = metadata.size(f"{prefix}.attention.head_count")
    context = metadata.size(f"{prefix}.context_length")
    head = metadata.size(f"{prefix}.attention.key_length", max(1, hidden // heads))
    metadata.require(f"{prefix}.attention.value_length", head)
    metadata.require(f"{prefix}.vocab_size", tokens)
    rope = read_rope(metadata, prefix, context)
    if rotates_part:
        turned = metadata.size(f"{prefix}.rope.dimension_count", head)
        rope["partial_rotary_factor"] = turned / head
    else:
        metadata.require(f"{prefix}.rope.dimension_count", head)
    return {
        "vocab_size": tokens,
        "max_position_embeddings": context,
        "hidden_size": hidden,
        "num_hidden_layers": metadata.size(f"{prefix}.block_count"),
        "intermediate_size": metadata.size(f"{prefix}.feed_forward_length"),
        "num_attention_heads": heads,
        "num_key_value_heads": metadata.size(f"{prefix}.attention.head_count_kv", heads),
        "head_dim": head,
        norm_name: metadata.number(f"{prefix}.attention.{norm}"),
        "rope_parameters": rope,
    }


def _experts(metadata: Metadata, prefix: str) -> Attributes:
    metadata.require(f"{prefix}.expert_gating_func", 1)  # softmax
    experts = metadata.size(f"{prefix}.expert_count")
    used = metadata.size(f"{prefix}.expert_used_count")
    if used > experts:
        raise metadata.refusal(f"{prefix}.expert_used_count", used, f"at most {experts} experts")
    return {
        "num_experts": experts,
        "num_experts_per_tok": used,
        "moe_intermediate_size": metadata.size(f"{prefix}.expert_feed_forward_length"),
        "decoder_sparse_step": 1,
        "mlp_only_layers": [],
    }


def _gemma(metadata: Metadata, prefix: str, tokens: int, layers_27b: int) -> Attributes:
    config = _decoder(metadata, prefix, tokens)
    # The scale of attention is in no key. Only the 27B models do not take the width of a head.
    is_27b = config["num_hidden_layers"] == layers_27b
    mean_head = config["hidden_size"] // config["num_attention_heads"]
    return config | {
        "hidden_activation": "gelu_pytorch_tanh",
        "attention_bias": False,
        "query_pre_attn_scalar": mean_head if is_27b else config["head_dim"],
    }


def _windowed_layers(layers: int, pattern: int) -> list[str]:
    """Every layer looks through a window but each `pattern`-th, which sees everything."""
    return [
        "full_attention" if number % pattern == 0 else "sliding_attention"
        for number in range(1, layers + 1)
    ]


def _require_square_heads(metadata: Metadata, prefix: str, config: Attributes) -> None:
    """Architectures whose heads together are as wide as the model, in both programs."""
    heads, head, hidden = (config[k] for k in ("num_attention_heads", "head_dim", "hidden_size"))
    if heads * head != hidden:
        key = f"{prefix}.attention.key_length"
        raise metadata.refusal(key, f"{heads} heads of {head}", f"{hidden} together")
