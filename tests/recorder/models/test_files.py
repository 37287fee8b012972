import hashlib
import os
from pathlib import Path

import pytest

pytest.importorskip("torch", reason="needs the `record` extra")

from pot_recorder.models import files
from pot_recorder.models.files import copy_hashed, read_hashed
from pot_reverify.errors import Rejection

CONTENT = bytes(range(256)) * 100_000


@pytest.fixture
def private(tmp_path: Path) -> Path:
    path = tmp_path / "private"
    path.mkdir()
    return path


@pytest.mark.parametrize("length", [0, 1, 8 << 20, (8 << 20) + 1, len(CONTENT)])
def test_digest_is_of_what_was_read(tmp_path: Path, private: Path, length: int) -> None:
    (tmp_path / "weights").write_bytes(CONTENT[:length])
    entry, content = read_hashed(tmp_path, "weights")
    assert bytes(content) == CONTENT[:length]
    assert entry.digest == hashlib.sha256(CONTENT[:length]).digest()
    assert entry.size_bytes == length
    assert copy_hashed(tmp_path, "weights", private) == entry
    assert (private / "weights").read_bytes() == CONTENT[:length]


def test_symlink_is_followed(tmp_path: Path) -> None:
    (tmp_path / "blob").write_bytes(b"abc")
    (tmp_path / "weights").symlink_to(tmp_path / "blob")
    assert read_hashed(tmp_path, "weights")[1] == b"abc"


@pytest.mark.parametrize("kind", ["missing", "directory", "dangling", "pipe"])
def test_unreadable(tmp_path: Path, private: Path, kind: str) -> None:
    path = tmp_path / "weights"
    if kind == "directory":
        path.mkdir()
    elif kind == "dangling":
        path.symlink_to(tmp_path / "nowhere")
    elif kind == "pipe":
        os.mkfifo(path)
    for read in (lambda: read_hashed(tmp_path, "weights"),
                 lambda: copy_hashed(tmp_path, "weights", private)):  # fmt: skip
        with pytest.raises(Rejection) as caught:
            read()
        assert caught.value.code == "model.unreadable-file"
        assert caught.value.where == str(path)


@pytest.mark.parametrize("new_length", [10, len(CONTENT) + 10])
def test_length_changes_while_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, new_length: int
) -> None:
    path = tmp_path / "weights"
    path.write_bytes(CONTENT)
    sha256 = hashlib.sha256

    def changed_at_first_use() -> object:
        os.truncate(path, new_length)
        return sha256()

    monkeypatch.setattr(files.hashlib, "sha256", changed_at_first_use)
    with pytest.raises(Rejection) as caught:
        read_hashed(tmp_path, "weights")
    assert caught.value.code == "model.file-changed"
