"""Tensors that old checkpoints store and no network reads: constants, each compared with its value.

transformers drops them by name, whatever they hold. Here they are dropped if they hold what the
network computes for itself; anything else would be weights that were hashed and not used.
"""

import re
from collections.abc import Callable, Mapping
from types import MappingProxyType

import torch
from transformers import PreTrainedModel

_MASKED_MOST = -1e4
# Stored in a half type, a frequency keeps eight bits.
_FREQUENCY_ERROR = 2.0**-7


def is_unused_without_effect(network: PreTrainedModel, name: str, tensor: torch.Tensor) -> bool:
    """Whether a stored tensor without a place in the network is a constant that it has anyway."""
    if tensor.is_meta:  # a rehearsal knows names, and no values
        return any(pattern.fullmatch(name) for pattern in _CONSTANTS)
    own = dict(network.named_buffers()).get(name)
    if own is not None and own.shape == tensor.shape and bool((own == tensor.to(own.dtype)).all()):
        return True
    return any(
        pattern.fullmatch(name) and check(network, tensor) for pattern, check in _CONSTANTS.items()
    )


def _is_causal_mask(_: PreTrainedModel, tensor: torch.Tensor) -> bool:
    if tensor.ndim != 4 or tensor.shape[:2] != (1, 1) or tensor.shape[2] != tensor.shape[3]:
        return False
    ones = torch.ones(tensor.shape[2:], dtype=torch.bool).tril()
    return bool((tensor[0, 0].bool() == ones).all()) and bool(((tensor == 0) | (tensor == 1)).all())


def _is_mask_value(_: PreTrainedModel, tensor: torch.Tensor) -> bool:
    return tensor.numel() == 1 and float(tensor) <= _MASKED_MOST


def _are_positions(_: PreTrainedModel, tensor: torch.Tensor) -> bool:
    flat = tensor.reshape(-1)
    return bool((flat == torch.arange(len(flat))).all())


def _are_own_frequencies(network: PreTrainedModel, tensor: torch.Tensor) -> bool:
    own = [buffer for key, buffer in network.named_buffers() if key.endswith("rotary_emb.inv_freq")]
    return bool(own) and all(
        buffer.shape == tensor.shape
        and torch.allclose(buffer.float(), tensor.float(), rtol=_FREQUENCY_ERROR, atol=0.0)
        for buffer in own
    )


_CONSTANTS: Mapping[re.Pattern[str], Callable[[PreTrainedModel, torch.Tensor], bool]] = (
    MappingProxyType(
        {
            re.compile(r"(.*\.)?(attn|attention)\.bias"): _is_causal_mask,
            re.compile(r"(.*\.)?(attn|attention)\.masked_bias"): _is_mask_value,
            re.compile(r"(.*\.)?position_ids"): _are_positions,
            re.compile(r"(.*\.)?rotary_emb\.inv_freq"): _are_own_frequencies,
        }
    )
)
