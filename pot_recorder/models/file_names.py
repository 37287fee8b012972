"""The names in a model's folder: which files a loader reads, and which make it another model.

"A loader" is transformers' ``AutoModelForCausalLM.from_pretrained`` and ``AutoTokenizer``, with
peft installed. A file that it reads is part of the model: it is hashed and used. A file that would
make it, or another loader of whole folders, run something else is a reason to refuse the folder.
Any other file is left aside: neither hashed nor used.
"""

import re
from collections.abc import Collection, Iterable
from dataclasses import dataclass

from pot_reverify.errors import Rejection

WEIGHTS_NAME = "model.safetensors"
INDEX_NAME = "model.safetensors.index.json"
CONFIG_NAME = "config.json"
TOKENIZER_CONFIG_NAME = "tokenizer_config.json"
_WEIGHTS_SUFFIX = ".safetensors"

_VOCABULARY_NAMES = frozenset(
    {
        "sentencepiece.bpe.model",
        "sentencepiece.model",
        "spiece.model",
        "tekken.json",
        "tiktoken.model",
        "tokenizer.json",
        "tokenizer.model",
        "vocab.json",
        "vocab.txt",
    }
)
SMALL_NAMES = _VOCABULARY_NAMES | frozenset(
    {
        "added_tokens.json",
        "chat_template.jinja",
        CONFIG_NAME,
        "generation_config.json",
        "merges.txt",
        "normalizer.json",
        "special_tokens_map.json",
        TOKENIZER_CONFIG_NAME,
    }
)

# Names are compared without regard to case: some file systems do not know the difference.
_ADAPTER = re.compile(
    r"adapter_config\.json|adapters?([._-].*)?\.(safetensors|bin|pt|npz|gguf)"
    r"|.*[._-]?lora([._-].*)?\.(safetensors|bin|pt|gguf)"
)
_MODEL_CODE = re.compile(
    r"(modeling|modelling|configuration|tokenization|modular|processing|image_processing)_.*\.py"
)
_QUANTISATION = frozenset({"hf_quant_config.json", "quant_config.json", "quantize_config.json"})
_PICKLE = re.compile(r".*\.(bin|ckpt|pickle|pkl|pt|pth)")
# What a training loop leaves beside its weights, and no loader of models reads.
_OF_TRAINING = re.compile(
    r"(training_args|optimizer|scheduler|scaler|rng_state.*|random_states.*|trainer_state)"
    r"\.(bin|pt|pth|pkl)"
)
_OTHER_WEIGHTS = re.compile(
    r".*\.(distcp|engine|ggml|gguf|h5|keras|mlmodel|msgpack|nemo|npz|onnx|ot|pdparams|tflite)"
    r"|.*\.ckpt\.(index|meta|data-.*)"
    r"|.*\.(bin|h5|msgpack|safetensors)\.index\b.*\.json"
    r"|openvino_model.*\.xml"
)


@dataclass(frozen=True, slots=True)
class FolderNames:
    """The files of a folder, sorted by what they are to a loader.

    Args:
        weight_file: the weights; for sharded weights their index.
        shards: with an index, the safetensors files beside it. The index must name them all.
        small_files: configuration and tokenizer files, sorted.
        left_aside: files that are not part of the model, sorted.
    """

    weight_file: str
    shards: tuple[str, ...]
    small_files: tuple[str, ...]
    left_aside: tuple[str, ...]


