# ruff: noqa: E402 - the module is skipped before it imports what needs torch
"""What opening a model hears, says, and refuses beside its weights."""

import json
import logging
import shutil
import warnings
from pathlib import Path

import pytest

torch = pytest.importorskip("torch", reason="needs the `record` extra")
transformers = pytest.importorskip("transformers")

from folder_mutations import add_tokens, config, edit_json, rope
from tiny_models import byte_tokenizer, save_tiny
from transformers.utils import logging as transformers_logging

from pot_recorder.models.applied import describe_rope_scaling
from pot_recorder.models.file_names import SMALL_NAMES
from pot_recorder.models.files import hash_file
from pot_recorder.models.lfs_pointer import require_no_lfs_pointer
from pot_recorder.models.load import open_model
from pot_recorder.models.loader_errors import first_line
from pot_recorder.models.loader_messages import collected_messages, require_harmless
from pot_recorder.models.safetensors_header import parse_safetensors_header, prefix_bytes
from pot_recorder.models.source import parse_model_source
from pot_recorder.models.tokenizer_range import require_stored_ids_in_range
from pot_reverify.errors import Rejection


@pytest.fixture(scope="module")
def llama(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("llama") / "model"
    save_tiny("llama", folder)
    return folder


@pytest.fixture
def folder(llama: Path, tmp_path: Path) -> Path:
    shutil.copytree(llama, tmp_path / "model")
    return tmp_path / "model"


def refusal(call, *arguments: object) -> Rejection:
    with pytest.raises(Rejection) as caught:
        call(*arguments)
    return caught.value


def opening(folder: Path) -> Rejection:
    return refusal(open_model, parse_model_source(str(folder)))


# Messages of transformers


def test_a_warning_is_heard_again_for_the_next_model(folder: Path) -> None:
    logger = transformers_logging.get_logger("transformers.models.somewhere")
    for _ in range(2):
        with collected_messages() as messages:
            logger.warning_once("weights were ignored")
        assert messages == ["weights were ignored"]
        assert refusal(require_harmless, messages, "model").code == "model.loader-warning"
    rope(rope_type="linear", factor=0.5)(folder)
    for _ in range(2):
        error = opening(folder)
        assert (error.code, "factor" in str(error.got)) == ("model.loader-warning", True)


def test_the_loggers_are_left_as_they_were(capsys: pytest.CaptureFixture) -> None:
    library = logging.getLogger("transformers")
    before = list(library.handlers), library.level, library.propagate

    def fail() -> None:
        with collected_messages() as messages:
            transformers_logging.get_logger("transformers.x").warning("heard")
            transformers_logging.get_logger("transformers.x").info("not a warning")
            assert messages == ["heard"]
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    assert (list(library.handlers), library.level, library.propagate) == before
    assert "heard" not in "".join(capsys.readouterr())


def test_python_warnings_count_but_not_deprecations() -> None:
    with collected_messages() as messages:
        warnings.warn("a tensor was made up", UserWarning, stacklevel=1)
        warnings.warn("this name goes away", FutureWarning, stacklevel=1)
        warnings.warn("and this", DeprecationWarning, stacklevel=1)
    assert messages == ["a tensor was made up"]


@pytest.mark.parametrize(
    "message",
    ["`torch_dtype` is deprecated! Use `dtype` instead!",
     "\x1b[1mLlamaForCausalLM LOAD REPORT\x1b[0m from: None\nKey | Status"],
)  # fmt: skip
def test_what_is_harmless_passes(message: str) -> None:
    require_harmless([message], "model")


# What is said in errors


def test_private_paths_and_silenced_reports_are_not_spoken_of() -> None:
    error = RuntimeError("cannot read /tmp/pot-audit-model-abc/x; look at the above report!\nmore")
    text = first_line(error, Path("/tmp/pot-audit-model-abc"), "my-model")
    assert text == "RuntimeError: cannot read my-model/x"
    assert first_line(ValueError()) == "ValueError"


@pytest.mark.parametrize("row", [256, 10**6])
def test_ids_without_an_embedding_are_refused_when_they_come(folder: Path, row: int) -> None:
    model = open_model(parse_model_source(str(folder)))
    error = refusal(model.logits, [[1, 2, row, 3]], [range(3)], ["challenge 4, probe 1"])
    assert error.code == "tokenizer.ids-exceed-model"
    assert error.where == "challenge 4, probe 1"
    assert (error.expected, error.got) == ("ids below 256", str(row))


def test_whatever_a_network_raises_has_a_name(folder: Path) -> None:
    model = open_model(parse_model_source(str(folder)))
    error = refusal(model.logits, [[1, 2, -1, 3]], [range(3)], ["text"])
    assert error.code == "model.cannot-run"
    assert "IndexError" in error.message


def test_a_tokenizer_that_fails_on_texts(folder: Path) -> None:
    edit_json(folder / "tokenizer_config.json", model_max_length="long")
    assert opening(folder).code == "tokenizer.cannot-encode"


# What was applied


@pytest.mark.parametrize(
    ("parameters", "said"),
    [
        ({"rope_type": "default"}, "none"),
        ({"rope_type": "linear", "factor": 8.0}, "linear (factor 8)"),
        (
            {"rope_type": "yarn", "factor": 4.0, "original_max_position_embeddings": 128},
            "yarn (factor 4, original_max_position_embeddings 128)",
        ),
    ],
)
def test_rope_scaling_in_words(folder: Path, parameters: dict[str, object], said: str) -> None:
    rope(**parameters)(folder)
    applied = open_model(parse_model_source(str(folder))).identity.applied
    assert applied.rope_scaling == said
    assert applied.line == (
        f"LlamaForCausalLM, dtype float32, quantisation: none, rope scaling: {said}, adapter: none"
    )


def test_rope_scaling_of_layers_that_differ() -> None:
    text = transformers.Gemma3TextConfig(
        rope_parameters={
            "full_attention": {"rope_type": "linear", "factor": 8.0, "rope_theta": 1e6},
            "sliding_attention": {"rope_type": "default", "rope_theta": 1e4},
        }
    )
    assert describe_rope_scaling(text) == "full_attention linear (factor 8); sliding_attention none"
    assert describe_rope_scaling(transformers.GPT2Config()) == "none"


def test_tensors_that_no_prediction_uses_are_counted(tmp_path: Path) -> None:
    from folder_mutations import ON_QWEN35

    save_tiny("qwen3_5", tmp_path / "model")
    ON_QWEN35["draft head"].apply(tmp_path / "model")
    line = open_model(parse_model_source(str(tmp_path / "model"))).identity.applied.line
    assert line.endswith("1 stored tensors that no prediction uses")


# Names and files


def test_the_table_of_names_is_that_of_transformers() -> None:
    """A name that is not in the table is not used: models that need these are refused."""
    not_served = {
        "emoji.json", "prophetnet.tokenizer", "source.spm", "target.spm", "target_vocab.json",
        "word_pronunciation.json", "word_shape.json",
    }  # fmt: skip
    mapping, read = transformers.TOKENIZER_MAPPING, set()
    for config_class in transformers.MODEL_FOR_CAUSAL_LM_MAPPING:
        if config_class in mapping:
            found = mapping[config_class]
            for one in found if isinstance(found, list | tuple) else [found]:
                read |= set(getattr(one, "vocab_files_names", {}).values())
    assert "tokenizer.json" in read
    assert read - SMALL_NAMES == not_served


def test_only_the_table_is_copied_and_hashed(folder: Path) -> None:
    for name in ("vocab.json.old", "README.md", "tokenizer.json.bak", "other.json"):
        (folder / name).write_text("{}")
    files = open_model(parse_model_source(str(folder))).identity.manifest.files
    assert {file.path for file in files} <= SMALL_NAMES | {"model.safetensors"}


@pytest.mark.parametrize("length", [0, 3, 8, 40, 39_000_000])
def test_a_prefix_is_part_of_what_was_hashed(tmp_path: Path, length: int) -> None:
    content = bytes(range(256)) * (length // 256) + bytes(length % 256)
    (tmp_path / "file").write_bytes(content)
    for wanted in (0, 10, 1 << 20):
        entry, prefix = hash_file(tmp_path, "file", lambda _, wanted=wanted: wanted)
        assert entry == hash_file(tmp_path, "file")[0]
        assert content.startswith(prefix)
        assert len(prefix) >= min(wanted, length)
    assert entry.size_bytes == length


def test_pointers_of_git_lfs() -> None:
    require_no_lfs_pointer(b"version https://git-scm.com/", "x")
    error = refusal(require_no_lfs_pointer, b"version https://git-lfs.github.com/spec/v1\n", "x")
    assert (error.code, error.where) == ("model.lfs-pointer", "x")


def test_a_header_that_names_a_tensor_twice() -> None:
    one = json.dumps({"t": {"dtype": "F32", "shape": [1], "data_offsets": [0, 4]}})
    header = (one[:-1] + ", " + one[1:]).encode()
    content = len(header).to_bytes(8, "little") + header + bytes(4)
    error = refusal(parse_safetensors_header, content, len(content), "x")
    assert (error.code, "twice" in error.message) == ("model.corrupt-shard", True)


def test_a_header_is_read_from_the_beginning_of_a_file_alone() -> None:
    header = b'{"t": {"dtype": "BF16", "shape": [3], "data_offsets": [0, 6]}}'
    content = len(header).to_bytes(8, "little") + header + bytes(6)
    prefix = content[: prefix_bytes(content[:8])]
    assert prefix == content[:-6]
    assert parse_safetensors_header(prefix, len(content), "x")[0].shape == (3,)
    assert prefix_bytes(b"\xff" * 8) == 8 + 100_000_000


# Vocabularies in files


def stored(files: dict[str, object], rows: int = 10) -> str | None:
    contents = {name: json.dumps(value).encode() for name, value in files.items()}
    contents["config.json"] = json.dumps({"text_config": {"vocab_size": rows}}).encode()
    if isinstance(files.get("vocab.txt"), str):
        contents["vocab.txt"] = str(files["vocab.txt"]).encode()
    try:
        require_stored_ids_in_range(contents, "model")
    except Rejection as error:
        return error.code
    return None


def in_json(vocabulary: object, *added: dict[str, object]) -> dict[str, object]:
    return {"tokenizer.json": {"model": {"vocab": vocabulary}, "added_tokens": list(added)}}


@pytest.mark.parametrize(
    ("files", "fits"),
    [
        (in_json({"a": 0, "b": 9}), True),
        (in_json({"a": 0, "b": 10}), False),
        (in_json([["a", -1.0]] * 10), True),
        (in_json([[str(n), -1.0] for n in range(11)]), False),
        (in_json({"a": 0}, {"id": 10, "content": "the"}), False),
        (in_json({"a": 0}, {"id": 10, "content": "the", "special": True}), False),
        (in_json({"a": 0}, {"id": 10, "content": "<picture>", "special": True}), True),
        (in_json({"<picture>": 10}, {"id": 10, "content": "<picture>", "special": True}), True),
        (in_json({"a": 0}, {"id": 10, "content": "<picture>", "special": False}), False),
        ({"vocab.json": {"a": 9}}, True),
        ({"vocab.json": {"a": 12}}, False),
        ({"vocab.json": {"a": 9}, "added_tokens.json": {"b": 10}}, False),
        ({"vocab.txt": "a\nb\n"}, True),
        ({"vocab.txt": "a\n" * 11}, False),
        ({"tokenizer_config.json": {"added_tokens_decoder": {"10": {"content": "x"}}}}, False),
        ({"tokenizer_config.json": {"added_tokens_decoder": {"9": {"content": "x"}}}}, True),
    ],
)
def test_ids_in_files(files: dict[str, object], fits: bool) -> None:  # noqa: FBT001 - a table's column
    assert stored(files) == (None if fits else "tokenizer.ids-exceed-model")


def test_the_error_names_the_token(folder: Path) -> None:
    add_tokens(("the", 256, False), ("lazy", 257, False))(folder)
    error = opening(folder)
    assert error.code == "tokenizer.ids-exceed-model"
    assert (error.expected, error.got) == ("ids below 256", "257 for 'lazy' and 1 more")


def test_ids_are_measured_where_the_files_do_not_say_them(folder: Path) -> None:
    """A tokenizer of another size than its JSON says: transformers adds what is missing."""
    config(bos_token_id=None)(folder)
    edit_json(folder / "tokenizer_config.json", extra_special_tokens=["word"])
    assert opening(folder).code == "tokenizer.ids-exceed-model"


def test_a_tokenizer_without_faults_opens(tmp_path: Path) -> None:
    byte_tokenizer().save_pretrained(tmp_path / "tokenizer")
    assert (
        stored(
            {"tokenizer.json": json.loads((tmp_path / "tokenizer/tokenizer.json").read_text())}, 256
        )
        is None
    )
