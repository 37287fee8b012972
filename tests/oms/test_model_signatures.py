"""OpenSSF model signatures: the public vectors, what model-signing made, and one fault each."""

import base64
import contextlib
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path, PurePosixPath

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from hypothesis import given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator
from referencing import Registry, Resource

from pot_reverify.encoding.digest import sha256_digest
from pot_reverify.errors import Indeterminate, Rejection
from pot_reverify.oms.bundle import parse_oms_bundle, verify_oms_signature
from pot_reverify.oms.comparison import Finding, compare_folder
from pot_reverify.oms.statement import SignedFiles, parse_signed_files
from pot_reverify.seal.dsse import pae

FIXTURES = Path(__file__).parents[2] / "fixtures"
PUBLIC = FIXTURES / "public" / "oms"
VECTORS = PUBLIC / "test-vectors" / "v1.0"
MADE = FIXTURES / "oms"
KEY = ec.derive_private_key(11, ec.SECP256R1())
KEY_PEM = KEY.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
CARD = "notes/card.txt"
CURVES = ("p256", "p384", "p521")


def code_of(function, *arguments):
    with pytest.raises((Rejection, Indeterminate)) as caught:
        function(*arguments)
    return caught.value.code


# The model of the public vectors, see the README beside them.
VECTOR_KEY = (PUBLIC / "recovered-key.pub").read_bytes()
VECTOR_MODEL = {"signme-1": b"signme-1\n", "signme-2": b"signme-2"}


class TestPublicVectors:
    @pytest.mark.parametrize("name", ["key", "certificate"])
    def test_valid(self, name):
        bundle = parse_oms_bundle((VECTORS / "valid" / f"{name}.bundle.json").read_bytes(), name)
        verify_oms_signature(bundle, VECTOR_KEY)
        signed = parse_signed_files(bundle.payload, name)
        present = {path: sha256_digest(content) for path, content in VECTOR_MODEL.items()}
        assert signed.digests == present
        assert compare_folder(signed, present, (), present) == ()

    def test_valid_by_a_certificate_of_sigstore(self):
        """Its key lived ten minutes: whoever names it verifies the signature."""
        data = (VECTORS / "valid" / "sigstore.bundle.json").read_bytes()
        bundle = parse_oms_bundle(data, "sigstore")
        assert bundle.material == "certificate"
        from cryptography.x509 import load_der_x509_certificate

        raw = json.loads(data)["verificationMaterial"]["certificate"]["rawBytes"]
        key = load_der_x509_certificate(base64.b64decode(raw)).public_key()
        pem = key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
        verify_oms_signature(bundle, pem)
        assert code_of(verify_oms_signature, bundle, VECTOR_KEY) == "oms.signature"
        assert parse_signed_files(bundle.payload, "sigstore").name == "v1.1.0-sigstore"

    @pytest.mark.parametrize(
        ("name", "code"),
        [
            ("empty", "json.malformed"),
            ("missing-envelope", "schema.missing-field"),
            ("missing-tlog-entries", "oms.material"),
            ("missing-verification-material", "schema.missing-field"),
        ],
    )
    def test_invalid(self, name, code):
        data = (VECTORS / "invalid" / f"{name}.bundle.json").read_bytes()
        assert code_of(parse_oms_bundle, data, name) == code

    def test_invalid_payload(self):
        data = (VECTORS / "invalid-payload" / "wrong-predicate.bundle.json").read_bytes()
        bundle = parse_oms_bundle(data, "wrong-predicate")
        assert code_of(verify_oms_signature, bundle, VECTOR_KEY) == "oms.signature"
        assert code_of(parse_signed_files, bundle.payload, "payload") == "oms.predicate-type"


