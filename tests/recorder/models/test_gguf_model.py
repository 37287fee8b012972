"""Every key and every tensor of a GGUF file is used, known to change nothing, or refused."""
# ruff: noqa: E402 - the module is skipped before it imports what needs torch

import inspect
import io
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

torch = pytest.importorskip("torch", reason="needs the `record` extra")

import gguf
import numpy as np
from gguf_bytes import any_entry, gguf_bytes, tensor
from gguf_files import (
    CONTEXT,
    HEADS,
    HIDDEN,
    KINDS,
    LAYERS,
    TOKENS,
    all_keys,
    attention,
    random_model,
    stored_tensors,
    write,
)

from pot_recorder.models.gguf_architectures import ARCHITECTURES
from pot_recorder.models.gguf_model import GgufModel, read_gguf_model
from pot_recorder.models.load import open_model
from pot_recorder.models.manifest import hash_model
from pot_recorder.models.source import parse_model_source
from pot_reverify.errors import Rejection

IDS = (torch.arange(100) * 37 % len(TOKENS))[None]
BASES = {kind.arch: name for name, kind in reversed(KINDS.items())}
"""The plainest kind of each architecture."""

# Values that no tiny model has and that are none of those that leave a computation as it is.
ODD: tuple[Any, ...] = (5, 5.0, True, "odd", [5, 5, 5], [5.0], ["odd"])
# How a model came about, and the context that YaRN extends: without YaRN nobody uses them.
INERT = {("rope.scaling.finetuned", "True"), ("rope.scaling.original_context_length", "5")}
# Accepted without effect: a context is a promise of how long texts may be, and where all layers
# have experts, the width of those that have none is that of no layer.
NOT_COMPUTED_WITH = {
    "gemma2": {"context_length"},
    "gemma3": {"context_length"},
    "llama": {"context_length"},
    "phi3": {"context_length"},
    "qwen3moe": {"context_length", "feed_forward_length"},
}


