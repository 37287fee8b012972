"""What can be put into a model's folder, or changed in it, each with what must follow."""

import json
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import torch
from safetensors.torch import load_file, save_file

WEIGHTS = "model.safetensors"
INDEX = "model.safetensors.index.json"
LFS = b"version https://git-lfs.github.com/spec/v1\noid sha256:" + b"0" * 64 + b"\nsize 60000\n"


@dataclass(frozen=True)
class Mutation:
    """One change of a folder.

    Args:
        apply: makes the change.
        code: the refusal that must follow; None if the model is opened, and runs as transformers
            runs it.
        found_by: what refuses it first: ``hash`` (no torch needed), ``rehearsal`` (no values
            needed) or ``open``.
        changes: whether it changes the numbers, where it is opened.
        same_digest: whether the folder stays the same model to the manifest.
    """

    apply: Callable[[Path], None]
    code: str | None = None
    found_by: str = "hash"
    changes: bool = False
    same_digest: bool = False


def config(**changes: object) -> Callable[[Path], None]:
    return lambda folder: edit_json(folder / "config.json", **changes)


def tokenizer_config(**changes: object) -> Callable[[Path], None]:
    return lambda folder: edit_json(folder / "tokenizer_config.json", **changes)


def write(name: str, content: bytes | str = b"x") -> Callable[[Path], None]:
    data = content.encode() if isinstance(content, str) else content

    def apply(folder: Path) -> None:
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_bytes(data)

    return apply


def edit_json(path: Path, **changes: object) -> None:
    document = json.loads(path.read_text())
    document |= changes
    path.write_text(json.dumps({key: value for key, value in document.items() if value is not ...}))


def rope(**parameters: object) -> Callable[[Path], None]:
    return config(rope_parameters={"rope_theta": 10000.0, **parameters})


def weights(change: Callable[[dict[str, torch.Tensor]], None]) -> Callable[[Path], None]:
    def apply(folder: Path) -> None:
        tensors = load_file(folder / WEIGHTS)
        change(tensors)
        tensors = {name: tensor.contiguous().clone() for name, tensor in tensors.items()}
        save_file(tensors, folder / WEIGHTS, metadata={"format": "pt"})

    return apply


def with_metadata(metadata: dict[str, str] | None) -> Callable[[Path], None]:
    def apply(folder: Path) -> None:
        save_file(load_file(folder / WEIGHTS), folder / WEIGHTS, metadata=metadata)

    return apply


def largest(tensors: dict[str, torch.Tensor]) -> str:
    """The name of some weight matrix inside a layer."""
    return next(name for name in sorted(tensors) if ".0." in name and tensors[name].ndim == 2)


def cast(name: Callable[[dict[str, torch.Tensor]], str], dtype: torch.dtype):
    def change(tensors: dict[str, torch.Tensor]) -> None:
        key = name(tensors)
        tensors[key] = (tensors[key] * 20).to(dtype)

    return weights(change)


def cast_all(dtype: torch.dtype) -> Callable[[Path], None]:
    return weights(lambda tensors: tensors.update({n: t.to(dtype) for n, t in tensors.items()}))


def cast_one(dtype: torch.dtype) -> Callable[[Path], None]:
    return cast(largest, dtype)


def without_one(tensors: dict[str, torch.Tensor]) -> None:
    del tensors[largest(tensors)]


def with_extra(name: str, tensor: torch.Tensor) -> Callable[[Path], None]:
    return weights(lambda tensors: tensors.update({name: tensor}))


def without_prefix(tensors: dict[str, torch.Tensor]) -> None:
    for name in list(tensors):
        tensors[name.removeprefix("transformer.")] = tensors.pop(name)


def reshape_one(tensors: dict[str, torch.Tensor]) -> None:
    name = largest(tensors)
    tensors[name] = torch.zeros(tensors[name].shape[0] + 1, tensors[name].shape[1])


