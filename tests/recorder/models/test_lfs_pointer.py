import pytest

from pot_recorder.models.lfs_pointer import FIRST_BYTES, require_no_lfs_pointer
from pot_reverify.errors import Rejection

POINTER = (
    b"version https://git-lfs.github.com/spec/v1\n"
    b"oid sha256:4d7a214614ab2935c943f9e0ff69d22eadbb8f32b1258daaa5e2ca24d17e2393\n"
    b"size 12345\n"
)
OLD_POINTER = POINTER.replace(b"git-lfs.github.com/spec/v1", b"hawser.github.com/spec/v1")


@pytest.mark.parametrize("content", [POINTER, OLD_POINTER, POINTER[:FIRST_BYTES]])
def test_a_pointer_is_not_its_content(content: bytes) -> None:
    with pytest.raises(Rejection) as caught:
        require_no_lfs_pointer(content, "model.gguf")
    assert caught.value.code == "model.lfs-pointer"
    assert caught.value.where == "model.gguf"
    assert "git lfs pull" in str(caught.value)


@pytest.mark.parametrize("content", [b"", b"GGUF\x03\x00\x00\x00", b"{}", POINTER[:20]])
def test_other_files_are_left_to_their_readers(content: bytes) -> None:
    require_no_lfs_pointer(content, "model.gguf")