class Written:
    """One kind of model, to be written again and again with something changed."""

    def __init__(self, name: str) -> None:
        self.kind = KINDS[name]
        self.keys = all_keys(self.kind)
        self.tensors = stored_tensors(self.kind, random_model(self.kind))
        self._entries: dict[str, bytes] = {}

    def file(self, path: Path, **changed: Any) -> Path:
        return write(path, self.kind.arch, self.keys | changed, self.tensors)

    def understood(self, drop: str = "", **changed: Any) -> GgufModel:
        """What a file would mean, from its header alone."""
        keys = {key: value for key, value in (self.keys | changed).items() if key != drop}
        for key, value in keys.items():
            if key in changed or key not in self._entries:
                self._entries[key] = any_entry(key, value)
        entries = [any_entry("general.architecture", self.kind.arch)]
        entries += [self._entries[key] for key in keys]
        for key in changed:
            del self._entries[key]
        lines, offset = [], 0
        for name, values in self.tensors.items():
            lines.append(tensor(name, values.shape[::-1], offset=offset))
            offset += -(-values.nbytes // 32) * 32
        header = gguf_bytes(entries, lines)
        return read_gguf_model(io.BytesIO(header), len(header) + offset, "model.gguf")

    def refusal(self, drop: str = "", **changed: Any) -> Rejection | None:
        """Why the file would be refused, or None."""
        try:
            self.understood(drop, **changed)
        except Rejection as error:
            return error
        return None


def refusal(path: Path) -> Rejection:
    """The one error of all who look at a file, before anything is promised or run."""
    source = parse_model_source(str(path))
    with pytest.raises(Rejection) as hashing:
        hash_model(source)
    with pytest.raises(Rejection) as opening:
        open_model(source)
    assert str(hashing.value) == str(opening.value)
    assert "pot-audit-model-" not in str(opening.value), "a private folder's name"
    return opening.value


def opened_logits(path: Path, kernel: str = "sdpa") -> "torch.Tensor":
    model = open_model(parse_model_source(str(path)), attention=kernel)
    with torch.inference_mode():
        return model._network(input_ids=IDS, use_cache=False).logits


def architecture_keys() -> Iterator[str]:
    """Every key behind an architecture's name that the `gguf` package knows."""
    groups = [group for _, group in inspect.getmembers(gguf.Keys, inspect.isclass)]
    for group in groups:
        for name, key in vars(group).items():
            if not name.startswith("_") and isinstance(key, str) and key.startswith("{arch}."):
                yield key.removeprefix("{arch}.")


def known_keys() -> list[str]:
    ours = {key.removeprefix(f"{kind.arch}.") for kind in KINDS.values() for key in kind.keys}
    return sorted(set(architecture_keys()) | ours | {"rope.scale_linear", "invented"})


@pytest.mark.parametrize("arch", sorted(ARCHITECTURES))
def test_a_key_is_applied_or_refused_whatever_it_says(arch: str) -> None:
    """Over all keys that the format knows and values of every type: none is passed over."""
    written = Written(BASES[arch])
    before = written.understood().config
    assert len(known_keys()) > 100
    passed_over, codes = set(), set()
    for suffix in known_keys():
        for value in ODD:
            changed = {f"{arch}.{suffix}": value}
            error = written.refusal(**changed)
            if error is not None:
                codes.add(error.code)
            elif written.understood(**changed).config == before:
                passed_over.add((suffix, str(value)))
    assert codes == {"model.metadata-not-applied", "model.weights-do-not-fit"}
    # All these models look back only, and say so by not saying it.
    assert passed_over - INERT == {("attention.causal", "True")}


@pytest.mark.parametrize("arch", sorted(ARCHITECTURES))
def test_a_key_that_is_taken_away_is_missed_or_has_one_meaning(arch: str) -> None:
    """Without a key the file means what llama.cpp assumes, and never what a class assumes."""
    written = Written(BASES[arch])
    before = written.understood().config
    for key in written.keys:
        error = written.refusal(drop=key)
        if error is not None:
            # Either the key is named, or what does not fit without it.
            stated = error.code == "model.metadata-not-applied" and key in str(error)
            does_not_fit = error.code == "model.weights-do-not-fit" or "value_length" in str(error)
            assert stated or does_not_fit, key
            continue
        after = written.understood(drop=key).config
        changed = {name for name in before if after[name] != before[name]}
        assert changed <= {
            "attn_logit_softcapping", "final_logit_softcapping", "head_dim", "layer_types",
            "num_key_value_heads", "query_pre_attn_scalar", "rope_parameters", "sliding_window",
        }, key  # fmt: skip


@pytest.mark.parametrize("name", ["gemma2", "gemma3", "llama", "phi3", "qwen3moe"])
def test_numbers_that_are_accepted_reach_the_logits(name: str, tmp_path: Path) -> None:
    written = Written(name)
    arch, kernel = written.kind.arch, attention(written.kind)
    before = opened_logits(written.file(tmp_path / "before.gguf"), kernel)
    numbers = {key: value for key, value in written.keys.items() if type(value) in (int, float)}
    reached = set()
    for key, value in numbers.items():
        if not key.startswith(f"{arch}."):
            continue
        path = written.file(tmp_path / "after.gguf", **{key: value * 2})
        try:
            after = opened_logits(path, kernel)
        except Rejection:
            continue
        suffix = key.removeprefix(f"{arch}.")
        assert torch.equal(after, before) == (suffix in NOT_COMPUTED_WITH[name]), key
        reached.add(suffix)
    norm = "attention.layer_norm_rms_epsilon"
    assert norm in reached
    more = {"gemma2": {"attn_logit_softcapping", "final_logit_softcapping",
                       "attention.sliding_window"},
            "gemma3": {"rope.freq_base", "attention.sliding_window"},
            "qwen3moe": {"expert_used_count"}}  # fmt: skip
    assert more.get(name, set()) <= reached


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("rope.scaling.type", "none"), ("rope.scaling.factor", 1.0), ("rope.scaling.factor", 0.0),
        ("rope.scaling.finetuned", True), ("expert_count", 0), ("attention.causal", True),
        ("attention.key_length", HIDDEN // HEADS), ("logit_scale", 1.0),
        ("vocab_size", len(TOKENS)), ("rope.dimension_count", HIDDEN // HEADS),
        ("rope.scaling.attn_factor", 1.0),
    ],
)  # fmt: skip
def test_a_value_that_changes_nothing_is_accepted(key: str, value: Any, tmp_path: Path) -> None:
    written = Written("llama")
    before = opened_logits(written.file(tmp_path / "before.gguf"))
    after = opened_logits(written.file(tmp_path / "after.gguf", **{f"llama.{key}": value}))
    assert torch.equal(before, after)


@pytest.mark.parametrize(
    ("changed", "code"),
    [
        ({"general.type": "adapter"}, "model.adapter"),
        ({"general.type": "controlvector"}, "model.adapter"),
        ({"general.type": "mmproj"}, "model.unsupported-architecture"),
        ({"general.type": "imatrix"}, "model.no-weights"),
        ({"general.type": "vocab"}, "model.no-weights"),
        ({"general.type": "invented"}, "model.no-weights"),
        ({"split.count": 2, "split.no": 0, "split.tensors.count": 60}, "model.split-gguf"),
        ({"adapter.type": "lora", "adapter.lora.alpha": 16.0}, "model.metadata-not-applied"),
        # transformers reads the keys of any architecture that it knows.
        ({"gemma2.attention.sliding_window": 5}, "model.metadata-not-applied"),
        ({"qwen2.rope.freq_base": 5.0}, "model.metadata-not-applied"),
        ({"invented": 5}, "model.metadata-not-applied"),
        ({"llama.rope.scaling.type": "longrope"}, "model.metadata-not-applied"),
        ({"llama.rope.scaling.type": "yarn"}, "model.metadata-not-applied"),
        ({"llama.rope.scaling.factor": -2.0}, "model.metadata-not-applied"),
        ({"llama.rope.scaling.factor": float("nan")}, "model.metadata-not-applied"),
        ({"llama.rope.scaling.factor": 2.0, "llama.rope.scale_linear": 4.0},
         "model.metadata-not-applied"),
        ({"llama.attention.head_count": [4, 4, 2]}, "model.metadata-not-applied"),
        ({"llama.block_count": LAYERS - 1}, "model.weights-do-not-fit"),
        ({"llama.block_count": LAYERS + 1}, "model.weights-do-not-fit"),
        ({"llama.block_count": (1 << 31) - 1}, "model.weights-do-not-fit"),
        ({"llama.vocab_size": len(TOKENS) + 1}, "model.metadata-not-applied"),
    ],
)  # fmt: skip
def test_files_that_are_something_else_are_refused_by_name(
    changed: dict[str, Any], code: str, tmp_path: Path
) -> None:
    error = refusal(Written("llama").file(tmp_path / "model.gguf", **changed))
    assert error.code == code
    if code == "model.metadata-not-applied":
        assert any(key in str(error) for key in changed)


@pytest.mark.parametrize("arch", ["clip", "falcon", "mamba", "t5", "whisper", "Llama", "\x1b[2J"])
def test_an_architecture_that_nobody_compared_is_refused(arch: str, tmp_path: Path) -> None:
    written = Written("llama")
    error = refusal(write(tmp_path / "model.gguf", arch, written.keys, written.tensors))
    assert error.code == "model.unsupported-architecture"
    assert ascii(arch) in str(error)
    assert "\x1b" not in str(error)


@pytest.mark.parametrize("arch", sorted(ARCHITECTURES))
def test_a_tensor_less_is_refused(arch: str) -> None:
    written = Written(BASES[arch])
    complete = dict(written.tensors)
    for name in complete:
        written.tensors = {key: value for key, value in complete.items() if key != name}
        error = written.refusal()
        if name == "output.weight" and arch != "qwen2moe":
            # Without it a file says that the embeddings are tied; that is another model.
            assert written.understood().config["tie_word_embeddings"] is True
        else:
            assert error is not None, name
            assert error.code == "model.weights-do-not-fit"
            assert name in str(error)


@pytest.mark.parametrize("arch", sorted(ARCHITECTURES))
def test_a_tensor_more_is_refused(arch: str) -> None:
    """Every name that the `gguf` package knows, with weight and bias, and a layer too many."""
    written = Written(BASES[arch])
    complete = dict(written.tensors)
    stems = {stem.format(bid=bid) for stem in gguf.TENSOR_NAMES.values() for bid in (0, LAYERS - 1)}
    names = {f"{stem}.{suffix}" for stem in stems for suffix in ("weight", "bias", "scale")}
    names |= {"blk.99.attn_norm.weight", "invented", "blk.0.attn_q.weight.lora_a", "output_norm"}
    assert len(names) > 500
    accepted = set()
    for name in names - complete.keys():
        written.tensors = complete | {name: np.ones(8, dtype=np.float32)}
        error = written.refusal()
        if error is None:
            accepted.add(name)
        else:
            assert error.code == "model.weights-do-not-fit"
            assert name in str(error)
    assert accepted == ({"rope_freqs.weight"} if arch == "llama" else set())


def test_up_to_five_missing_tensors_are_named(tmp_path: Path) -> None:
    written = Written("llama")
    names = [name for name in written.tensors if name.startswith("blk.1.")]
    for name in names:
        del written.tensors[name]
    error = refusal(written.file(tmp_path / "model.gguf"))
    assert sum(name in str(error) for name in names) == 5
    assert "…" in str(error)


@pytest.mark.parametrize("name", sorted(KINDS))
def test_a_tensor_of_another_shape_is_refused(name: str) -> None:
    written = Written(name)
    complete = dict(written.tensors)
    for changed, values in complete.items():
        for shape in (values.repeat(2, axis=0), values[..., :-1], values.T, values[None]):
            if shape.shape != values.shape:
                written.tensors = complete | {changed: shape}
                error = written.refusal()
                assert error is not None, changed
                assert error.code == "model.weights-do-not-fit"
                assert changed in str(error)


@pytest.mark.parametrize(
    "factors",
    [
        np.ones(3, dtype=np.float32),
        np.array([1, 1, 1, 1, 1, 1, 1, 0], dtype=np.float32),
        np.array([1, 1, 1, 1, 1, 1, 1, np.nan], dtype=np.float32),
        np.array([1, 1, 1, 1, 1, 1, 1, -8], dtype=np.float32),
        np.ones((1, HIDDEN), dtype=np.float32),
    ],
)
def test_rope_factors_that_cannot_be_applied_are_refused(
    factors: np.ndarray, tmp_path: Path
) -> None:
    written = Written("llama")
    written.tensors["rope_freqs.weight"] = factors
    with pytest.raises(Rejection) as caught:
        open_model(parse_model_source(str(written.file(tmp_path / "model.gguf"))))
    misshapen = factors.shape != (HIDDEN // HEADS // 2,)
    code = "model.weights-do-not-fit" if misshapen else "model.metadata-not-applied"
    assert caught.value.code == code
    assert "rope_freqs.weight" in str(caught.value)


def test_rope_factors_beside_another_scaling_are_refused(tmp_path: Path) -> None:
    written = Written("llama-linear")
    written.tensors["rope_freqs.weight"] = np.ones(HIDDEN // HEADS // 2, dtype=np.float32)
    with pytest.raises(Rejection) as caught:
        open_model(parse_model_source(str(written.file(tmp_path / "model.gguf"))))
    assert caught.value.code == "model.metadata-not-applied"


@pytest.mark.parametrize("window", [0, CONTEXT, CONTEXT + 1])
def test_a_window_that_no_text_leaves_is_none(window: int) -> None:
    model = Written("phi3").understood(**{"phi3.attention.sliding_window": window})
    assert model.config["sliding_window"] is None


def test_a_window_that_loaders_disagree_about_is_refused() -> None:
    error = Written("phi3").refusal(**{"phi3.attention.sliding_window": CONTEXT - 1})
    assert error is not None
    assert error.code == "model.metadata-not-applied"


def test_what_no_program_computes_with_is_accepted(tmp_path: Path) -> None:
    written = Written("llama")
    more = {
        "general.name": "mistral",  # transformers takes another class for this name
        "general.author": "somebody", "general.tags": ["a", "b"], "general.file_type": 0,
        "general.base_model.0.name": "x", "quantize.imatrix.file": "f",
        "tokenizer.chat_template": "{{ 1 }}", "tokenizer.chat_template.tool_use": "{{ 2 }}",
        "tokenizer.chat_templates": ["tool_use"],
    }  # fmt: skip
    before = opened_logits(written.file(tmp_path / "before.gguf"))
    assert torch.equal(before, opened_logits(written.file(tmp_path / "after.gguf", **more)))
