"""What is opened, what is refused at once, and that what is judged is what was hashed."""

import hashlib
import os
import socket
import subprocess
import sys
import threading
from io import BufferedIOBase
from pathlib import Path

import pytest

from pot_reverify import (
    Policy,
    VerdictWord,
    Withheld,
    input_files,
    load_policy,
    load_signer,
    verify,
)
from pot_reverify.container import frames
from pot_reverify.documents import bundle_file
from pot_reverify.errors import Rejection
from pot_reverify.input_files import open_file_or_pipe, open_regular, read_file

FIXTURES = Path(__file__).parents[2] / "fixtures"
BASE = FIXTURES / "vectors" / "base.potb"
KEY = FIXTURES / "keys" / "test-recorder.pub"


def special(kind: str, folder: Path) -> Path:
    path = folder / kind
    if kind == "fifo":
        os.mkfifo(path)
    elif kind == "link":
        os.mkfifo(folder / "target")
        path.symlink_to(folder / "target")
    elif kind == "socket":
        with socket.socket(socket.AF_UNIX) as made:
            made.bind(str(path))
    elif kind == "folder":
        path.mkdir()
    else:
        path = Path("/dev/zero")
    return path


SPECIAL = ("fifo", "link", "socket", "folder", "device")


@pytest.mark.parametrize("kind", SPECIAL)
@pytest.mark.parametrize("open_it", [open_regular, read_file])
def test_what_is_no_file_is_refused_at_once(kind, open_it, tmp_path):
    with pytest.raises(Rejection) as refused:
        open_it(special(kind, tmp_path))
    assert refused.value.code == "file.not-regular"


@pytest.mark.parametrize("kind", SPECIAL)
def test_a_bundle_that_is_no_file_is_unreadable(kind, tmp_path):
    verdict = verify(special(kind, tmp_path))
    assert verdict.word is VerdictWord.UNREADABLE
    assert verdict.checks[0].code == "file.not-regular"


@pytest.mark.parametrize("load", [load_policy, load_signer])
def test_keys_and_policies_are_files(load, tmp_path):
    with pytest.raises(Rejection) as refused:
        load(special("fifo", tmp_path))
    assert refused.value.code == "file.not-regular"


def test_what_a_policy_names_is_a_file(tmp_path):
    os.mkfifo(tmp_path / "key.pub")
    policy = tmp_path / "policy.toml"
    text = 'kind = "pot-audit/policy/1"\n[[signer]]\nname = "s"\npublic_key = "key.pub"\n'
    policy.write_text(text)
    with pytest.raises(Rejection) as refused:
        load_policy(policy)
    assert refused.value.code == "policy.file"


def test_a_path_that_is_none_is_refused():
    verdict = verify("a\x00b")
    assert (verdict.word, verdict.checks[0].code) == (VerdictWord.UNREADABLE, "file.not-regular")


def test_long_documents_are_not_read(tmp_path):
    path = tmp_path / "key.pub"
    with path.open("wb") as file:
        file.truncate(1 << 40)
    with pytest.raises(Rejection) as refused:
        load_signer(path)
    assert refused.value.code == "file.too-large"


@pytest.mark.parametrize(
    "arguments",
    [
        ["reverify"], ["show"], ["policy", "check"], ["redact", "--probe", "1", "-o", "out"],
        ["export", "--as", "dsse", "-o", "out"], ["quote"],
        ["countersign", "--key", str(FIXTURES / "keys" / "fixtures.key"), "--detached", "out"],
        ["reverify", str(BASE), "--signer"], ["reverify", str(BASE), "--policy"],
        ["weights"],
    ],
    ids=lambda words: " ".join(Path(word).name for word in words),
)  # fmt: skip
def test_no_command_waits_for_a_named_pipe(arguments, tmp_path):
    os.mkfifo(tmp_path / "pipe")
    done = subprocess.run(
        [sys.executable, "-m", "pot_audit", *arguments, "pipe"],
        cwd=tmp_path, capture_output=True, text=True, timeout=60, check=False,
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])},
    )  # fmt: skip
    assert done.returncode == 2, done.stdout + done.stderr
    assert "Traceback" not in done.stderr
    assert not (tmp_path / "out").exists()


def reverify(arguments: list[str], **options) -> subprocess.CompletedProcess:
    return subprocess.run(
        [sys.executable, "-m", "pot_audit", "reverify", *arguments],
        capture_output=True, timeout=120, check=False, **options,
    )  # fmt: skip


@pytest.mark.parametrize("name", ["-", "/dev/stdin", "/dev/fd/0", "/proc/self/fd/0"])
@pytest.mark.parametrize("is_pipe", [True, False])
def test_standard_input_is_read_by_each_of_its_names(name, is_pipe):
    arguments = [name, "--signer", str(KEY)]
    if is_pipe:
        done = reverify(arguments, input=BASE.read_bytes())
    else:
        with BASE.open("rb") as file:
            done = reverify(arguments, stdin=file)
    assert done.returncode == 0, done.stderr


def test_the_pipe_of_a_shell_is_read():
    receiving, sending = os.pipe()
    writer = threading.Thread(target=_write, args=(sending, BASE.read_bytes()))
    writer.start()
    done = reverify([f"/dev/fd/{receiving}", "--signer", str(KEY)], pass_fds=(receiving,))
    writer.join()
    os.close(receiving)
    assert done.returncode == 0, done.stderr


