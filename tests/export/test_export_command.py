"""The command itself: what it refuses, what it leaves behind, what it says."""

import json
import subprocess
import sys

import pytest
from processes import BUNDLES, VECTORS, pot_audit

from pot_reverify.container.frames import HEADER, FrameType, encode_frame, read_frames_of
from pot_reverify.documents.signed_bytes import Signature

FORMS = ("dsse", "sigstore", "inspect", "ro-crate")


@pytest.mark.parametrize("form", FORMS)
def test_nothing_is_overwritten(tmp_path, form):
    output = tmp_path / "out.eval"
    output.write_text("mine")
    done = pot_audit("export", BUNDLES / "int4.potb", f"--{form}", "-o", output, "--json")
    assert done.returncode == 2
    assert json.loads(done.stdout)["error"]["code"] == "export.output-exists"
    assert [path.read_text() for path in tmp_path.iterdir()] == ["mine"]


@pytest.mark.parametrize("form", FORMS)
def test_nothing_is_left_of_a_failure(tmp_path, form):
    damaged = bytearray((BUNDLES / "int4.potb").read_bytes())
    damaged[len(damaged) // 2] ^= 1
    (tmp_path / "damaged.potb").write_bytes(damaged)
    done = pot_audit("export", tmp_path / "damaged.potb", f"--{form}", "-o", tmp_path / "o.eval")
    assert done.returncode == 2
    assert "container.crc-mismatch" in done.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["damaged.potb"]


@pytest.mark.parametrize("form", FORMS)
def test_an_unsealed_recording_is_not_exported(tmp_path, form):
    bundle = BUNDLES / "unsealed.potb"
    done = pot_audit("export", bundle, f"--{form}", "-o", tmp_path / "out.eval", "--json")
    assert done.returncode == 2
    assert json.loads(done.stdout)["error"]["code"] == "export.unsealed"


@pytest.mark.parametrize("form", FORMS)
def test_people_are_told_that_nothing_was_verified(tmp_path, form):
    done = pot_audit("export", BUNDLES / "int4.potb", f"--{form}", "-o", tmp_path / "o.eval")
    assert done.returncode == 0
    assert done.stderr.startswith("NOT VERIFIED: ")
    assert "hint: pot-audit reverify" in done.stderr


@pytest.mark.parametrize("form", FORMS)
def test_a_bundle_without_a_signature(tmp_path, form):
    bundle = VECTORS / "signature-stripped.potb"
    done = pot_audit("export", bundle, f"--{form}", "-o", tmp_path / "out.eval", "--json")
    assert done.returncode == 2
    assert json.loads(done.stdout)["error"]["code"] == "export.unsigned"
    assert list(tmp_path.iterdir()) == []


def test_a_bundle_without_a_usable_signature(tmp_path):
    bundle = VECTORS / "pq-ed25519-stripped.potb"
    done = pot_audit("export", bundle, "--sigstore", "-o", tmp_path / "out", "--json")
    assert done.returncode == 2
    assert json.loads(done.stdout)["error"]["code"] == "export.no-sigstore-signature"


def test_control_characters_of_a_signature_are_never_printed(tmp_path):
    frames = [(one.type, one.payload) for one in read_frames_of(BUNDLES / "int4.potb")]
    forged = Signature("\x1b[31mred", "sha256:\u202e", b"x").encode()
    frames.append((FrameType.SIGNATURE, forged))
    bundle = tmp_path / "forged.potb"
    bundle.write_bytes(HEADER + b"".join(encode_frame(*frame) for frame in frames))
    for form in FORMS:
        done = pot_audit("export", bundle, f"--{form}", "-o", tmp_path / f"{form}.eval")
        assert done.returncode == 0, done.stderr
        assert "\x1b" not in done.stdout + done.stderr
        assert "\u202e" not in done.stdout + done.stderr
    assert [path.name for path in tmp_path.glob("*sigstore*")] == ["sigstore.eval"]
    assert (tmp_path / "sigstore.eval").is_file()


def test_a_form_must_be_named(tmp_path):
    done = pot_audit("export", BUNDLES / "int4.potb", "-o", tmp_path / "out")
    assert done.returncode == 2
    assert "--dsse" in done.stderr


def test_exporting_needs_no_heavy_package(tmp_path):
    script = (
        "import sys; sys.argv = ['pot-audit', 'export', *sys.argv[1:]]\n"
        "from pot_audit.__main__ import main\n"
        "try: main()\n"
        "except SystemExit: print(sorted(sys.modules))\n"
    )
    arguments = [BUNDLES / "int4.potb", "--inspect", "-o", tmp_path / "out.eval"]
    modules = subprocess.run(
        [sys.executable, "-c", script, *arguments], capture_output=True, text=True, check=True
    ).stdout
    for heavy in ("torch", "numpy", "cryptography", "transformers"):
        assert f"'{heavy}'" not in modules
