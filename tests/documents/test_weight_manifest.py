"""Weight manifests: order, uniqueness, and a root digest that anybody can recompute."""

import hashlib
import json

import msgpack
import pytest

from pot_reverify.documents.weight_manifest import (
    FileEntry,
    WeightManifest,
    parse_weight_manifest,
)
from pot_reverify.errors import Rejection

FILES = [
    FileEntry("model.safetensors", 5, b"\x01" * 32),
    FileEntry("config.json", 2, b"\x02" * 32),
    FileEntry("𐌀.bin", 0, b"\x03" * 32),
    FileEntry("\uffff.bin", 0, b"\x03" * 32),
]


def test_files_stand_in_the_order_of_their_paths_bytes():
    """Which is not that of UTF-16: U+FFFF sorts below U+10300 in UTF-8, above it in UTF-16."""
    manifest = WeightManifest.of(FILES)
    assert [file.path for file in manifest.files] == [
        "config.json",
        "model.safetensors",
        "\uffff.bin",
        "𐌀.bin",
    ]
    assert parse_weight_manifest(manifest.to_json(), "weights") == manifest


def test_the_root_digest_is_the_specified_one():
    manifest = WeightManifest.of(FILES[:2])
    listed = {"files": [["config.json", 2, b"\x02" * 32], ["model.safetensors", 5, b"\x01" * 32]]}
    specified = b"pot-audit/weights/1\x00" + msgpack.packb(listed)
    assert manifest.root_digest == hashlib.sha256(specified).digest()


def test_a_path_stands_once():
    with pytest.raises(Rejection) as refused:
        WeightManifest.of(FILES[:1] * 2)
    assert refused.value.code == "weights.unsorted"


def test_a_model_has_files():
    with pytest.raises(Rejection) as refused:
        WeightManifest.of([])
    assert refused.value.code == "weights.empty"


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"digest": "0" * 63}, "digest.malformed"),
        ({"digest": "A" * 64}, "digest.malformed"),
        ({"algorithm": "sha512"}, "schema.unknown-value"),
        ({"name": ""}, "schema.out-of-range"),
        ({"size_bytes": -1}, "schema.out-of-range"),
        ({"mode": 1}, "schema.unknown-field"),
    ],
)
def test_no_other_entry(change, code):
    document = json.loads(WeightManifest.of(FILES).to_json())
    document["resources"][0].update(change)
    with pytest.raises(Rejection) as refused:
        parse_weight_manifest(json.dumps(document).encode(), "weights")
    assert refused.value.code == code