def _write(descriptor: int, data: bytes) -> None:
    with os.fdopen(descriptor, "wb") as pipe:
        pipe.write(data)


def test_a_pipe_that_never_ends_is_not_copied_when_it_holds_no_bundle():
    receiving, sending = os.pipe()
    os.write(sending, b"no bundle, and more of it than anybody has room for" * 100)
    with open_file_or_pipe(f"/dev/fd/{receiving}", 1 << 40, frames.MAGIC) as stream:
        assert len(stream.read()) == 64
    os.close(sending)
    os.close(receiving)


def test_a_pipe_is_read_no_further_than_a_file_may_be_long():
    receiving, sending = os.pipe()
    writer = threading.Thread(target=_write, args=(sending, frames.MAGIC + bytes(4000)))
    writer.start()
    with open_file_or_pipe(f"/dev/fd/{receiving}", 1000, frames.MAGIC) as stream:
        assert len(stream.read()) == 1001
    writer.join()
    os.close(receiving)


def test_a_device_is_no_standard_input():
    with Path("/dev/zero").open("rb") as zeros:
        done = reverify(["-"], stdin=zeros)
    assert done.returncode == 2
    assert b"file.not-regular" in done.stdout


class Counted:
    """A file that counts the bytes that are read from it."""

    def __init__(self, stream: BufferedIOBase) -> None:
        self._stream = stream
        self.read_bytes = 0

    def read(self, size: int = -1) -> bytes:
        data = self._stream.read(size)
        self.read_bytes += len(data)
        return data


@pytest.mark.parametrize("name", ["base.potb", "crc-payload.potb", "head-twice.potb"])
def test_every_byte_is_read_once_and_hashed(name):
    path = FIXTURES / "vectors" / name
    with path.open("rb") as file:
        stream = Counted(file)
        found = bundle_file.read_bundle_stream(stream, path.stat().st_size)
    assert stream.read_bytes == path.stat().st_size
    assert found.digest == hashlib.sha256(path.read_bytes()).digest()


def test_a_file_that_is_replaced_meanwhile_is_judged_as_it_was_read(tmp_path, monkeypatch):
    path = tmp_path / "bundle.potb"
    path.write_bytes(BASE.read_bytes())
    real = bundle_file.read_bundle

    def replace_then_read(stream, size_bytes):
        (tmp_path / "other").write_bytes((FIXTURES / "vectors" / "small.potb").read_bytes())
        (tmp_path / "other").replace(path)
        return real(stream, size_bytes)

    monkeypatch.setattr(bundle_file, "read_bundle", replace_then_read)
    verdict = verify(path, Policy(signers=load_signer(KEY), withheld=Withheld.SCORES))
    assert verdict.word is VerdictWord.VERIFIED
    assert verdict.file_digest == hashlib.sha256(BASE.read_bytes()).digest()


def test_a_file_that_grows_while_it_is_read_is_refused(tmp_path, monkeypatch):
    path = tmp_path / "bundle.potb"
    path.write_bytes(BASE.read_bytes())
    real = bundle_file.read_bundle

    def append_then_read(stream, size_bytes):
        with path.open("ab") as file:
            file.write(b"more")
        return real(stream, size_bytes)

    monkeypatch.setattr(bundle_file, "read_bundle", append_then_read)
    verdict = verify(path)
    assert verdict.word is VerdictWord.REJECTED
    assert "container.file-changed" in {check.code for check in verdict.checks}


@pytest.mark.parametrize("size_bytes", [frames.MAX_FILE_BYTES, frames.MAX_FILE_BYTES + 1])
def test_a_sparse_file_is_not_hashed_once_it_is_refused(tmp_path, size_bytes):
    path = tmp_path / "sparse.potb"
    with path.open("wb") as file:
        file.write(BASE.read_bytes())
        file.truncate(size_bytes)
    with path.open("rb") as file:
        stream = Counted(file)
        found = bundle_file.read_bundle_stream(stream, size_bytes)
    assert isinstance(found.bundle, Rejection)
    assert found.digest is None
    assert stream.read_bytes < 1_000_000


def test_the_door_is_the_only_one():
    """Nobody opens an input otherwise; what this program wrote itself is none."""
    packages = ("pot_audit", "pot_recorder", "pot_reverify")
    root = Path(__file__).parents[2]
    found = {
        f"{path.relative_to(root)}: {line.strip()}"
        for package in packages
        for path in (root / package).rglob("*.py")
        for line in path.read_text().splitlines()
        if ".read_bytes()" in line or '.open("rb")' in line
    }
    allowed = {
        "pot_recorder/models/folder.py": "looked at before",
        "pot_recorder/models/gguf_loading.py": "a private copy, made while it was hashed",
        "pot_recorder/promised_time.py": "written by the recorder",
        "pot_recorder/software.py": "this program",
        "pot_reverify/checks/schemas.py": "this program",
        "pot_reverify/proof/params.py": "written by this program",
        "pot_reverify/proof/registry.py": "this program",
        "pot_reverify/quotes/roots/__init__.py": "this program",
    }
    assert {line.partition(":")[0] for line in found} <= allowed.keys(), found
    assert input_files.MAX_DOCUMENT_BYTES == 1 << 20
