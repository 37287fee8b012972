"""What was applied to make a model run: said in one line, so that nobody has to guess."""

from collections.abc import Mapping
from dataclasses import dataclass

from transformers import PreTrainedConfig

_NO_SCALING = frozenset({"default", "none"})


@dataclass(frozen=True, slots=True)
class Applied:
    """What a model runs with, beside its weights.

    Attributes:
        architecture: the class that transformers built.
        dtype: type of weights and computation.
        stored: what the weights are stored in, where it is another type; else None.
        quantisation: ``none``, or how quantised weights were read.
        rope_scaling: ``none``, or the kind with its numbers; for each kind of layer if they differ.
        adapter: always ``none``: a model with an adapter is refused.
        unused: number of stored tensors that take no part in next-token predictions.
    """

    architecture: str
    dtype: str
    stored: str | None
    quantisation: str
    rope_scaling: str
    adapter: str
    unused: int

    @property
    def line(self) -> str:
        """One line for people."""
        parts = [
            self.architecture,
            f"dtype {self.dtype}" + (f" (stored in {self.stored})" if self.stored else ""),
            f"quantisation: {self.quantisation}",
            f"rope scaling: {self.rope_scaling}",
            f"adapter: {self.adapter}",
        ]
        if self.unused:
            parts.append(f"{self.unused} stored tensors that no prediction uses")
        return ", ".join(parts)


def describe_rope_scaling(config: PreTrainedConfig) -> str:
    """The scaling of rotary positions that a network's configuration asks for."""
    parameters = getattr(config.get_text_config(), "rope_parameters", None)
    if not isinstance(parameters, Mapping) or not parameters:
        return "none"
    if all(isinstance(one, Mapping) or one is None for one in parameters.values()):
        kinds = {layer: _scaling(one or {}) for layer, one in parameters.items()}
        if len(set(kinds.values())) == 1:
            return next(iter(kinds.values()))
        return "; ".join(f"{layer} {kind}" for layer, kind in sorted(kinds.items()))
    return _scaling(parameters)


def _scaling(parameters: Mapping[str, object]) -> str:
    kind = str(parameters.get("rope_type") or "default")
    if kind in _NO_SCALING:
        return "none"
    numbers = [
        f"{key} {value:g}"
        for key, value in sorted(parameters.items())
        if isinstance(value, int | float) and not isinstance(value, bool) and key != "rope_theta"
    ]
    return f"{kind} ({', '.join(numbers)})" if numbers else kind
