"""Which shape each tensor of a GGUF file must have, from the sizes in its metadata."""

from collections.abc import Iterator, Mapping
from types import MappingProxyType

from pot_recorder.models.gguf_configurations import Attributes
from pot_recorder.models.gguf_header import Tensor

# One letter a dimension, the fastest-running last:
# v tokens, h width of the model, c context, q all queries, k all keys (and all values), a one head,
# r speeds of one head, n everything that attention needs, f inner width, g twice that,
# e experts, m inner width of an expert, s inner width of the shared one.
_SHAPES: Mapping[str, str] = MappingProxyType(
    {
        "attn_k.bias": "k",
        "attn_k.weight": "kh",
        "attn_k_norm.weight": "a",
        "attn_norm.bias": "h",
        "attn_norm.weight": "h",
        "attn_output.bias": "h",
        "attn_output.weight": "hq",
        "attn_q.bias": "q",
        "attn_q.weight": "qh",
        "attn_q_norm.weight": "a",
        "attn_qkv.bias": "n",
        "attn_qkv.weight": "nh",
        "attn_v.bias": "k",
        "attn_v.weight": "kh",
        "ffn_down.bias": "h",
        "ffn_down.weight": "hf",
        "ffn_down_exps.weight": "ehm",
        "ffn_down_shexp.weight": "hs",
        "ffn_gate.weight": "fh",
        "ffn_gate_exps.weight": "emh",
        "ffn_gate_inp.weight": "eh",
        "ffn_gate_inp_shexp.weight": "h",
        "ffn_gate_shexp.weight": "sh",
        "ffn_norm.bias": "h",
        "ffn_norm.weight": "h",
        "ffn_up.bias": "f",
        "ffn_up.weight": "fh",
        "ffn_up_exps.weight": "emh",
        "ffn_up_shexp.weight": "sh",
        "output.weight": "vh",
        "output_norm.bias": "h",
        "output_norm.weight": "h",
        "position_embd.weight": "ch",
        "post_attention_norm.weight": "h",
        "post_ffw_norm.weight": "h",
        "rope_freqs.weight": "r",
        "token_embd.weight": "vh",
    }
)
_GATE_AND_UP = "gh"  # Phi-3 keeps both in ``ffn_up``


def wrong_shapes(
    tensors: Mapping[str, Tensor], config: Attributes, *, fused_gate: bool
) -> Iterator[str]:
    """Tensors of another shape than the metadata asks for, with what was expected.

    Args:
        tensors: known ones alone.
        config: the attributes that were read from the metadata.
        fused_gate: whether ``ffn_up`` holds the gate too.
    """
    sizes = _sizes(config)
    for name, tensor in tensors.items():
        in_layer = name.split(".", 2)[-1] if name.startswith("blk.") else name
        letters = _SHAPES[in_layer]
        if fused_gate and in_layer == "ffn_up.weight":
            letters = _GATE_AND_UP
        expected = tuple(sizes[letter] for letter in letters)
        if tensor.shape != expected:
            yield f"{name} {tensor.shape} instead of {expected}"


def _sizes(config: Attributes) -> dict[str, int]:
    hidden = config["n_embd" if "n_embd" in config else "hidden_size"]
    heads = config["n_head" if "n_head" in config else "num_attention_heads"]
    head = config.get("head_dim", hidden // heads)
    keys = head * config.get("num_key_value_heads", heads)
    inner = config["n_inner" if "n_inner" in config else "intermediate_size"]
    return {
        "v": config["vocab_size"],
        "h": hidden,
        "c": config.get("n_positions", 0),
        "q": heads * head,
        "k": keys,
        "a": head,
        "r": head // 2,
        "n": heads * head + 2 * keys,
        "f": inner,
        "g": 2 * inner,
        "e": config.get("num_experts", 0),
        "m": config.get("moe_intermediate_size", 0),
        "s": config.get("shared_expert_intermediate_size", 0),
    }
