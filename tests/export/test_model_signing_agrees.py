"""The package model-signing and we say the same of the same folders."""

import json
import shutil

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)
from processes import FIXTURES, other

from pot_recorder.models.folder import hash_folder
from pot_reverify.documents.weight_manifest import FileEntry, WeightManifest
from pot_reverify.encoding.digest import sha256_digest
from pot_reverify.errors import Rejection
from pot_reverify.oms.bundle import parse_oms_bundle, verify_oms_signature
from pot_reverify.oms.comparison import compare_folder
from pot_reverify.oms.statement import parse_signed_files

OMS = FIXTURES / "oms"
CHANGES = {
    "as signed": lambda _: None,
    "a byte more": lambda model: (model / "config.json").write_bytes(b"{} "),
    "a file less": lambda model: (model / "notes" / "card.txt").unlink(),
    "a file more": lambda model: (model / "notes" / "more.txt").write_text("x"),
    "an empty file more": lambda model: (model / "empty").touch(),
    "an empty folder more": lambda model: (model / "nothing").mkdir(),
    "a renamed file": lambda model: (model / "tokenizer.json").rename(model / "Tokenizer.json"),
    "two files swapped": lambda model: swap(model / "tokenizer.json", model / "config.json"),
    "another draft": lambda model: (model / "draft.md").write_text("x"),
    "no draft": lambda model: (model / "draft.md").unlink(),
    "a repository": lambda model: shutil.copytree(model / "notes", model / ".git"),
    "a link": lambda model: (model / "link").symlink_to("config.json"),
    "a link to a folder": lambda model: (model / "link").symlink_to("notes"),
}
VERIFY = """
import json, sys
import model_signing
folder, signature, key = sys.argv[1:4]
answers = {}
for name in sys.argv[4:]:
    verifying = model_signing.verifying.Config().use_elliptic_key_verifier(public_key=key)
    try:
        verifying.verify(f"{folder}/{name}/model", signature)
        answers[name] = True
    except ValueError:
        answers[name] = False
print(json.dumps(answers))
"""


def swap(one, two):
    content = one.read_bytes()
    one.write_bytes(two.read_bytes())
    two.write_bytes(content)


@pytest.fixture
def folders(tmp_path):
    for name, change in CHANGES.items():
        shutil.copytree(OMS / "model", tmp_path / name / "model")
        change(tmp_path / name / "model")
    return tmp_path


def ours(folder, signature, key):
    bundle = parse_oms_bundle(signature.read_bytes(), "signature")
    try:
        verify_oms_signature(bundle, key.read_bytes())
    except Rejection:
        return False
    signed = parse_signed_files(bundle.payload, "signature")
    weights = (folder / "model.safetensors").read_bytes()
    entry = FileEntry("model.safetensors", len(weights), sha256_digest(weights))
    contents = hash_folder(folder, WeightManifest.of([entry]), signed.ignores)
    return not compare_folder(signed, contents.digests, contents.links, {entry.path})


@pytest.mark.parametrize("curve", ["p256", "p384", "p521"])
def test_both_say_the_same(folders, other_python, curve):
    signature, key = OMS / f"{curve}.sig", OMS / f"{curve}.pub"
    done = other(other_python, VERIFY, folders, signature, key, *CHANGES)
    assert done.returncode == 0, done.stderr
    theirs = json.loads(done.stdout.splitlines()[-1])
    assert {name: ours(folders / name / "model", signature, key) for name in CHANGES} == theirs
    assert sum(theirs.values()) == 5


def test_both_refuse_another_key(folders, other_python):
    signature, key = OMS / "p256.sig", OMS / "p384.pub"
    done = other(other_python, VERIFY, folders, signature, key, "as signed")
    assert '"as signed": false' in done.stdout or done.returncode != 0
    assert not ours(folders / "as signed" / "model", signature, key)


SIGN = """
import sys
import model_signing
signing = model_signing.signing.Config()
signing.use_elliptic_key_signer(private_key=sys.argv[1])
signing.sign(*sys.argv[2:])
"""


def test_names_of_every_kind_are_read_as_they_were_signed(tmp_path, other_python):
    names = ["a/b", "a-b", "a.txt", "Z", "\u00e9", "\uffee", "\U0001f600", "sp ace:1", ".hidden"]
    for name in names:
        path = tmp_path / "model" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(name)
    key = ec.generate_private_key(ec.SECP256R1())
    private = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    public = key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    (tmp_path / "key").write_bytes(private)
    signature = tmp_path / "model.sig"
    done = other(other_python, SIGN, tmp_path / "key", tmp_path / "model", signature)
    assert done.returncode == 0, done.stderr
    bundle = parse_oms_bundle(signature.read_bytes(), "signature")
    verify_oms_signature(bundle, public)
    signed = parse_signed_files(bundle.payload, "signature")
    assert {path: digest.hex() for path, digest in signed.digests.items()} == {
        name: sha256_digest(name.encode()).hex() for name in names
    }
    contents = hash_folder(tmp_path / "model", WeightManifest(()), signed.ignores)
    assert compare_folder(signed, contents.digests, contents.links, ()) == ()