def sort_names(names: Iterable[str], where: str) -> FolderNames:
    """Tell the files of a model from what lies beside them.

    Args:
        names: every file of the folder.
        where: the folder, for errors.

    Raises:
        Rejection: ``model.adapter``, ``model.custom-code``, ``model.quantised``,
            ``model.no-config``, ``model.no-weights``, ``model.pickle-weights``,
            ``model.ambiguous-weights`` or ``model.no-tokenizer``.
    """
    # Hidden files are what desktops, version control and editors leave (._config.json, .DS_Store).
    everything = sorted(names)
    seen = [name for name in everything if not name.startswith(".")]
    _refuse_what_changes_the_model(seen, where)
    if CONFIG_NAME not in seen:
        raise Rejection("model.no-config", "the folder has no config.json", where=where)
    weight_file, shards = _weights(seen, where)
    if not _VOCABULARY_NAMES & set(seen):
        raise Rejection(
            "model.no-tokenizer",
            "the folder has no tokenizer file",
            where=where,
            expected="tokenizer.json or another tokenizer file beside config.json",
        )
    small = tuple(name for name in seen if name in SMALL_NAMES)
    used = {weight_file, *shards, *small}
    aside = tuple(name for name in everything if name not in used)
    return FolderNames(weight_file, shards, small, aside)


def _refuse_what_changes_the_model(names: Collection[str], where: str) -> None:
    for name in names:
        folded = name.casefold()
        if _ADAPTER.fullmatch(folded):
            raise Rejection(
                "model.adapter",
                "an adapter lies beside the weights: loaders that know it run another model; "
                "merge it into the weights, or move it away",
                where=where,
                got=name,
            )
        if _MODEL_CODE.fullmatch(folded):
            raise Rejection(
                "model.custom-code",
                "the folder brings code to run its model with, and none of it is ever run here; "
                "where transformers knows the architecture, move the code and auto_map away",
                where=where,
                got=name,
            )
        if folded in _QUANTISATION:
            raise Rejection(
                "model.quantised",
                "the folder says that its weights are quantised; dequantise them first",
                where=where,
                got=name,
            )


def _weights(names: Collection[str], where: str) -> tuple[str, tuple[str, ...]]:
    safetensors = [name for name in names if name.casefold().endswith(_WEIGHTS_SUFFIX)]
    others = [
        name
        for name in names
        if name != INDEX_NAME
        and (_OTHER_WEIGHTS.fullmatch(name.casefold()) or _is_pickled_weights(name.casefold()))
    ]
    if INDEX_NAME not in names and WEIGHTS_NAME not in names:
        _refuse_missing(safetensors, others, where)
    if INDEX_NAME in names and WEIGHTS_NAME not in names:
        chosen, rivals = INDEX_NAME, others
    else:
        chosen, rivals = WEIGHTS_NAME, [name for name in safetensors if name != WEIGHTS_NAME]
        rivals += [INDEX_NAME] if INDEX_NAME in names else []
        rivals += others
    if rivals:
        raise Rejection(
            "model.ambiguous-weights",
            "the folder holds more than one set of weights, and loaders differ in which they take; "
            "move all but one away",
            where=where,
            expected=f"only {chosen}" + (" and its shards" if chosen == INDEX_NAME else ""),
            got=", ".join(sorted({chosen, *rivals})),
        )
    return chosen, tuple(safetensors) if chosen == INDEX_NAME else ()


def _is_pickled_weights(folded: str) -> bool:
    return bool(_PICKLE.fullmatch(folded)) and not _OF_TRAINING.fullmatch(folded)


def _refuse_missing(safetensors: list[str], others: list[str], where: str) -> None:
    if not safetensors and any(_PICKLE.fullmatch(name.casefold()) for name in others):
        raise Rejection(
            "model.pickle-weights",
            "the weights are in a pickle format, which can run code when it is read",
            where=where,
            expected="safetensors or GGUF",
        )
    found = sorted({*safetensors, *others})
    raise Rejection(
        "model.no-weights",
        "the folder has no weights under the names that loaders look for"
        + ("; a .gguf file is named itself, not its folder" if _has_gguf(others) else ""),
        where=where,
        expected=f"{WEIGHTS_NAME} or {INDEX_NAME}",
        got=", ".join(found) if found else None,
    )


def _has_gguf(names: list[str]) -> bool:
    return any(name.casefold().endswith(".gguf") for name in names)