class TestMadeByModelSigning:
    @pytest.mark.parametrize("curve", CURVES)
    def test_it_holds(self, curve):
        bundle = parse_oms_bundle((MADE / f"{curve}.sig").read_bytes(), curve)
        verify_oms_signature(bundle, (MADE / f"{curve}.pub").read_bytes())
        signed = parse_signed_files(bundle.payload, curve)
        assert list(signed.digests) == [
            "config.json",
            "model.safetensors",
            "notes/card.txt",
            "tokenizer.json",
        ]
        assert signed.ignores("draft.md")
        assert signed.ignores(".git/HEAD")
        assert not signed.ignores("draft.md.txt")

    @pytest.mark.parametrize("curve", CURVES)
    def test_no_other_key_and_no_other_byte(self, curve):
        data = (MADE / f"{curve}.sig").read_bytes()
        bundle = parse_oms_bundle(data, curve)
        for other in {*CURVES} - {curve}:
            key = (MADE / f"{other}.pub").read_bytes()
            assert code_of(verify_oms_signature, bundle, key) == "oms.signature"
        document = json.loads(data)
        payload = base64.b64decode(document["dsseEnvelope"]["payload"])
        changed = payload.replace(b"card.txt", b"Card.txt")
        document["dsseEnvelope"]["payload"] = base64.b64encode(changed).decode()
        bundle = parse_oms_bundle(json.dumps(document).encode(), curve)
        key = (MADE / f"{curve}.pub").read_bytes()
        assert code_of(verify_oms_signature, bundle, key) == "oms.signature"


def statement(**changes):
    """A good statement over two files, with some fields of the predicate changed."""
    files = {"a": sha256_digest(b"a").hex(), "b/c": sha256_digest(b"c").hex()}
    root = sha256_digest(b"".join(bytes.fromhex(one) for one in files.values())).hex()
    document = {
        "_type": "https://in-toto.io/Statement/v1",
        "subject": [{"name": "m", "digest": {"sha256": root}}],
        "predicateType": "https://model_signing/signature/v1.0",
        "predicate": {
            "serialization": {
                "method": "files",
                "hash_type": "sha256",
                "allow_symlinks": False,
                "ignore_paths": [".git"],
            },
            "resources": [
                {"name": name, "algorithm": "sha256", "digest": digest}
                for name, digest in files.items()
            ],
        },
    }
    for place, value in changes.items():
        *path, last = place.split("__")
        inner = document
        for part in path:
            inner = inner[int(part) if part.isdigit() else part]
        inner[int(last) if last.isdigit() else last] = value
    return json.dumps(document).encode()


def bundle_of(payload, **changes):
    signature = KEY.sign(pae("application/vnd.in-toto+json", payload), ec.ECDSA(SHA256()))
    document = {
        "mediaType": "application/vnd.dev.sigstore.bundle.v0.3+json",
        "verificationMaterial": {"publicKey": {"hint": "x"}, "tlogEntries": []},
        "dsseEnvelope": {
            "payload": base64.b64encode(payload).decode(),
            "payloadType": "application/vnd.in-toto+json",
            "signatures": [{"sig": base64.b64encode(signature).decode(), "keyid": ""}],
        },
    }
    return json.dumps({**document, **changes}).encode()


def envelope(**changes):
    return {**json.loads(bundle_of(b"{}"))["dsseEnvelope"], **changes}


def test_a_good_one_of_ours():
    bundle = parse_oms_bundle(bundle_of(statement()), "good")
    verify_oms_signature(bundle, KEY_PEM)
    signed = parse_signed_files(bundle.payload, "good")
    assert signed.digests == {"a": sha256_digest(b"a"), "b/c": sha256_digest(b"c")}
    assert signed.ignored == (PurePosixPath(".git"),)


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (b"", "json.malformed"),
        (b"[]", "json.not-an-object"),
        (bundle_of(b"{}", mediaType="application/json"), "oms.media-type"),
        (bundle_of(b"{}", verificationMaterial={}), "oms.material"),
        (
            bundle_of(b"{}", verificationMaterial={"publicKey": {}, "certificate": {}}),
            "oms.material",
        ),
        (
            bundle_of(b"{}", verificationMaterial={"certificate": {}, "tlogEntries": []}),
            "oms.material",
        ),
        (bundle_of(b"{}", dsseEnvelope=envelope(payloadType="text/plain")), "oms.payload-type"),
        (bundle_of(b"{}", dsseEnvelope=envelope(signatures=[])), "oms.signature-count"),
        (
            bundle_of(b"{}", dsseEnvelope=envelope(signatures=envelope()["signatures"] * 2)),
            "oms.signature-count",
        ),
        (bundle_of(b"{}", dsseEnvelope=envelope(payload="e30")), "oms.base64"),
        (bundle_of(b"{}", dsseEnvelope=envelope(signatures=[{"sig": "*"}])), "oms.base64"),
        (bundle_of(b"{}", dsseEnvelope=envelope(signatures=["x"])), "schema.wrong-type"),
    ],
)
def test_other_bundles_are_refused(data, code):
    assert code_of(parse_oms_bundle, data, "bundle") == code


