"""Real variants of a model, for demonstrations and tests.

Every variant starts from a safetensors folder and is written as one, with its configuration and
tokenizer. Random numbers are seeded, so that a variant is the same on every machine of one kind.
"""

import pydoc_data.topics
import shutil
from collections.abc import Callable, Sequence
from pathlib import Path

import torch
from transformers import AutoModelForCausalLM, AutoTokenizer, PreTrainedModel

from pot_recorder.models.gguf_loading import load_gguf
from pot_recorder.models.source import parse_model_source

_BATCH = 4
_TOKENS = 96
_LEARNING_RATE = 5e-5
_NOT_TOKENIZER = {".bin", ".md", ".safetensors"}


def save_gguf_as_folder(gguf: Path, folder: Path, dtype: torch.dtype = torch.float32) -> None:
    """Dequantise a GGUF file once, and keep its weights as a safetensors folder."""
    network, tokenizer = load_gguf(parse_model_source(str(gguf)), gguf.parent, "auto", None)
    # transformers does not save a model that it took from GGUF; one of the same shape it does.
    config = network.config
    del config.quantization_config
    plain = type(network)(config)
    torch.nn.Module.to(plain, dtype)
    plain.load_state_dict(network.state_dict())
    plain.save_pretrained(folder)
    tokenizer.save_pretrained(folder)


def save_int8(source: Path, folder: Path) -> None:
    """Every weight matrix rounded to 8 bits with one scale a row."""
    _edit(source, folder, lambda _, weight: _rounded(weight, 127))


def save_int4(source: Path, folder: Path) -> None:
    """Every weight matrix rounded to 4 bits with one scale a row, symmetric: naive on purpose."""
    _edit(source, folder, lambda _, weight: _rounded(weight, 7))


def save_noise(source: Path, folder: Path, relative: float, seed: int = 0) -> None:
    """Gaussian noise on every weight matrix, as a fraction of the matrix's standard deviation."""
    generator = torch.Generator().manual_seed(seed)

    def with_noise(_: str, weight: torch.Tensor) -> torch.Tensor:
        noise = torch.randn(weight.shape, generator=generator)
        return weight + noise * (relative * weight.std())

    _edit(source, folder, with_noise)


def save_without_layers(source: Path, folder: Path, dropped: Sequence[int]) -> None:
    """The same model without some of its decoder layers; layers that remain are not touched."""
    network = _read(source)
    layers = network.get_submodule("model.layers")
    assert isinstance(layers, torch.nn.ModuleList)
    kept = [number for number in range(len(layers)) if number not in set(dropped)]
    config = network.config
    if getattr(config, "layer_types", None) is not None:
        config.layer_types = [config.layer_types[number] for number in kept]
    config.num_hidden_layers = len(kept)
    network.set_submodule("model.layers", torch.nn.ModuleList([layers[n] for n in kept]))
    _save(network, source, folder)


def save_truncated(source: Path, folder: Path, depth: int) -> None:
    """The first `depth` decoder layers only: a small model with the same tokenizer and kernels."""
    count = _read(source).config.num_hidden_layers
    save_without_layers(source, folder, range(depth, count))


def save_fine_tuned(source: Path, folder: Path, steps: int, seed: int = 0) -> list[float]:
    """Train with AdamW on Python's own language reference, and keep the result.

    Returns:
        The loss of each step, nats a token.
    """
    network = _read(source).train()
    tokenizer = AutoTokenizer.from_pretrained(source, local_files_only=True)
    text = "\n".join(pydoc_data.topics.topics[name] for name in sorted(pydoc_data.topics.topics))
    ids = torch.tensor(tokenizer(text[:200_000])["input_ids"])
    generator = torch.Generator().manual_seed(seed)
    optimizer = torch.optim.AdamW(network.parameters(), lr=_LEARNING_RATE)
    losses = []
    for _ in range(steps):
        starts = torch.randint(len(ids) - _TOKENS, (_BATCH,), generator=generator)
        batch = torch.stack([ids[start : start + _TOKENS] for start in starts])
        loss = network(input_ids=batch, labels=batch).loss
        loss.backward()
        optimizer.step()
        optimizer.zero_grad()
        losses.append(loss.item())
    _save(network, source, folder)
    return losses


def _edit(source: Path, folder: Path, change: Callable[[str, torch.Tensor], torch.Tensor]) -> None:
    network = _read(source)
    with torch.no_grad():
        for name, parameter in network.named_parameters():
            if parameter.ndim == 2:
                parameter.copy_(change(name, parameter))
    _save(network, source, folder)


def _rounded(weight: torch.Tensor, largest: int) -> torch.Tensor:
    scale = weight.abs().amax(dim=1, keepdim=True).clamp(min=1e-12) / largest
    return (weight / scale).round().clamp(-largest, largest) * scale


def _read(source: Path) -> PreTrainedModel:
    network: PreTrainedModel = AutoModelForCausalLM.from_pretrained(
        source, dtype=torch.float32, local_files_only=True
    )
    return network


def _save(network: PreTrainedModel, source: Path, folder: Path) -> None:
    network.save_pretrained(folder)
    for file in source.iterdir():
        if (
            file.is_file()
            and file.suffix not in _NOT_TOKENIZER
            and not (folder / file.name).exists()
        ):
            shutil.copy2(file, folder / file.name)
