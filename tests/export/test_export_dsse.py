"""The DSSE envelope, as OpenSSL and securesystemslib see it."""

import base64
import json
import shutil
import subprocess

import pytest
from processes import BUNDLES, KEYS, VECTORS, other

from pot_reverify.container.frames import FrameType, read_frames_of
from pot_reverify.seal.public_keys import parse_public_keys

SIGNED_BY = [
    (BUNDLES / "identical.potb", ["fixtures.pub"]),
    (VECTORS / "p256-good.potb", ["test-recorder.pub", "test-auditor-p256.pub"]),
    (VECTORS / "p256-alone.potb", ["test-auditor-p256.pub"]),
]
# DSSE's own encoding, written again.
PAE = b"DSSEv1 %d %b %d %b"

SECURESYSTEMSLIB = """
import json, sys
from cryptography.hazmat.primitives.serialization import load_pem_public_key
from securesystemslib.dsse import Envelope
from securesystemslib.signer import SSlibKey
keys = []
for path, keyid in zip(sys.argv[2::2], sys.argv[3::2]):
    keys.append(SSlibKey.from_crypto(load_pem_public_key(open(path, "rb").read()), keyid))
envelope = Envelope.from_dict(json.load(open(sys.argv[1])))
accepted = envelope.verify(keys, len(keys))
print(len(accepted), envelope.payload_type)
"""


def pairs(names):
    for name in names:
        [key] = parse_public_keys((KEYS / name).read_bytes())
        yield from (KEYS / name, key.key_id)


@pytest.mark.parametrize(("bundle", "keys"), SIGNED_BY, ids=lambda value: str(value)[-20:])
def test_the_payload_is_the_statement_byte_for_byte(export, bundle, keys):
    envelope = json.loads(export(bundle, "dsse").read_bytes())
    [statement] = [f.payload for f in read_frames_of(bundle) if f.type is FrameType.STATEMENT]
    assert base64.b64decode(envelope["payload"], validate=True) == statement
    assert envelope["payloadType"] == "application/vnd.in-toto+json"
    assert [one["keyid"] for one in envelope["signatures"]] == list(pairs(keys))[1::2]


@pytest.mark.skipif(shutil.which("openssl") is None, reason="needs the openssl command")
@pytest.mark.parametrize(("bundle", "keys"), SIGNED_BY, ids=lambda value: str(value)[-20:])
def test_openssl_verifies_every_signature(export, tmp_path, bundle, keys):
    envelope = json.loads(export(bundle, "dsse").read_bytes())
    payload, kind = base64.b64decode(envelope["payload"]), envelope["payloadType"].encode()
    for name, one in zip(keys, envelope["signatures"], strict=True):
        signature = base64.b64decode(one["sig"])
        for changed, good in ((payload, True), (payload + b" ", False)):
            message = PAE % (len(kind), kind, len(changed), changed)
            assert openssl_accepts(tmp_path, KEYS / name, message, signature) is good
        message = PAE % (len(kind), kind, len(payload), payload)
        assert not openssl_accepts(tmp_path, KEYS / "test-stranger.pub", message, signature)
        damaged = signature[:-1] + bytes([signature[-1] ^ 1])
        assert not openssl_accepts(tmp_path, KEYS / name, message, damaged)


@pytest.mark.parametrize(("bundle", "keys"), SIGNED_BY, ids=lambda value: str(value)[-20:])
def test_securesystemslib_verifies_every_signature(export, other_python, bundle, keys):
    output = export(bundle, "dsse")
    done = other(other_python, SECURESYSTEMSLIB, output, *pairs(keys))
    assert done.stdout.split() == [str(len(keys)), "application/vnd.in-toto+json"], done.stderr


def test_securesystemslib_refuses_another_key_and_another_statement(export, other_python):
    bundle, [key] = SIGNED_BY[0]
    output = export(bundle, "dsse")
    _, key_id = pairs([key])
    done = other(other_python, SECURESYSTEMSLIB, output, KEYS / "test-stranger.pub", key_id)
    assert (done.returncode, "VerificationError" in done.stderr) == (1, True)
    envelope = json.loads(output.read_bytes())
    payload = base64.b64decode(envelope["payload"]).replace(b'"SAME"', b'"DIFF"', 1)
    assert payload != base64.b64decode(envelope["payload"])
    envelope["payload"] = base64.b64encode(payload).decode()
    output.write_text(json.dumps(envelope))
    done = other(other_python, SECURESYSTEMSLIB, output, KEYS / key, key_id)
    assert (done.returncode, "VerificationError" in done.stderr) == (1, True)


def test_the_statement_is_one_that_in_toto_reads(export, other_python):
    script = """
import base64, json, sys
from google.protobuf.json_format import Parse
from in_toto_attestation.v1 import statement, statement_pb2
payload = base64.b64decode(json.load(open(sys.argv[1]))["payload"])
parsed = statement.Statement.copy_from_pb(Parse(payload, statement_pb2.Statement()))
parsed.validate()
print(parsed.pb.predicate_type, parsed.pb.subject[0].name)
"""
    done = other(other_python, script, export(BUNDLES / "int4.potb", "dsse"))
    assert done.stdout.split() == ["urn:pot-audit:predicate:decision:1", "checkpoint"], done.stderr


def openssl_accepts(folder, key, message, signature):
    (folder / "pae").write_bytes(message)
    (folder / "signature").write_bytes(signature)
    command = ["openssl", "pkeyutl", "-verify", "-rawin", "-pubin", "-inkey", key]
    done = subprocess.run(
        [*command, "-in", folder / "pae", "-sigfile", folder / "signature"],
        capture_output=True,
        check=False,
    )
    return done.returncode == 0
