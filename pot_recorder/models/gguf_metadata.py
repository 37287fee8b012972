"""A GGUF file's metadata, of which every key must be used, known to change nothing, or refused.

Common loaders drop what they do not know, in silence, and compute something else than the file
says. Here a key is taken out when it is used; what is left over at the end is an error.
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import TypeVar, cast

from pot_recorder.models.gguf_fields import Value
from pot_reverify.errors import Rejection

_Item = TypeVar("_Item", int, float, str)

_SIZE_MAX = 1 << 31
# Values that leave the computation as it is, by the end of the key behind the architecture's name.
# Sources: the defaults in llama.cpp's `llama_hparams` and `llama_model_base::load_hparams`.
_NEUTRAL: Mapping[str, tuple[Value, ...]] = MappingProxyType(
    {
        "attention.causal": (True,),
        "attention.clamp_kqv": (0.0,),
        "attention.max_alibi_bias": (0.0,),
        "attention.scale": (0.0,),
        "attention.shared_kv_layers": (0,),
        "attn_logit_softcapping": (0.0,),
        "decoder_start_token_id": (0,),
        "embedding_scale": (0.0, 1.0),
        "expert_count": (0,),
        "expert_group_count": (0,),
        "expert_group_used_count": (0,),
        "expert_shared_count": (0,),
        "expert_used_count": (0,),
        "expert_weights_norm": (False,),
        "expert_weights_scale": (0.0, 1.0),
        "final_logit_softcapping": (0.0,),
        "leading_dense_block_count": (0,),
        "logit_scale": (0.0, 1.0),
        "nextn_predict_layers": (0,),
        "residual_scale": (0.0, 1.0),
        "rope.scaling.alpha": (0.0,),
        "rope.scaling.attn_factor": (1.0,),
        "rope.scaling.yarn_attn_factor": (1.0,),
        "rope.scaling.yarn_beta_fast": (32.0,),
        "rope.scaling.yarn_beta_slow": (1.0,),
        "rope.scaling.yarn_log_multiplier": (0.0,),
        "use_parallel_residual": (False,),
    }
)
# Who made the file, how it is to be shown, how it is laid out: nothing of it is computed with.
_DESCRIPTIVE = ("general.", "mradermacher.", "quantize.", "tokenizer.chat_template")


class Metadata:
    """The metadata of one file, emptied by those who use it.

    Args:
        values: every key with its value.
        where: the file's name, for errors.
    """

    def __init__(self, values: Mapping[str, Value], where: str) -> None:
        self._left = dict(values)
        self.where = where

    def take(self, key: str) -> Value | None:
        """The value, or None where the key is absent; afterwards it counts as used."""
        return self._left.pop(key, None)

    def integer(self, key: str, default: int | None = None) -> int:
        """A whole number ≥ 0.

        Raises:
            Rejection: ``model.metadata-not-applied`` where it is absent without a default, or is
                something else.
        """
        value = self.take(key)
        if value is None and default is not None:
            return default
        if type(value) is not int or not 0 <= value < _SIZE_MAX:
            raise self.refusal(key, value, "a whole number")
        return value

    def size(self, key: str, default: int | None = None) -> int:
        """A whole number ≥ 1; raises like `integer`."""
        value = self.integer(key, default)
        if value == 0:
            raise self.refusal(key, value, "a number ≥ 1")
        return value

    def number(self, key: str, default: float | None = None) -> float:
        """A real number ≥ 0; raises like `integer`."""
        value = self.take(key)
        if value is None and default is not None:
            return default
        if type(value) is not float or not 0 <= value < float("inf"):
            raise self.refusal(key, value, "a real number ≥ 0")
        return value

    def text(self, key: str, default: str | None = None) -> str:
        """A string; raises like `integer`."""
        value = self.take(key)
        if value is None and default is not None:
            return default
        if not isinstance(value, str):
            raise self.refusal(key, value, "a string")
        return value

    def flag(self, key: str, *, default: bool) -> bool:
        """True or false; raises like `integer`."""
        value = self.take(key)
        if value is None:
            return default
        if not isinstance(value, bool):
            raise self.refusal(key, value, "true or false")
        return value

    def sequence(self, key: str, kind: type[_Item]) -> tuple[_Item, ...] | None:
        """An array of one kind, or None where it is absent; raises like `integer`."""
        value = self.take(key)
        if value is None:
            return None
        if not isinstance(value, tuple) or any(type(item) is not kind for item in value):
            raise self.refusal(key, "another type", f"an array of {kind.__name__}")
        return cast("tuple[_Item, ...]", value)

    def require(self, key: str, *allowed: Value) -> None:
        """Take a key that has no effect as long as it says what holds anyway.

        Raises:
            Rejection: ``model.metadata-not-applied``.
        """
        value = self.take(key)
        if value is not None and not any(_equal(value, one) for one in allowed):
            raise self.refusal(key, value, " or ".join(map(str, allowed)))

    def require_nothing_left(self, architecture: str) -> None:
        """Refuse the first key that nobody used, unless it is known to change nothing.

        Raises:
            Rejection: ``model.metadata-not-applied``.
        """
        for suffix, allowed in _NEUTRAL.items():
            self.require(f"{architecture}.{suffix}", *allowed)
        for key, value in sorted(self._left.items()):
            if not key.startswith(_DESCRIPTIVE):
                raise self.refusal(key, value, "a key that is applied here")

    def refusal(self, key: str, value: object, expected: str) -> Rejection:
        """The error for a key that cannot be applied."""
        shown = "nothing" if value is None else ascii(value)
        return Rejection(
            "model.metadata-not-applied",
            f"{key} would change what other loaders compute, and cannot be applied",
            where=self.where,
            got=shown if len(shown) <= 80 else f"{shown[:80]}…",
            expected=expected,
        )


def _equal(value: Value, allowed: Value) -> bool:
    # True == 1 in Python, but not in a file.
    return type(value) is type(allowed) and value == allowed
