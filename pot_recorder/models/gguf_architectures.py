"""The architectures that are read from GGUF, and which tensors their files hold.

Each is here because a test shows that it computes what transformers and llama.cpp compute
(tests/recorder/models/test_gguf_agreement.py); everything else is refused by name.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

from pot_recorder.models import gguf_configurations as configurations
from pot_recorder.models.gguf_configurations import Configure

LAYER = "blk.{}."
OUTPUT = "output.weight"
ROPE_FACTORS = "rope_freqs.weight"

_EMBEDDING = {"token_embd.weight": "model.embed_tokens.weight"}
_ENDS = _EMBEDDING | {"output_norm.weight": "model.norm.weight"}
_HEAD = {OUTPUT: "lm_head.weight"}
_ATTENTION = {
    "attn_norm.weight": "input_layernorm.weight",
    "attn_q.weight": "self_attn.q_proj.weight",
    "attn_k.weight": "self_attn.k_proj.weight",
    "attn_v.weight": "self_attn.v_proj.weight",
    "attn_output.weight": "self_attn.o_proj.weight",
}
_ATTENTION_BIASES = {
    "attn_q.bias": "self_attn.q_proj.bias",
    "attn_k.bias": "self_attn.k_proj.bias",
    "attn_v.bias": "self_attn.v_proj.bias",
}
_HEAD_NORMS = {
    "attn_q_norm.weight": "self_attn.q_norm.weight",
    "attn_k_norm.weight": "self_attn.k_norm.weight",
}
_FEED_FORWARD = {
    "ffn_gate.weight": "mlp.gate_proj.weight",
    "ffn_up.weight": "mlp.up_proj.weight",
    "ffn_down.weight": "mlp.down_proj.weight",
}
_NORM = {"ffn_norm.weight": "post_attention_layernorm.weight"}
_EXPERTS = {
    "ffn_gate_inp.weight": "mlp.gate.weight",
    "ffn_gate_exps.weight": "mlp.experts.gate_up_proj",
    "ffn_up_exps.weight": "mlp.experts.gate_up_proj",
    "ffn_down_exps.weight": "mlp.experts.down_proj",
}
_SHARED_EXPERT = {
    "ffn_gate_inp_shexp.weight": "mlp.shared_expert_gate.weight",
    "ffn_gate_shexp.weight": "mlp.shared_expert.gate_proj.weight",
    "ffn_up_shexp.weight": "mlp.shared_expert.up_proj.weight",
    "ffn_down_shexp.weight": "mlp.shared_expert.down_proj.weight",
}
_GEMMA_NORMS = {
    "post_attention_norm.weight": "post_attention_layernorm.weight",
    "ffn_norm.weight": "pre_feedforward_layernorm.weight",
    "post_ffw_norm.weight": "post_feedforward_layernorm.weight",
}
_GPT2_LAYER = {
    f"{theirs}.{kind}": f"{ours}.{kind}"
    for theirs, ours in (
        ("attn_norm", "ln_1"),
        ("attn_qkv", "attn.c_attn"),
        ("attn_output", "attn.c_proj"),
        ("ffn_norm", "ln_2"),
        ("ffn_up", "mlp.c_fc"),
        ("ffn_down", "mlp.c_proj"),
    )
    for kind in ("weight", "bias")
}
_STARCODER2_LAYER = {
    f"{theirs}.{kind}": f"{ours}.{kind}"
    for theirs, ours in (
        ("attn_norm", "input_layernorm"),
        ("attn_q", "self_attn.q_proj"),
        ("attn_k", "self_attn.k_proj"),
        ("attn_v", "self_attn.v_proj"),
        ("attn_output", "self_attn.o_proj"),
        ("ffn_norm", "post_attention_layernorm"),
        ("ffn_up", "mlp.c_fc"),
        ("ffn_down", "mlp.c_proj"),
    )
    for kind in ("weight", "bias")
}


@dataclass(frozen=True, slots=True)
class Architecture:
    """How one architecture lies in GGUF files. Tensor names map to transformers' parameter names.

    Args:
        model_type: what transformers calls it.
        configure: makes the configuration.
        layers_at: where transformers keeps layer ``{}``.
        required: tensors outside the layers.
        optional: tensors that may be absent; without ``output.weight`` the embeddings are tied.
        layer: tensors of each layer, without ``blk.N.`` and without `layers_at`.
        rope_factors: whether ``rope_freqs.weight`` may divide the speeds of rotary positions.
        fused_gate: whether ``ffn_up`` holds the gate too.
    """

    model_type: str
    configure: Configure
    layer: Mapping[str, str]
    layers_at: str = "model.layers.{}."
    required: Mapping[str, str] = field(default_factory=lambda: MappingProxyType(_ENDS))
    optional: Mapping[str, str] = field(default_factory=lambda: MappingProxyType(_HEAD))
    rope_factors: bool = False
    fused_gate: bool = False


ARCHITECTURES: Mapping[str, Architecture] = MappingProxyType(
    {
        "gemma2": Architecture(
            "gemma2",
            configurations.configure_gemma2,
            _ATTENTION | _GEMMA_NORMS | _FEED_FORWARD,
            optional=MappingProxyType({}),
        ),
        "gemma3": Architecture(
            "gemma3_text",
            configurations.configure_gemma3,
            _ATTENTION | _HEAD_NORMS | _GEMMA_NORMS | _FEED_FORWARD,
        ),
        "gpt2": Architecture(
            "gpt2",
            configurations.configure_gpt2,
            _GPT2_LAYER,
            layers_at="transformer.h.{}.",
            required=MappingProxyType(
                {
                    "token_embd.weight": "transformer.wte.weight",
                    "position_embd.weight": "transformer.wpe.weight",
                    "output_norm.weight": "transformer.ln_f.weight",
                    "output_norm.bias": "transformer.ln_f.bias",
                }
            ),
        ),
        "llama": Architecture(
            "llama",
            configurations.configure_llama,
            _ATTENTION | _NORM | _FEED_FORWARD,
            rope_factors=True,
        ),
        "phi3": Architecture(
            "phi3",
            configurations.configure_phi3,
            {
                "attn_norm.weight": "input_layernorm.weight",
                "attn_qkv.weight": "self_attn.qkv_proj.weight",
                "attn_output.weight": "self_attn.o_proj.weight",
                "ffn_norm.weight": "post_attention_layernorm.weight",
                "ffn_up.weight": "mlp.gate_up_proj.weight",
                "ffn_down.weight": "mlp.down_proj.weight",
            },
            fused_gate=True,
        ),
        "qwen2": Architecture(
            "qwen2",
            configurations.configure_qwen2,
            _ATTENTION | _ATTENTION_BIASES | _NORM | _FEED_FORWARD,
        ),
        "qwen2moe": Architecture(
            "qwen2_moe",
            configurations.configure_qwen2moe,
            _ATTENTION | _ATTENTION_BIASES | _NORM | _EXPERTS | _SHARED_EXPERT,
            required=MappingProxyType(_ENDS | _HEAD),
            optional=MappingProxyType({}),
        ),
        "qwen3": Architecture(
            "qwen3",
            configurations.configure_qwen3,
            _ATTENTION | _HEAD_NORMS | _NORM | _FEED_FORWARD,
        ),
        "qwen3moe": Architecture(
            "qwen3_moe",
            configurations.configure_qwen3moe,
            _ATTENTION | _HEAD_NORMS | _NORM | _EXPERTS,
        ),
        "starcoder2": Architecture(
            "starcoder2",
            configurations.configure_starcoder2,
            _STARCODER2_LAYER,
            required=MappingProxyType(_ENDS | {"output_norm.bias": "model.norm.bias"}),
        ),
    }
)
