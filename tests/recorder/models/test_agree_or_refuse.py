# ruff: noqa: E402 - the module is skipped before it imports what needs torch
"""A model runs as plain transformers runs the same folder, bit for bit, or it is refused by name.

The oracle is ``AutoModelForCausalLM.from_pretrained`` with peft installed. Every row of
`folder_mutations` is one thing that a folder can hold or say.
"""

import json
import shutil
from dataclasses import dataclass
from pathlib import Path

import pytest

torch = pytest.importorskip("torch", reason="needs the `record` extra")
transformers = pytest.importorskip("transformers")
pytest.importorskip("peft", reason="the oracle applies adapters")

from folder_mutations import EVERYWHERE, ON_GLM4, ON_GPT2, ON_LLAMA, ON_QWEN35, Mutation, edit_json
from tiny_models import ARCHITECTURES, DEEP, save_tiny

from pot_recorder.models.load import DType, open_model
from pot_recorder.models.manifest import hash_model
from pot_recorder.models.rehearsal import rehearse_model
from pot_recorder.models.source import ModelSource, parse_model_source
from pot_reverify.errors import PotAuditError

TEXT = "The quick brown fox jumps over the lazy dog, 1234567890 times; naïve café."
CASES = [
    *(
        (architecture, name, one)
        for architecture in sorted(ARCHITECTURES.keys() - DEEP)
        for name, one in EVERYWHERE.items()
    ),
    *(("llama", name, one) for name, one in ON_LLAMA.items()),
    *(("gpt2", name, one) for name, one in ON_GPT2.items()),
    *(("glm4_moe", name, one) for name, one in ON_GLM4.items()),
    *(("qwen3_5", name, one) for name, one in ON_QWEN35.items()),
]


@dataclass(frozen=True)
class Answer:
    ids: list[int]
    logits: object


def as_transformers_runs_it(folder: Path, dtype: str = "auto") -> Answer | None:
    try:
        network = transformers.AutoModelForCausalLM.from_pretrained(folder, dtype=dtype)
        ids = transformers.AutoTokenizer.from_pretrained(folder)(TEXT)["input_ids"]
        with torch.inference_mode():
            return Answer(
                ids, network(input_ids=torch.tensor([ids]), use_cache=False).logits[0].float()
            )
    except Exception:  # noqa: BLE001 - whatever it is, there is nothing to agree with
        return None


def as_we_run_it(folder: Path, dtype: DType = "auto") -> Answer:
    return run_source(parse_model_source(str(folder)), dtype)


def run_source(source: ModelSource, dtype: DType = "auto") -> Answer:
    model = open_model(source, dtype=dtype)
    ids = model.encode(TEXT)
    return Answer(ids, model.logits([ids], [range(len(ids))], ["text"])[0])


def agree(mine: Answer, other: Answer) -> bool:
    return mine.ids == other.ids and torch.equal(mine.logits, other.logits)


def code_of(call, folder: Path) -> str | None:
    try:
        call(parse_model_source(str(folder)))
    except PotAuditError as error:
        return "a private folder is named" if "pot-audit-model-" in str(error) else error.code
    return None


@pytest.fixture(scope="module")
def originals(tmp_path_factory: pytest.TempPathFactory):
    """Each architecture's folder, with its digest and what it answers."""
    made: dict[str, tuple[Path, bytes, Answer]] = {}

    def original(name: str) -> tuple[Path, bytes, Answer]:
        if name not in made:
            folder = tmp_path_factory.mktemp(name) / "model"
            save_tiny(name, folder)
            digest = hash_model(parse_model_source(str(folder))).root_digest
            made[name] = folder, digest, as_we_run_it(folder)
        return made[name]

    return original


@pytest.mark.filterwarnings("ignore::FutureWarning:transformers.*")
@pytest.mark.parametrize(
    ("architecture", "mutation"),
    [
        pytest.param(architecture, one, id=f"{architecture}-{name}")
        for architecture, name, one in CASES
    ],
)
def test_agree_or_refuse(originals, tmp_path: Path, architecture: str, mutation: Mutation) -> None:
    original, digest, before = originals(architecture)
    folder = tmp_path / "model"
    shutil.copytree(original, folder)
    mutation.apply(folder)
    hashed, rehearsed = code_of(hash_model, folder), code_of(rehearse_model, folder)
    if mutation.code is not None:
        expected = mutation.code
        assert code_of(open_model, folder) == expected
        assert hashed == (expected if mutation.found_by == "hash" else None)
        assert rehearsed == (None if mutation.found_by == "open" else expected)
        return
    assert (hashed, rehearsed) == (None, None)
    mine, other = as_we_run_it(folder), as_transformers_runs_it(folder)
    assert other is not None, "we ran what transformers refuses"
    assert agree(mine, other)
    assert agree(as_we_run_it(folder), mine), "two loads of one folder"
    assert mutation.changes == (not torch.equal(mine.logits, before.logits))
    root = hash_model(parse_model_source(str(folder))).root_digest
    assert root == open_model(parse_model_source(str(folder))).identity.manifest.root_digest
    assert (root == digest) == mutation.same_digest


@pytest.mark.parametrize("dtype", ["bfloat16", "float16"])
@pytest.mark.parametrize("architecture", sorted(ARCHITECTURES.keys() - DEEP))
def test_a_named_dtype(originals, architecture: str, dtype: DType) -> None:
    folder, _, before = originals(architecture)
    mine, other = as_we_run_it(folder, dtype), as_transformers_runs_it(folder, dtype)
    assert other is not None
    assert agree(mine, other)
    assert not torch.equal(mine.logits, before.logits)


@pytest.mark.filterwarnings("ignore::FutureWarning:transformers.*")
def test_the_oracle_applies_an_adapter(originals, tmp_path: Path) -> None:
    """What is refused above is what transformers runs, and is not the model without it."""
    original, _, before = originals("llama")
    folder = tmp_path / "model"
    shutil.copytree(original, folder)
    ON_LLAMA["lora"].apply(folder)
    applied = as_transformers_runs_it(folder)
    assert applied is not None
    assert (applied.logits - before.logits).abs().max() > 0.01


WRONG_VALUES = [None, "", "x", -1, 0, 3, 1e30, [], {}, [7], {"a": 1}, True, "float16"]


@pytest.mark.filterwarnings("ignore::UserWarning:transformers.*")
@pytest.mark.parametrize("file", ["config.json", "tokenizer_config.json"])
@pytest.mark.parametrize("architecture", ["llama", "gemma3"])
def test_whatever_a_key_holds(originals, tmp_path: Path, architecture: str, file: str) -> None:
    original, _, _ = originals(architecture)
    keys = json.loads((original / file).read_text())
    agreed = refused = 0
    for key in [*keys, "sliding_window", "rope_scaling", "layer_types", "torch_dtype", "pad_token"]:
        for number, value in enumerate(WRONG_VALUES):
            folder = tmp_path / f"{key}-{number}"
            shutil.copytree(original, folder)
            edit_json(folder / file, **{key: value})
            code = code_of(run_source, folder)
            if code is None:
                mine, other = as_we_run_it(folder), as_transformers_runs_it(folder)
                assert other is not None, (key, value)
                assert agree(mine, other), (key, value)
                agreed += 1
            else:
                assert code.startswith(("model.", "tokenizer.")), (key, value)
                refused += 1
            shutil.rmtree(folder)
    assert agreed > 20
    assert refused > 20