RESOURCE = {"name": "a", "algorithm": "sha256", "digest": "0" * 64}


@pytest.mark.parametrize(
    ("payload", "code"),
    [
        (b"{", "oms.json"),
        (b'{"_type": 1, "_type": 2}', "oms.json"),
        (b"[]", "schema.wrong-type"),
        (statement(_type="https://in-toto.io/Statement/v0.1"), "oms.statement-type"),
        (statement(predicateType="https://model_signing/Digests/v0.1"), "oms.predicate-type"),
        (statement(subject=[]), "oms.subject"),
        (statement(subject__0__digest__sha256="0" * 64), "oms.root-digest"),
        (statement(subject__0__digest__sha256="0" * 63), "oms.digest"),
        (statement(subject__0__digest={"sha512": "0" * 128}), "schema.missing-field"),
        (statement(predicate__serialization__method="shards"), "oms.not-by-file"),
        (statement(predicate__serialization__hash_type="blake3"), "oms.not-by-file"),
        (statement(predicate__serialization__allow_symlinks="false"), "schema.wrong-type"),
        (statement(predicate__serialization__ignore_paths=["../x"]), "oms.path"),
        (statement(predicate__serialization__ignore_paths=["."]), "oms.path"),
        (statement(predicate__resources__0__name="/a"), "oms.path"),
        (statement(predicate__resources__0__name="x/../a"), "oms.path"),
        (statement(predicate__resources__0__name="./a"), "oms.path"),
        (statement(predicate__resources__0__name=""), "oms.path"),
        (statement(predicate__resources__0__name=7), "oms.path"),
        (statement(predicate__resources__0__name="a\0"), "oms.path"),
        (statement(predicate__resources__0__name="\ud83d"), "oms.path"),
        (statement(predicate__resources__0__name="c"), "oms.unsorted"),
        (statement(predicate__resources=[RESOURCE, RESOURCE]), "oms.unsorted"),
        (statement(predicate__resources__0__digest="0" * 64), "oms.root-digest"),
        (statement(predicate__resources__0__digest="A" * 64), "oms.digest"),
        (statement(predicate__resources__0__algorithm="md5"), "oms.digest"),
        (statement(predicate__resources=[]), "oms.root-digest"),
    ],
)
def test_other_statements_are_refused(payload, code):
    assert code_of(parse_signed_files, payload, "statement") == code


@settings(derandomize=True, deadline=None, max_examples=400)
@given(st.sampled_from(["statement", "bundle"]), st.integers(0, 3000), st.binary(max_size=3))
def test_nothing_else_comes_of_damage(kind, at, new):
    good = statement() if kind == "statement" else bundle_of(statement())
    at %= len(good)
    damaged = good[:at] + new + good[at + 1 :]
    parse = parse_signed_files if kind == "statement" else parse_oms_bundle
    with contextlib.suppress(Rejection, Indeterminate):
        parse(damaged, kind)


def test_nothing_may_be_ignored():
    document = json.loads(statement())
    del document["predicate"]["serialization"]["ignore_paths"]
    signed = parse_signed_files(json.dumps(document).encode(), "statement")
    assert signed.ignored == ()
    assert not signed.ignores(".git")


