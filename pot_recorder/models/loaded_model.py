"""A model in memory: who it is, its tokenizer, and its next-token probabilities."""

import inspect
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
from transformers import PreTrainedModel, PreTrainedTokenizerBase

from pot_recorder.models.applied import Applied
from pot_recorder.models.loader_errors import first_line
from pot_recorder.models.tokenizer_opening import encode
from pot_reverify.documents.weight_manifest import WeightManifest
from pot_reverify.errors import Rejection

Probabilities = npt.NDArray[np.float64]
"""Shape (positions, vocabulary); each row is a distribution over the next token."""


@dataclass(frozen=True, slots=True)
class ModelIdentity:
    """What a record says about a model.

    Attributes:
        name: what the user wrote: a folder, a file or a hub id.
        kind: ``safetensors`` or ``gguf``.
        revision: the hub commit that was downloaded, if any.
        architecture: the class that transformers built.
        dtype: type of the weights in memory and of the computation, such as ``bfloat16``.
        device: such as ``cpu`` or ``cuda:0``.
        attention: the attention kernel, such as ``sdpa`` or ``eager``.
        parameters: number of parameters, tied ones counted once.
        vocabulary: width of the logits.
        adds_special_tokens: whether the tokenizer by default puts tokens such as BOS around a text.
        manifest: every file that was read, by digest.
        applied: what was applied to make it run.
    """

    name: str
    kind: str
    revision: str | None
    architecture: str
    dtype: str
    device: str
    attention: str
    parameters: int
    vocabulary: int
    adds_special_tokens: bool
    manifest: WeightManifest
    applied: Applied


class LoadedModel:
    """A model that is ready to score, and closed to everything else.

    Attributes:
        identity: what a record says about it.
        tokenizer: the model's own.
    """

    def __init__(
        self,
        identity: ModelIdentity,
        network: PreTrainedModel,
        tokenizer: PreTrainedTokenizerBase,
    ) -> None:
        self.identity = identity
        self.tokenizer = tokenizer
        self._network = network
        self._rows = embedding_rows(network)
        parameters = inspect.signature(network.forward).parameters
        self._keeps_rows = "logits_to_keep" in parameters
        self._takes_position_ids = "position_ids" in parameters

    @property
    def can_pad_left(self) -> bool:
        """Whether a text may stand behind padding without changing what it means to the model.

        That takes a mask and explicit position ids, and attention as the only way in which one
        position sees another: a recurrent layer would read the padding.
        """
        config = self._network.config.get_text_config()
        layers = set(getattr(config, "layer_types", None) or ())
        attention = {"full_attention", "sliding_attention", "chunked_attention"}
        stateful = bool(getattr(self._network, "_is_stateful", False))
        return self._takes_position_ids and layers <= attention and not stateful

    def encode(self, text: str) -> list[int]:
        """Token ids of a text, with the special tokens that the tokenizer adds by default.

        Raises:
            Rejection: ``tokenizer.cannot-encode``.
        """
        return encode(self.tokenizer, text, self.identity.name)

    def logits(
        self,
        batch: Sequence[Sequence[int]],
        rows: Sequence[range],
        labels: Sequence[str],
    ) -> list[torch.Tensor]:
        """Logits at the scored rows of each text, from one forward pass for the whole batch.

        Texts are padded on the left, so that rows counted from the end line up and only they go
        through the output layer. A batch of one is never padded.

        Args:
            batch: token ids of each text.
            rows: scored rows of each text; row r holds the prediction of token r + 1.
            labels: what to call each text in an error.

        Returns:
            One float32 tensor on the CPU for each text, shape (rows, vocabulary).

        Raises:
            Rejection: ``model.non-finite-logits``, ``model.out-of-memory``, ``model.cannot-run``,
                ``model.text-too-long`` or ``tokenizer.ids-exceed-model``.
        """
        width = max(map(len, batch))
        self._require_rows(batch, labels)
        limit = getattr(self._network.config.get_text_config(), "max_position_embeddings", None)
        if isinstance(limit, int) and width > limit:
            raise Rejection(
                "model.text-too-long",
                "the model does not take so many tokens",
                got=width,
                expected=f"at most {limit}",
            )
        offsets = [width - len(ids) for ids in batch]
        first = min(offset + kept.start for offset, kept in zip(offsets, rows, strict=True))
        last = max(offset + kept.stop for offset, kept in zip(offsets, rows, strict=True))
        kept_logits = self._forward(batch, width, range(first, last))
        results = []
        for index, (offset, kept, label) in enumerate(zip(offsets, rows, labels, strict=True)):
            start = offset + kept.start - first
            # float32 before the copy to the CPU; float64 is exact on it and comes later.
            part = kept_logits[index, start : start + len(kept)].float().cpu()
            _require_finite(part, kept, label)
            results.append(part)
        return results

    def probabilities(
        self,
        batch: Sequence[Sequence[int]],
        rows: Sequence[range],
        labels: Sequence[str],
    ) -> list[Probabilities]:
        """Next-token distributions at the scored rows: softmax in float64 of `logits`."""
        return [softmax_float64(part) for part in self.logits(batch, rows, labels)]

    def _require_rows(self, batch: Sequence[Sequence[int]], labels: Sequence[str]) -> None:
        """Opening a model leaves out special tokens that no probe should hold: here none may."""
        for ids, label in zip(batch, labels, strict=True):
            if max(ids, default=0) >= self._rows:
                raise Rejection(
                    "tokenizer.ids-exceed-model",
                    "the tokenizer gives an id that the model has no embedding for",
                    where=label,
                    expected=f"ids below {self._rows}",
                    got=max(ids),
                )

    def _forward(self, batch: Sequence[Sequence[int]], width: int, kept: range) -> torch.Tensor:
        device = self._network.device
        ids = torch.zeros((len(batch), width), dtype=torch.long)
        mask = torch.zeros_like(ids)
        for index, text in enumerate(batch):
            ids[index, width - len(text) :] = torch.tensor(text)
            mask[index, width - len(text) :] = 1
        arguments: dict[str, torch.Tensor] = {"input_ids": ids.to(device)}
        if not bool(mask.all()):
            arguments["attention_mask"] = mask.to(device)
            arguments["position_ids"] = (mask.cumsum(1) - 1).clamp(min=0).to(device)
        if self._keeps_rows:
            arguments["logits_to_keep"] = torch.arange(kept.start, kept.stop, device=device)
        logits = run_network(self._network, arguments)
        return logits if self._keeps_rows else logits[:, kept.start : kept.stop]


