"""Random models of some ten thousand parameters, one for each architecture, as folders."""

from collections.abc import Callable, Mapping
from pathlib import Path

import tokenizers
import torch
import transformers

VOCABULARY = 256
_COMMON = {
    "vocab_size": VOCABULARY,
    "hidden_size": 32,
    "intermediate_size": 48,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "max_position_embeddings": 512,
}
_GPT = {"vocab_size": VOCABULARY, "n_embd": 32, "n_layer": 2, "n_head": 4}
_NO_IDS = {"bos_token_id": None, "eos_token_id": None, "pad_token_id": None}
_EXPERTS = {"moe_intermediate_size": 16, "num_experts_per_tok": 2}


def _without(*names: str) -> dict[str, int]:
    return {name: value for name, value in _COMMON.items() if name not in names}


ARCHITECTURES: Mapping[str, tuple[str, dict[str, object]]] = {
    "bloom": (
        "BloomConfig",
        {"vocab_size": VOCABULARY, "hidden_size": 32, "n_layer": 2, "n_head": 4},
    ),
    "cohere": ("CohereConfig", _COMMON),
    "falcon": (
        "FalconConfig",
        _without("intermediate_size", "num_key_value_heads"),
    ),
    "gemma2": ("Gemma2Config", {**_COMMON, "head_dim": 8, "sliding_window": 16}),
    "gemma3": ("Gemma3TextConfig", {**_COMMON, "head_dim": 8, "sliding_window": 16}),
    "glm4_moe": (
        "Glm4MoeConfig",
        {**_COMMON, **_EXPERTS, "num_hidden_layers": 46, "n_routed_experts": 2, "head_dim": 8,
         "first_k_dense_replace": 45, "n_group": 1, "topk_group": 1},
    ),
    "gpt2": ("GPT2Config", {**_GPT, "n_positions": 512}),
    "gpt_neo": (
        "GPTNeoConfig",
        {
            "vocab_size": VOCABULARY, "hidden_size": 32, "num_layers": 2, "num_heads": 4,
            "max_position_embeddings": 512, "attention_types": [[["global", "local"], 1]],
            "window_size": 16,
        },
    ),
    "gpt_neox": ("GPTNeoXConfig", _without("num_key_value_heads")),
    "gptj": ("GPTJConfig", {**_GPT, "rotary_dim": 4, "n_positions": 512}),
    "granite": ("GraniteConfig", _COMMON),
    "llama": ("LlamaConfig", _COMMON),
    "llama-tied": ("LlamaConfig", {**_COMMON, "tie_word_embeddings": True}),
    "mamba": (
        "MambaConfig",
        {"vocab_size": VOCABULARY, "hidden_size": 32, "num_hidden_layers": 2, "state_size": 8},
    ),
    "mistral": ("MistralConfig", {**_COMMON, "sliding_window": 16}),
    "mixtral": ("MixtralConfig", {**_COMMON, "num_local_experts": 4}),
    "olmo2": ("Olmo2Config", _COMMON),
    "opt": (
        "OPTConfig",
        {
            "vocab_size": VOCABULARY, "hidden_size": 32, "ffn_dim": 48, "num_hidden_layers": 2,
            "num_attention_heads": 4, "max_position_embeddings": 512, "word_embed_proj_dim": 32,
        },
    ),
    "phi": ("PhiConfig", _COMMON),
    "phi3": ("Phi3Config", _COMMON),
    "qwen2": ("Qwen2Config", _COMMON),
    "qwen2_moe": (
        "Qwen2MoeConfig",
        {**_COMMON, **_EXPERTS, "num_experts": 4, "shared_expert_intermediate_size": 16},
    ),
    "qwen3": ("Qwen3Config", {**_COMMON, "head_dim": 8}),
    "qwen3_5": (
        "Qwen3_5TextConfig",
        {**_COMMON, "head_dim": 8, "linear_num_key_heads": 2, "linear_num_value_heads": 2,
         "linear_key_head_dim": 8, "linear_value_head_dim": 8,
         "layer_types": ["linear_attention", "full_attention"]},
    ),
    "qwen3_moe": ("Qwen3MoeConfig", {**_COMMON, **_EXPERTS, "num_experts": 4, "head_dim": 8}),
    "stablelm": ("StableLmConfig", _COMMON),
}  # fmt: skip
# Forty layers take their time.
DEEP = frozenset({"glm4_moe"})


def save_tiny(name: str, folder: Path) -> None:
    """A random model and a byte tokenizer, as `save_pretrained` leaves them."""
    config_class, options = ARCHITECTURES[name]
    make: Callable[..., transformers.PreTrainedConfig] = getattr(transformers, config_class)
    torch.manual_seed(1)
    network = transformers.AutoModelForCausalLM.from_config(make(**options, **_NO_IDS))
    with torch.no_grad():
        for parameter in network.parameters():  # so that no two models are nearly the same
            parameter.add_(torch.randn_like(parameter), alpha=0.2)
    network.save_pretrained(folder)
    byte_tokenizer().save_pretrained(folder)


def byte_tokenizer() -> transformers.PreTrainedTokenizerFast:
    """One token a byte."""
    alphabet = sorted(tokenizers.pre_tokenizers.ByteLevel.alphabet())
    vocabulary = {symbol: number for number, symbol in enumerate(alphabet)}
    bytewise = tokenizers.Tokenizer(tokenizers.models.BPE(vocab=vocabulary, merges=[]))
    bytewise.pre_tokenizer = tokenizers.pre_tokenizers.ByteLevel(add_prefix_space=False)
    bytewise.decoder = tokenizers.decoders.ByteLevel()
    return transformers.PreTrainedTokenizerFast(tokenizer_object=bytewise)