@pytest.mark.parametrize("names", [["a-b", "a/b"], ["a/b", "a-b"]])
def test_names_stand_by_code_point_or_by_path(names):
    resources = [{**RESOURCE, "name": name, "digest": "0" * 64} for name in names]
    root = sha256_digest(bytes(64)).hex()
    payload = statement(predicate__resources=resources, subject__0__digest__sha256=root)
    assert list(parse_signed_files(payload, "statement").digests) == names


def test_whole_numbers_may_be_written_as_protobuf_writes_them():
    payload = statement(predicate__serialization__shard_size=8.0)
    assert parse_signed_files(payload, "statement").name == "m"


@pytest.mark.parametrize(
    "pem",
    [
        b"",
        b"-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n",
        ec.derive_private_key(3, ec.SECP256K1())
        .public_key()
        .public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo),
        ed25519.Ed25519PrivateKey.from_private_bytes(bytes(32))
        .public_key()
        .public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo),
    ],
)
def test_other_keys_are_refused(pem):
    bundle = parse_oms_bundle(bundle_of(statement()), "good")
    assert code_of(verify_oms_signature, bundle, pem) == "oms.key"


def test_without_backend_nothing_is_known(monkeypatch):
    monkeypatch.setitem(sys.modules, "cryptography.exceptions", None)
    bundle = parse_oms_bundle(bundle_of(statement()), "good")
    assert code_of(verify_oms_signature, bundle, KEY_PEM) == "oms.backend-missing"


GOOD = {"a": b"1", "b/c": b"2"}
SIGNED = SignedFiles("m", b"", GOOD, (PurePosixPath("x"),), False)


class TestComparison:
    def findings(self, present, links=(), model_files=("a",), signed=SIGNED):
        found = compare_folder(signed, present, links, model_files)
        return [(one.finding.value, one.path) for one in found]

    def test_equal(self):
        assert self.findings(GOOD) == []
        assert self.findings({**GOOD, "x/y": b"3", "x": b"4"}) == []

    def test_every_difference_is_told(self):
        present = {"a": b"0", "xy": b"3", "x/model": b"4"}
        assert self.findings(present, model_files=("a", "x/model")) == [
            ("oms.file-changed", "a"),
            ("oms.file-missing", "b/c"),
            ("oms.file-ignored", "x/model"),
            ("oms.file-additional", "xy"),
        ]

    def test_links(self):
        followed = SignedFiles("m", b"", GOOD, (), True)
        assert self.findings(GOOD, links=("a",)) == [("oms.file-link", "a")]
        assert self.findings(GOOD, links=("a",), signed=followed) == []
        assert self.findings(GOOD, links=("d",), signed=followed) == [("oms.file-link", "d")]

    def test_every_finding_has_words(self):
        assert {one.value for one in Finding} == {
            "oms.file-missing",
            "oms.file-additional",
            "oms.file-changed",
            "oms.file-ignored",
            "oms.file-link",
        }
        [found] = compare_folder(SIGNED, {**GOOD, "d": b""}, (), ())
        assert found.meaning == "in the folder, and not signed"


@pytest.fixture(scope="module")
def validators():
    schemas = {
        path.name.partition(".")[0]: json.loads(path.read_bytes())
        for path in (PUBLIC / "schemas" / "v1.0").glob("*.json")
    }
    registry = Registry().with_resources(
        (one["$id"], Resource.from_contents(one)) for one in schemas.values()
    )
    return {name: Draft202012Validator(one, registry=registry) for name, one in schemas.items()}


class TestSchemas:
    """What we accept conforms to the schemas that OMS publishes."""

    def test_ours(self, validators):
        data = bundle_of(statement())
        validators["bundle"].validate(json.loads(data))
        validators["statement"].validate(json.loads(statement()))

    @pytest.mark.parametrize("curve", CURVES)
    def test_theirs(self, validators, curve):
        document = json.loads((MADE / f"{curve}.sig").read_bytes())
        validators["bundle"].validate(document)
        payload = base64.b64decode(document["dsseEnvelope"]["payload"])
        validators["statement"].validate(json.loads(payload))