def shard(folder: Path) -> None:
    """Two shards and an index, the single file gone."""
    tensors = load_file(folder / WEIGHTS)
    names = sorted(tensors)
    halves = names[: len(names) // 2], names[len(names) // 2 :]
    weight_map = {}
    for number, half in enumerate(halves, 1):
        file = f"model-0000{number}-of-00002.safetensors"
        save_file({n: tensors[n].clone() for n in half}, folder / file, metadata={"format": "pt"})
        weight_map |= dict.fromkeys(half, file)
    index = {"metadata": {}, "weight_map": weight_map}
    (folder / INDEX).write_text(json.dumps(index))
    (folder / WEIGHTS).unlink()


def sharded(change: Callable[[Path], None]) -> Callable[[Path], None]:
    def apply(folder: Path) -> None:
        shard(folder)
        change(folder)

    return apply


def remap(change: Callable[[dict[str, str]], None]) -> Callable[[Path], None]:
    def apply(folder: Path) -> None:
        shard(folder)
        index = json.loads((folder / INDEX).read_text())
        change(index["weight_map"])
        (folder / INDEX).write_text(json.dumps(index))

    return apply


def move_first(weight_map: dict[str, str]) -> None:
    names = sorted(weight_map)
    weight_map[names[0]] = weight_map[names[-1]]


def single_and_index(folder: Path) -> None:
    saved = (folder / WEIGHTS).read_bytes()
    shard(folder)
    (folder / WEIGHTS).write_bytes(saved)


def cut(name: str, count: int) -> Callable[[Path], None]:
    def apply(folder: Path) -> None:
        content = (folder / name).read_bytes()
        (folder / name).write_bytes(content[:count] if count < 0 else content + bytes(count))

    return apply


def say_twice(folder: Path) -> None:
    text = (folder / "config.json").read_text()
    (folder / "config.json").write_text(text.replace("{", '{"vocab_size": 7,', 1))


def link_out(name: str) -> Callable[[Path], None]:
    def apply(folder: Path) -> None:
        outside = folder.parent / f"outside-{folder.name}-{name}"
        shutil.move(folder / name, outside)
        (folder / name).symlink_to(outside)

    return apply


def link_away(name: str) -> Callable[[Path], None]:
    """A link that no loader follows."""
    return lambda folder: (folder / name).symlink_to("/etc/hostname")


def add_tokens(*tokens: tuple[str, int, bool]) -> Callable[[Path], None]:
    def apply(folder: Path) -> None:
        path = folder / "tokenizer.json"
        document = json.loads(path.read_text())
        document["added_tokens"] += [
            {
                "id": number, "content": token, "special": special, "single_word": False,
                "lstrip": False, "rstrip": False, "normalized": not special,
            }
            for token, number, special in tokens
        ]  # fmt: skip
        path.write_text(json.dumps(document))

    return apply


def several(*steps: Callable[[Path], None]) -> Callable[[Path], None]:
    def apply(folder: Path) -> None:
        for step in steps:
            step(folder)

    return apply


def lora_beside(folder: Path) -> None:
    """A real adapter, as peft saves it, for a model that has projections called q_proj."""
    from peft import LoraConfig, get_peft_model
    from transformers import AutoModelForCausalLM

    torch.manual_seed(2)
    wrapped = get_peft_model(
        AutoModelForCausalLM.from_pretrained(folder),
        LoraConfig(r=2, target_modules=["q_proj"], task_type="CAUSAL_LM", init_lora_weights=False),
    )
    wrapped.save_pretrained(folder)
    (folder / "README.md").unlink()


EVERYWHERE: dict[str, Mutation] = {
    "nothing": Mutation(lambda _: None, same_digest=True),
    "stored in bfloat16": Mutation(cast_all(torch.bfloat16), changes=True),
    "bfloat16 by config": Mutation(config(dtype="bfloat16"), changes=True),
    "no dtype in config": Mutation(config(dtype=...)),
    "sharded": Mutation(shard),
    "a tensor missing": Mutation(weights(without_one), "model.weights-do-not-fit", "rehearsal"),
    "a tensor more": Mutation(
        with_extra("model.extra.weight", torch.ones(2)), "model.weights-do-not-fit", "rehearsal"
    ),
    "another shape": Mutation(weights(reshape_one), "model.weights-do-not-fit", "rehearsal"),
    "int8 weights": Mutation(cast_one(torch.int8), "model.quantised"),
    "fp8 weights": Mutation(cast_one(torch.float8_e4m3fn), "model.quantised"),
    "adapter config": Mutation(write("adapter_config.json", "{}"), "model.adapter"),
    "single and index": Mutation(single_and_index, "model.ambiguous-weights"),
    "stray files": Mutation(
        several(*(write(name) for name in ("._config.json", "._model.safetensors", ".DS_Store",
                "README.md", "results.json", "notes.txt", "config.json~", "config.json.bak"))),
        same_digest=True,
    ),
}  # fmt: skip

ON_LLAMA: dict[str, Mutation] = {
    # adapters
    "lora": Mutation(lora_beside, "model.adapter"),
    "adapter weights alone": Mutation(write("adapter_model.safetensors"), "model.adapter"),
    "adapter in a pickle": Mutation(write("adapter_model.bin"), "model.adapter"),
    "mlx adapter": Mutation(write("adapters.safetensors"), "model.adapter"),
    "adapter, other case": Mutation(write("Adapter_Config.json", "{}"), "model.adapter"),
    "adapter in a folder": Mutation(write("lora/adapter_config.json", "{}"), same_digest=True),
    # other weights
    **{
        f"beside it: {name}": Mutation(write(name), "model.ambiguous-weights")
        for name in ("consolidated.safetensors", "model.fp16.safetensors", "pytorch_model.bin",
            "shard-00000-model-00001-of-00001.safetensors", "Model.SafeTensors",
            "pytorch_model.bin.index.json", "model.safetensors.index.fp16.json", "tf_model.h5",
            "flax_model.msgpack", "model-q4.gguf", "model.onnx", "weights.npz", "model.ckpt.index",
            "consolidated.00.pth", "rust_model.ot", "__0_0.distcp")
    },
    **{
        f"from training: {name}": Mutation(write(name), same_digest=True)
        for name in ("training_args.bin", "optimizer.pt", "scheduler.pt", "rng_state_0.pth")
    },
    "shard that no index names": Mutation(
        sharded(write("model-00003-of-00003.safetensors")), "model.ambiguous-weights"
    ),
    # stray files and links
    **{
        f"stray: {name}": Mutation(write(name), same_digest=True)
        for name in ("LICENSE.txt", "Thumbs.db", "desktop.ini", ".gitattributes", "data.json",
            ".config.json.swp", "#config.json#", "trainer_state.json", "model.safetensors.bak",
            "preprocessor_config.json", "convert.py", "original/params.json", "special tokens.txt")
    },
    "stray link": Mutation(link_away("notes.txt"), same_digest=True),
    "stray dangling link": Mutation(
        lambda folder: (folder / "notes.json").symlink_to("nowhere"), same_digest=True
    ),
    "config is a link": Mutation(link_out("config.json"), "model.link-leaves-folder"),
    "weights are a link": Mutation(link_out(WEIGHTS), "model.link-leaves-folder"),
    "tokenizer is a link": Mutation(link_out("tokenizer.json"), "model.link-leaves-folder"),
    "a shard is a link": Mutation(
        sharded(link_out("model-00001-of-00002.safetensors")), "model.link-leaves-folder"
    ),
    "index is a link": Mutation(sharded(link_out(INDEX)), "model.link-leaves-folder"),
    # code
    "auto_map": Mutation(
        config(auto_map={"AutoModelForCausalLM": "modeling_x.X"}), "model.custom-code"
    ),
    "auto_map for another class": Mutation(
        config(auto_map={"AutoModel": "x.X"}), "model.custom-code"
    ),
    "auto_map of the tokenizer": Mutation(
        tokenizer_config(auto_map={"AutoTokenizer": ["x.X", None]}), "model.custom-code"
    ),
    "empty auto_map": Mutation(config(auto_map={})),
    "model code": Mutation(write("modeling_llama.py", "1/0"), "model.custom-code"),
    "tokenizer code": Mutation(write("tokenization_x.py", "1/0"), "model.custom-code"),
    "kernel from a hub": Mutation(
        config(attn_implementation="kernels-community/flash-attn"), "model.custom-code"
    ),
    # quantised
    **{
        f"quantised: {method}": Mutation(
            config(quantization_config={"quant_method": method}), "model.quantised"
        )
        for method in ("fp8", "gptq", "awq", "bitsandbytes", "compressed-tensors", "torchao")
    },
    "no quantisation": Mutation(config(quantization_config=None)),
    "quantised beside": Mutation(write("quantize_config.json", "{}"), "model.quantised"),
    "uint8 weights": Mutation(cast_one(torch.uint8), "model.quantised"),
    "int32 weights": Mutation(cast_one(torch.int32), "model.quantised"),
    "e5m2 weights": Mutation(cast_one(torch.float8_e5m2), "model.quantised"),
    "boolean weights": Mutation(cast_one(torch.bool), "model.quantised"),
    "float64 weights": Mutation(cast_all(torch.float64)),
    "float16 by config": Mutation(config(dtype="float16"), changes=True),
    "old name of dtype": Mutation(config(dtype=..., torch_dtype="bfloat16"), changes=True),
    "mixed dtypes": Mutation(
        several(cast_one(torch.bfloat16), config(dtype=...)), "model.dtype-not-said", "open"
    ),
    "integer dtype": Mutation(config(dtype="int8"), "model.cannot-load", "open"),
    # redirections
    "other weights by config": Mutation(
        config(transformers_weights="model.safetensors"), "model.redirected"
    ),
    "other config by config": Mutation(
        several(
            lambda folder: shutil.copy(folder / "config.json", folder / "config.4.0.0.json"),
            config(configuration_files=["config.4.0.0.json"]),
        ),
        "model.redirected",
    ),
    "other tokenizer by config": Mutation(
        tokenizer_config(fast_tokenizer_files=["tokenizer.4.0.0.json"]), "model.redirected"
    ),
    # broken files
    "config says twice": Mutation(say_twice, "model.corrupt-config"),
    "config is no JSON": Mutation(write("config.json", "{"), "model.corrupt-config"),
    "config is a list": Mutation(write("config.json", "[]"), "model.corrupt-config"),
    "config in UTF-16": Mutation(
        write("config.json", "{}".encode("utf-16")), "model.corrupt-config"
    ),
    "config with BOM": Mutation(
        lambda folder: (folder / "config.json").write_bytes(
            b"\xef\xbb\xbf" + (folder / "config.json").read_bytes()
        ),
        "model.corrupt-config",
    ),
    "deep config": Mutation(write("config.json", "[" * 100_000), "model.corrupt-config"),
    "tokenizer config is no JSON": Mutation(
        write("tokenizer_config.json", "{"), "model.corrupt-config"
    ),
    "tokenizer is no JSON": Mutation(write("tokenizer.json", "{"), "model.no-tokenizer"),
    "tokenizer is empty": Mutation(
        write("tokenizer.json", "{}"), "model.no-tokenizer", "rehearsal"
    ),
    **{
        f"pointer: {name}": Mutation(write(name, LFS), "model.lfs-pointer")
        for name in ("config.json", "tokenizer.json", "tokenizer_config.json", WEIGHTS,
            "generation_config.json")
    },
    "pointer: index": Mutation(sharded(write(INDEX, LFS)), "model.lfs-pointer"),
    "pointer: shard": Mutation(
        sharded(write("model-00002-of-00002.safetensors", LFS)), "model.lfs-pointer"
    ),
    "weights cut": Mutation(cut(WEIGHTS, -1), "model.corrupt-shard"),
    "weights longer": Mutation(cut(WEIGHTS, 5), "model.corrupt-shard"),
    "weights empty": Mutation(write(WEIGHTS, b""), "model.corrupt-shard"),
    "weights without tensors": Mutation(
        write(WEIGHTS, (2).to_bytes(8, "little") + b"{}"), "model.no-weights"
    ),
    "no weights": Mutation(lambda folder: (folder / WEIGHTS).unlink(), "model.no-weights"),
    **{
        f"weights of {said}": Mutation(with_metadata({"format": said}))
        for said in ("flax", "mlx", "tf", "", "something")
    },
    "weights without metadata": Mutation(with_metadata(None)),
    # index and shards
    "shard missing": Mutation(
        sharded(lambda folder: (folder / "model-00002-of-00002.safetensors").unlink()),
        "model.missing-shard",
    ),
    "index misplaces": Mutation(remap(move_first), "model.corrupt-index"),
    "index forgets": Mutation(remap(lambda index: index.pop(min(index))), "model.corrupt-index"),
    "index invents": Mutation(
        remap(lambda index: index.update({"x": min(index.values())})), "model.corrupt-index"
    ),
    "index leads out": Mutation(
        remap(lambda index: index.update({min(index): "../x.safetensors"})), "model.corrupt-index"
    ),
    # configuration against weights
    "one layer more": Mutation(
        config(num_hidden_layers=3), "model.weights-do-not-fit", "rehearsal"
    ),
    "one layer less": Mutation(
        config(num_hidden_layers=1), "model.weights-do-not-fit", "rehearsal"
    ),
    "wider": Mutation(config(hidden_size=64), "model.weights-do-not-fit", "rehearsal"),
    "longer vocabulary": Mutation(config(vocab_size=300), "model.weights-do-not-fit", "rehearsal"),
    "biases": Mutation(config(attention_bias=True), "model.weights-do-not-fit", "rehearsal"),
    "tied by config": Mutation(config(tie_word_embeddings=True), "model.loader-warning", "open"),
    "tied and stored alike": Mutation(
        several(
            config(tie_word_embeddings=True),
            weights(lambda t: t.update({"lm_head.weight": t["model.embed_tokens.weight"]})),
        ),
        changes=True,
    ),
    "frequencies, right": Mutation(
        with_extra(
            "model.layers.0.self_attn.rotary_emb.inv_freq",
            1.0 / 10000.0 ** (torch.arange(0, 8, 2) / 8),
        )
    ),
    "frequencies, others": Mutation(
        with_extra("model.layers.0.self_attn.rotary_emb.inv_freq", torch.ones(4)),
        "model.weights-do-not-fit",
        "open",
    ),
    # what configurations can ask for
    "linear scaling": Mutation(rope(rope_type="linear", factor=8.0), changes=True),
    "dynamic scaling": Mutation(rope(rope_type="dynamic", factor=4.0)),
    "yarn": Mutation(
        rope(rope_type="yarn", factor=4.0, original_max_position_embeddings=128), changes=True
    ),
    "llama3 scaling": Mutation(
        rope(rope_type="llama3", factor=8.0, low_freq_factor=1.0, high_freq_factor=4.0,
             original_max_position_embeddings=128),
        changes=True,
    ),
    "old name of scaling": Mutation(
        config(rope_parameters=..., rope_scaling={"type": "linear", "factor": 8.0}), changes=True
    ),
    "unknown scaling": Mutation(
        rope(rope_type="stretch", factor=8.0), "model.cannot-load", "rehearsal"
    ),
    "unknown number of a scaling": Mutation(
        rope(rope_type="linear", factor=8.0, stretch=2.0), "model.loader-warning", "rehearsal"
    ),
    "scaling below one": Mutation(
        rope(rope_type="linear", factor=0.5), "model.loader-warning", "rehearsal"
    ),
    "other base": Mutation(
        config(rope_parameters={"rope_type": "default", "rope_theta": 500.0}), changes=True
    ),
    "other epsilon": Mutation(config(rms_norm_eps=0.5), changes=True),
    "other activation": Mutation(config(hidden_act="gelu"), changes=True),
    "eager attention": Mutation(config(attn_implementation="eager"), changes=True),
    "no cache": Mutation(config(use_cache=False)),
    "hidden states": Mutation(config(output_hidden_states=True)),
    "tuples": Mutation(config(return_dict=False), "model.cannot-run", "open"),
    "unknown key": Mutation(config(sliding_window=4, note="x")),
    "other class name": Mutation(config(architectures=["LlamaModel"])),
    "other model": Mutation(
        config(model_type="no-such"), "model.unsupported-architecture", "rehearsal"
    ),
    "encoder and decoder": Mutation(
        config(model_type="t5"), "model.unsupported-architecture", "rehearsal"
    ),
    "chat template": Mutation(write("chat_template.jinja", "{{ messages }}")),
    "sampling": Mutation(write("generation_config.json", '{"temperature": 0.1}')),
    # tokenizers
    "ids beyond": Mutation(add_tokens(("the", 300, False)), "tokenizer.ids-exceed-model"),
    "special ids beyond, as a word": Mutation(
        add_tokens(("the", 256, True)), "tokenizer.ids-exceed-model"
    ),
    "a marker beyond": Mutation(add_tokens(("<image_soft_token>", 256, True))),
    "smaller model": Mutation(
        several(
            config(vocab_size=200),
            weights(
                lambda tensors: tensors.update(
                    {n: tensors[n][:200] for n in ("model.embed_tokens.weight", "lm_head.weight")}
                )
            ),
        ),
        "tokenizer.ids-exceed-model",
    ),
    "another vocabulary beside": Mutation(write("vocab.json", '{"a": 0}')),
    "added tokens beside": Mutation(
        write("added_tokens.json", '{"the": 255}'), "tokenizer.ids-exceed-model", "rehearsal"
    ),
}  # fmt: skip

ON_GPT2: dict[str, Mutation] = {
    "mask, right": Mutation(
        with_extra("transformer.h.0.attn.bias", torch.ones(1, 1, 512, 512).bool().tril())
    ),
    "mask, as floats": Mutation(
        with_extra("transformer.h.0.attn.bias", torch.ones(1, 1, 512, 512).tril())
    ),
    "mask, another": Mutation(
        with_extra("transformer.h.0.attn.bias", torch.ones(1, 1, 512, 512)),
        "model.weights-do-not-fit",
        "open",
    ),
    "masked value": Mutation(with_extra("transformer.h.0.attn.masked_bias", torch.tensor(-1e4))),
    "masked value, another": Mutation(
        with_extra("transformer.h.0.attn.masked_bias", torch.tensor(1.0)),
        "model.weights-do-not-fit",
        "open",
    ),
    "names without a prefix": Mutation(weights(without_prefix)),
    "names without a prefix, and a mask": Mutation(
        several(
            weights(without_prefix),
            with_extra("h.1.attn.bias", torch.ones(1, 1, 512, 512).tril()),
        )
    ),
    "one tensor under two names": Mutation(
        weights(lambda t: t.update({"wte.weight": torch.zeros_like(t["transformer.wte.weight"])})),
        "model.weights-do-not-fit",
        "rehearsal",
    ),
    "integers in a bias": Mutation(
        weights(
            lambda tensors: tensors.update(
                {"transformer.h.0.attn.c_attn.bias": torch.ones(96, dtype=torch.int64)}
            )
        ),
        "model.quantised",
    ),
}  # fmt: skip

ON_QWEN35: dict[str, Mutation] = {
    "draft head": Mutation(with_extra("mtp.fc.weight", torch.ones(2, 2))),
    "part that sees pictures": Mutation(with_extra("model.visual.x.weight", torch.ones(2, 2))),
    "something like it": Mutation(
        with_extra("model.audio.x.weight", torch.ones(2, 2)),
        "model.weights-do-not-fit",
        "rehearsal",
    ),
}

# Its class names layer 46 among what it ignores, whatever the configuration says of layers.
ON_GLM4: dict[str, Mutation] = {
    "draft layer": Mutation(
        several(
            with_extra("model.layers.46.eh_proj.weight", torch.ones(2, 2)),
            config(num_nextn_predict_layers=1),
        )
    ),
    "layer that nothing speaks of": Mutation(
        several(
            with_extra("model.layers.46.eh_proj.weight", torch.ones(2, 2)),
            config(num_nextn_predict_layers=0),
        ),
        "model.weights-do-not-fit",
        "rehearsal",
    ),
}
