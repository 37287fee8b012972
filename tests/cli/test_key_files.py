"""Passphrase files and private keys as they lie on disks, and who may read them."""

import os
import shutil
import stat
from pathlib import Path

import pytest

pytest.importorskip("cryptography")

from forked_command import run_forked

ROOT = Path(__file__).parents[2]
KEYS = ROOT / "fixtures" / "keys"
VECTORS = ROOT / "fixtures" / "vectors"
SMALL = VECTORS / "small.potb"
WORDS = "correct hörse"


@pytest.fixture
def key(tmp_path) -> Path:
    words, path = tmp_path / "words", tmp_path / "key"
    words.write_text(WORDS + "\n", encoding="utf-8")
    words.chmod(0o600)
    done = run_forked("keygen", path, "--passphrase-file", words)
    assert done.exit_code == 0, done.text
    assert "warning" not in done.text
    return path


def sign(key: Path, words: Path | None, output: Path):
    more = () if words is None else ("--passphrase-file", words)
    return run_forked("countersign", SMALL, "--signer", KEYS / "test-recorder.pub",
                      "--even-if-not-verified", "--key", key, *more, "-o", output)  # fmt: skip


@pytest.mark.parametrize(
    "content",
    [WORDS, WORDS + "\n", WORDS + "\r\n", WORDS + "\r", WORDS + "\nand more lines\n"],
)
def test_the_first_line_is_the_passphrase(key, content, tmp_path):
    words = tmp_path / "again"
    words.write_bytes(content.encode())
    words.chmod(0o600)
    done = sign(key, words, tmp_path / "x.potb")
    assert done.exit_code == 0, done.text


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "its first line is empty"),
        (b"\n" + WORDS.encode(), "its first line is empty"),
        (b"\r\n" + WORDS.encode(), "its first line is empty"),
        (b"\xef\xbb\xbf" + WORDS.encode(), "UTF-8 with a byte-order mark"),
        (WORDS.encode("utf-16"), "UTF-16"),
        (WORDS.encode("utf-16-be"), "zero bytes"),
        (b"\xfe\xff" + WORDS.encode("utf-16-be"), "UTF-16"),
        (WORDS.encode("latin-1"), "byte 9 is not UTF-8"),
        (b"correct horse".decode().encode("utf-16-le"), "zero bytes"),
        (b"x" * 5000, "a line of more than 4096 bytes"),
        (bytes(10), "zero bytes"),
    ],
)
def test_what_is_no_passphrase_is_told_and_not_repeated(key, content, said, tmp_path):
    words = tmp_path / "again"
    words.write_bytes(content)
    words.chmod(0o600)
    for arguments in (
        ("keygen", tmp_path / "new", "--passphrase-file", words),
        ("countersign", SMALL, "--signer", KEYS / "test-recorder.pub", "--key", key,
         "--even-if-not-verified", "--passphrase-file", words, "-o", tmp_path / "x.potb"),
    ):  # fmt: skip
        done = run_forked(*arguments)
        assert done.exit_code == 2
        assert said in " ".join(done.text.split()), done.text
        assert "[key.passphrase-file]" in done.text
        assert "correct" not in done.text
    assert not (tmp_path / "new").exists()


@pytest.mark.parametrize(
    ("mode", "warned"),
    [(0o600, False), (0o400, False), (0o640, True), (0o604, True), (0o620, True)],
)
def test_a_secret_that_others_can_reach_is_told_in_a_line(mode, warned, tmp_path):
    key, words = tmp_path / "key", tmp_path / "words"
    shutil.copy(KEYS / "test-stranger", key)
    words.write_text("unused\n")
    words.chmod(mode)
    key.chmod(mode)
    done = sign(key, None, tmp_path / "x.potb")
    assert done.exit_code == 0, done.text
    assert ("warning: others can use the private key" in done.text) == warned
    assert done.text.count("warning") == warned
    done = run_forked("keygen", tmp_path / "new", "--passphrase-file", words)
    assert ("warning: others can use the passphrase file" in done.text) == warned


def test_copies_of_what_only_its_owner_may_read_are_his_alone(tmp_path):
    """Hidden scores: a countersigned or partly redacted copy still holds some of them."""
    before = os.umask(0o022)
    try:
        source = tmp_path / "hidden.potb"
        shutil.copy(VECTORS / "good-hidden-scores.potb", source)
        for mode, expected in ((0o600, 0o600), (0o644, 0o644), (0o640, 0o640)):
            source.chmod(mode)
            for number, arguments in enumerate(
                (
                    ("redact", source, "--probe", "1:1", "-o"),
                    ("countersign", source, "--even-if-not-verified", "--signer",
                     KEYS / "test-recorder.pub", "--key", KEYS / "test-stranger", "-o"),
                )
            ):  # fmt: skip
                copy = tmp_path / f"{mode:o}{number}.potb"
                done = run_forked(*arguments, copy)
                assert done.exit_code == 0, done.text
                assert stat.S_IMODE(copy.stat().st_mode) == expected
    finally:
        os.umask(before)