class TestCommand:
    def run(self, *arguments):
        return subprocess.run(
            [sys.executable, "-m", "pot_audit", "weights", *map(str, arguments)],
            capture_output=True,
            text=True,
            check=False,
        )

    @pytest.fixture
    def model(self, tmp_path):
        pytest.importorskip("huggingface_hub", reason="needs the `record` extra")
        return Path(shutil.copytree(MADE / "model", tmp_path / "model"))

    def check(self, model, *more, curve="p256"):
        signature = ("--oms-signature", MADE / f"{curve}.sig")
        return self.run(model, *signature, "--oms-key", MADE / f"{curve}.pub", *more)

    @pytest.mark.parametrize("curve", CURVES)
    def test_the_signed_folder(self, model, curve):
        done = self.check(model, curve=curve)
        assert done.returncode == 0, done.stderr
        assert "signed by the key that you named: 4 files, all as signed" in done.stdout
        assert "left out by the signature: " in done.stdout

    @pytest.mark.parametrize(
        ("change", "code", "path"),
        [
            (
                lambda m: (m / "notes/card.txt").write_text("x"),
                "oms.file-changed",
                "notes/card.txt",
            ),
            (lambda m: (m / "config.json").write_text("{}"), "oms.file-changed", "config.json"),
            (lambda m: (m / CARD).unlink(), "oms.file-missing", CARD),
            (lambda m: (m / "more.txt").write_text("x"), "oms.file-additional", "more.txt"),
            (lambda m: (m / "link").symlink_to("config.json"), "oms.file-link", "link"),
            (lambda m: (m / "deep").symlink_to("notes"), "oms.file-link", "deep"),
        ],
    )
    def test_a_changed_folder(self, model, change, code, path):
        change(model)
        done = self.check(model, "--json")
        assert done.returncode == 1
        found = json.loads(done.stdout)["oms"]
        assert found["holds"] is False
        assert [(one["code"], one["path"]) for one in found["findings"]] == [(code, path)]

    def test_people_read_what_differs(self, model):
        (model / CARD).unlink()
        done = self.check(model)
        assert f"signed, and not in the folder: {CARD} [oms.file-missing]" in done.stdout
        assert "NOT the folder that was signed" in done.stdout

    def test_a_name_that_is_no_text(self, model):
        (model / os.fsdecode(b"\xff")).touch()
        done = self.check(model)
        assert done.returncode == 1
        assert '\\xff" [oms.file-additional]' in done.stdout

    def test_ignored_paths_may_change(self, model):
        (model / "draft.md").write_text("another draft")
        (model / ".git").mkdir()
        (model / ".git" / "HEAD").write_text("x")
        assert self.check(model).returncode == 0

    def test_the_signature_may_lie_in_the_folder(self, model):
        shutil.copy(MADE / "p256.sig", model / "model.sig")
        arguments = ("--oms-signature", model / "model.sig", "--oms-key", MADE / "p256.pub")
        assert self.run(model, *arguments).returncode == 0

    def test_another_key(self, model):
        arguments = ("--oms-signature", MADE / "p256.sig", "--oms-key", MADE / "p384.pub")
        done = self.run(model, *arguments)
        assert done.returncode == 1
        assert "[oms.signature]" in done.stdout
        assert "NOT signed by the key that you named" in done.stdout

    def test_wrong_usage(self, model):
        assert self.run(model, "--oms-signature", MADE / "p256.sig").returncode == 2
        key = FIXTURES / "keys" / "fixtures.pub"
        done = self.run(model, "--oms-signature", MADE / "p256.sig", "--oms-key", key, "--json")
        assert done.returncode == 2
        assert json.loads(done.stdout)["error"]["code"] == "oms.key"

    def test_another_model_than_the_bundles(self, model):
        bundle = FIXTURES / "bundles" / "identical.potb"
        done = self.run(model, "--bundle", bundle)
        assert done.returncode == 1
        assert "NOT the reference of the bundle" in done.stdout
