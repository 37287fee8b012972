"""Coverage-guided fuzzing of GGUF headers.

    python tests/fuzz/fuzz_gguf.py -max_total_time=60 [CORPUS]

Needs `atheris` and the `record` extra; give `fixtures/models/gguf` as the corpus. Any exception
but a `Rejection` is a finding, as is an accepted file that the `gguf` package reads otherwise.
"""

import io
import sys
import tempfile
from pathlib import Path

import atheris
import gguf

with atheris.instrument_imports(include=["pot_recorder.models"]):
    from pot_recorder.models.gguf_header import GgufHeader, read_gguf_header
    from pot_recorder.models.gguf_model import read_gguf_model

from pot_reverify.errors import Rejection

FOLDER = Path(tempfile.mkdtemp(prefix="pot-fuzz-gguf-"))


def one_input(data: bytes) -> None:
    """The bytes as they are, and as what follows the magic and a good version."""
    for content in (data, b"GGUF\3\0\0\0" + data):
        try:
            header = read_gguf_header(io.BytesIO(content), len(content), "file")
        except Rejection:
            continue
        compare(header, content)
        try:
            read_gguf_model(io.BytesIO(content), len(content), "file")
        except Rejection:
            continue


def compare(header: GgufHeader, content: bytes) -> None:
    """The other reader sees the same keys and the same tensors in the same places."""
    path = FOLDER / "accepted.gguf"
    path.write_bytes(content)
    try:
        other = gguf.GGUFReader(path)
    except ValueError:
        return  # it refuses some files that ggml reads, as those that hold no tensor
    own = {name for name in other.fields if not name.startswith("GGUF.")}
    assert own == {name for name in header.metadata if not name.startswith("GGUF.")}
    assert [tensor.name for tensor in other.tensors] == list(header.tensors)
    for tensor in other.tensors:
        mine = header.tensors[tensor.name]
        assert mine.shape == tuple(int(size) for size in reversed(tensor.shape))
        assert mine.size_bytes == tensor.n_bytes
        assert header.data_start_bytes + mine.offset_bytes == tensor.data_offset


if __name__ == "__main__":
    atheris.Setup(sys.argv, one_input)
    atheris.Fuzz()
