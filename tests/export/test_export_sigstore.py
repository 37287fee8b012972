"""Sigstore bundles, as sigstore-js sees them."""

import base64
import json
import subprocess

import pytest
from processes import BUNDLES, HERE, KEYS, VECTORS, pot_audit

SINGLE = [
    (BUNDLES / "identical.potb", "fixtures.pub"),
    (VECTORS / "p256-alone.potb", "test-auditor-p256.pub"),
]


@pytest.fixture
def sigstore_js(node_modules):
    def run(bundle, key):
        return subprocess.run(
            ["node", HERE / "verify_sigstore.mjs", node_modules, bundle, key],
            capture_output=True,
            text=True,
            check=False,
        )

    return run


@pytest.mark.parametrize(("bundle", "key"), SINGLE, ids=["ed25519", "ecdsa-p256"])
def test_sigstore_js_verifies_what_was_exported(export, sigstore_js, bundle, key):
    output = export(bundle, "sigstore")
    done = sigstore_js(output, KEYS / key)
    assert done.stdout.split() == ["VERIFIED"], done.stderr


@pytest.mark.parametrize(("bundle", "key"), SINGLE, ids=["ed25519", "ecdsa-p256"])
def test_sigstore_js_refuses_another_key(export, sigstore_js, bundle, key):
    for stranger in {"test-stranger.pub", "fixtures.pub", "test-auditor-p256.pub"} - {key}:
        done = sigstore_js(export(bundle, "sigstore", stranger), KEYS / stranger)
        assert (done.returncode, done.stdout) == (1, "")
        assert "SIGNATURE_ERROR" in done.stderr


@pytest.mark.parametrize(("bundle", "key"), SINGLE, ids=["ed25519", "ecdsa-p256"])
@pytest.mark.parametrize("part", ["payload", "payloadType", "sig", "second"])
def test_sigstore_js_refuses_a_changed_bundle(export, sigstore_js, bundle, key, part):
    output = export(bundle, "sigstore")
    document = json.loads(output.read_bytes())
    envelope = document["dsseEnvelope"]
    if part == "payload":
        payload = bytearray(base64.b64decode(envelope["payload"]))
        payload[40] ^= 1
        envelope["payload"] = base64.b64encode(payload).decode()
    elif part == "payloadType":
        envelope["payloadType"] = "application/json"
    elif part == "sig":
        signature = bytearray(base64.b64decode(envelope["signatures"][0]["sig"]))
        signature[-1] ^= 1
        envelope["signatures"][0]["sig"] = base64.b64encode(signature).decode()
    else:
        envelope["signatures"].append(envelope["signatures"][0])
    output.write_text(json.dumps(document))
    done = sigstore_js(output, KEYS / key)
    assert (done.returncode, done.stdout) == (1, "")
    assert "ERROR" in done.stderr or "ValidationError" in done.stderr


def test_several_signers_become_a_folder(export, sigstore_js):
    folder = export(VECTORS / "p256-good.potb", "sigstore")
    names = sorted(path.name for path in folder.iterdir())
    assert names == ["01-ed25519.sigstore.json", "02-ecdsa-p256.sigstore.json"]
    for name, key in zip(names, ("test-recorder.pub", "test-auditor-p256.pub"), strict=True):
        assert sigstore_js(folder / name, KEYS / key).stdout.split() == ["VERIFIED"]


def test_ml_dsa_is_left_out_and_said_so(tmp_path, sigstore_js):
    output = tmp_path / "out.json"
    done = pot_audit("export", VECTORS / "base-pq.potb", "--sigstore", "-o", output, "--json")
    [left_out] = json.loads(done.stdout)["left_out"]
    assert left_out.startswith("ml-dsa-65 sha256:")
    assert "left out: ml-dsa-65" in done.stderr
    (tmp_path / "key.pub").write_bytes(
        b"".join((KEYS / "test-recorder-pq.pub").read_bytes().partition(b"-----END")[:1])
        + b"-----END PUBLIC KEY-----\n"
    )
    assert sigstore_js(output, tmp_path / "key.pub").stdout.split() == ["VERIFIED"]


def test_the_hint_is_the_key_id(export):
    output = export(SINGLE[0][0], "sigstore")
    document = json.loads(output.read_bytes())
    hint = document["verificationMaterial"]["publicKey"]["hint"]
    assert hint in pot_audit("show", SINGLE[0][0]).stdout
    assert len(document["dsseEnvelope"]["signatures"]) == 1