def embedding_rows(network: PreTrainedModel) -> int:
    """How many token ids a network has an embedding for.

    Raises:
        Rejection: ``model.cannot-run`` for a network that embeds no token ids.
    """
    try:
        weight = network.get_input_embeddings().weight
    except (AttributeError, NotImplementedError):
        weight = None
    if not isinstance(weight, torch.Tensor):
        raise Rejection(
            "model.cannot-run", "the network embeds no token ids", where=type(network).__name__
        )
    return int(weight.shape[0])


def run_network(network: PreTrainedModel, arguments: dict[str, torch.Tensor]) -> torch.Tensor:
    """Logits of one forward pass without a cache, shape (texts, positions, vocabulary).

    Raises:
        Rejection: ``model.out-of-memory``, or ``model.cannot-run`` for whatever else the network
            raises, or gives instead of logits.
    """
    name = type(network).__name__
    try:
        with torch.inference_mode():
            logits = network(**arguments, use_cache=False).logits
    except torch.OutOfMemoryError as error:
        raise Rejection(
            "model.out-of-memory", "the device has not enough memory", where=str(network.device)
        ) from error
    except Exception as error:
        raise Rejection(
            "model.cannot-run", f"the network failed: {first_line(error)}", where=name
        ) from error
    if not isinstance(logits, torch.Tensor) or logits.ndim != 3:
        raise Rejection("model.cannot-run", "the network gave no logits", where=name)
    return logits


def softmax_float64(logits: torch.Tensor) -> Probabilities:
    """Row-wise softmax in float64 of float32 logits, shape (positions, vocabulary)."""
    result: Probabilities = torch.softmax(logits.double(), dim=-1).numpy()
    return result


def _require_finite(logits: torch.Tensor, rows: range, label: str) -> None:
    finite = torch.isfinite(logits).all(dim=-1)
    if not bool(finite.all()):
        row = rows[int((~finite).nonzero()[0, 0])]
        raise Rejection(
            "model.non-finite-logits",
            "the model gave NaN or infinity",
            where=f"{label}, row {row}",
            expected="finite logits",
        )
