"""Every tensor accounted for: what transformers says of a load, without what it leaves out.

transformers drops from its report what a class names as ignorable, by pattern and whatever the
tensors hold. Here each tensor of the files is one that the network computes with, a constant that
it has anyway, or of a part that no prediction passes through; else the model is refused.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import torch
from transformers import PreTrainedModel
from transformers.core_model_loading import WeightRenaming, WeightTransform

from pot_recorder.models.unused_tensors import is_unused_without_effect
from pot_reverify.errors import Rejection

_SHOWN_KEYS = 5
# Heads that draft tokens ahead, and what sees pictures: no next-token prediction of a text passes
# through them, and transformers builds the network without them.
_OF_OTHER_TASKS = re.compile(r"(model\.)?(mtp|visual)\.")
_LAYER = re.compile(r"model\.layers\.(\d+)\.")


@dataclass
class LoadReport:
    """transformers' own account of a load, before it leaves out what a class says to ignore.

    Attributes:
        sources: the stored tensors that were put into each parameter.
        merges: the parameters that are put together from several stored tensors.
    """

    seen: bool = False
    sources: dict[str, set[str]] = field(default_factory=dict)
    merges: set[str] = field(default_factory=set)
    missing: set[str] = field(default_factory=set)
    unexpected: set[str] = field(default_factory=set)
    mismatched: set[tuple[str, Any, Any]] = field(default_factory=set)
    conversion: dict[str, str] = field(default_factory=dict)


@contextmanager
def full_report(model_class: Any) -> Iterator[LoadReport]:  # noqa: ANN401 - a class of transformers
    """Listen where transformers takes tensors, and where it drops some from its report."""
    hook, taking = "_adjust_missing_and_unexpected_keys", "add_tensor"
    original: Callable[[Any, Any], None] = getattr(model_class, hook)
    was_own = hook in vars(model_class)
    report = LoadReport()
    take: Callable[[Any, str, str, str, Any], None] = getattr(WeightTransform, taking)

    def note_taken(transform: Any, target: str, source: str, pattern: str, tensor: Any) -> None:  # noqa: ANN401
        report.sources.setdefault(target, set()).add(source)
        if not isinstance(transform, WeightRenaming):
            report.merges.add(target)
        take(transform, target, source, pattern, tensor)

    def note(network: Any, info: Any) -> None:  # noqa: ANN401
        report.seen = True
        report.missing, report.unexpected = set(info.missing_keys), set(info.unexpected_keys)
        report.mismatched = set(info.mismatched_keys)
        report.conversion = dict(info.conversion_errors)
        original(network, info)

    setattr(model_class, hook, note)
    setattr(WeightTransform, taking, note_taken)
    try:
        yield report
    finally:
        setattr(WeightTransform, taking, take)
        if was_own:
            setattr(model_class, hook, original)
        else:
            delattr(model_class, hook)


def require_fit(name: str, report: LoadReport) -> None:
    """Refuse weights that are not exactly those that the configuration asks for."""
    if report.mismatched:
        tensor, got, expected = min(report.mismatched, key=lambda one: one[0])
        more = len(report.mismatched) - 1
        raise _misfit(
            name,
            f"tensor {tensor} has another shape than the configuration asks for"
            + (f", and {more} more have" if more else ""),
            expected=list(expected),
            got=list(got),
        )
    if report.conversion:
        tensor, text = min(report.conversion.items())
        lines = [line.strip() for line in text.splitlines() if line.strip()]
        raise _misfit(name, f"tensor {tensor} cannot be put together", got=lines[-1])
    for target, sources in sorted(report.sources.items()):
        if len(sources) > 1 and target not in report.merges:
            # transformers would take one of them, and say nothing.
            raise _misfit(name, f"tensor {target} is stored more than once", got=_some(sources))
    if report.missing:
        raise _misfit(name, "tensors are missing (missing_keys)", got=_some(report.missing))


def account_for_unexpected(
    name: str,
    network: PreTrainedModel,
    weights: Mapping[str, torch.Tensor],
    report: LoadReport,
) -> tuple[str, ...]:
    """The stored tensors without a place in the network, where none of them changes anything.

    Raises:
        Rejection: ``model.weights-do-not-fit``.
    """
    taken = set().union(*report.sources.values()) if report.sources else set()
    unexpected = report.unexpected | (weights.keys() - taken)
    ignored = getattr(network, "_keys_to_ignore_on_load_unexpected", None) or ()
    wrong = {
        key
        for key in unexpected
        if not (_is_of_another_task(network, key) and any(re.search(one, key) for one in ignored))
        and not (key in weights and is_unused_without_effect(network, key, weights[key]))
    }
    if wrong:
        raise _misfit(
            name,
            "the network that the configuration describes has no place for tensors "
            "(unexpected_keys)",
            got=_some(wrong),
        )
    return tuple(sorted(unexpected))


def _is_of_another_task(network: PreTrainedModel, key: str) -> bool:
    if _OF_OTHER_TASKS.match(key):
        return True
    # Some families count their draft layers on behind the others.
    layer, layers = _LAYER.match(key), getattr(network.config, "num_hidden_layers", None)
    drafts = getattr(network.config, "num_nextn_predict_layers", None)
    if layer is None or type(layers) is not int or type(drafts) is not int:
        return False
    return layers <= int(layer[1]) < layers + drafts


def require_integers_unused(
    name: str, weights: Mapping[str, torch.Tensor], unused: tuple[str, ...]
) -> None:
    """A mask may be stored as integers; a weight that is would be cast without its scale."""
    for key, tensor in weights.items():
        if not tensor.is_floating_point() and key not in unused:
            raise Rejection(
                "model.quantised",
                f"tensor {key} is stored as integers, and the network computes with it",
                where=name,
                got=str(tensor.dtype).removeprefix("torch."),
            )


def _misfit(name: str, message: str, **details: object) -> Rejection:
    return Rejection("model.weights-do-not-fit", message, where=name, **details)


def _some(names: set[str]) -> str:
    shown = sorted(names)[:_SHOWN_KEYS]
    return ", ".join(shown) + (", …" if len(names) > _SHOWN_KEYS else "")
