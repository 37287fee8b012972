"""The precommit as a file, and the fields that only it has."""

import base64
import json

import pytest
import valid_documents as valid
from hypothesis import given, settings

from pot_reverify.documents.precommit import (
    PAYLOAD_TYPE,
    Counterpart,
    parse_envelope,
    parse_precommit,
)
from pot_reverify.documents.signed_bytes import Signature
from pot_reverify.errors import Rejection

SIGNED = valid.SignedPrecommit(b"{}", (Signature("ed25519", "sha256:00", b"\x01"),))


def envelope() -> dict:
    return json.loads(SIGNED.to_envelope())


def refusal(document) -> str:
    with pytest.raises(Rejection) as refused:
        parse_envelope(json.dumps(document).encode(), "run.precommit")
    return refused.value.code


@settings(derandomize=True, deadline=None)
@given(valid.SIGNED_PRECOMMIT)
def test_an_envelope_is_read_back(signed):
    assert parse_envelope(signed.to_envelope(), "run.precommit") == signed


def test_the_envelope_is_that_of_dsse():
    document = envelope()
    assert document["payloadType"] == PAYLOAD_TYPE
    assert base64.b64decode(document["payload"]) == b"{}"
    assert document["signatures"][0]["keyid"] == "sha256:00"


@pytest.mark.parametrize(
    "text",
    ["e30", "e30=\n", "e3 0=", "e30==", "e31=", "-_8=", "====", "é30="],
    ids=["unpadded", "line-feed", "space", "padded-twice", "loose-bits", "url", "nothing", "other"],
)
def test_base64_has_one_form(text):
    assert refusal({**envelope(), "payload": text}) == "precommit.base64"
    signature = {"algorithm": "ed25519", "keyid": "x", "sig": text}
    assert refusal({**envelope(), "signatures": [signature]}) == "precommit.base64"


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"payloadType": "application/vnd.in-toto+json"}, "schema.unknown-value"),
        ({"payload": ""}, "schema.out-of-range"),
        ({"signatures": []}, "schema.out-of-range"),
        ({"signatures": [{}]}, "schema.missing-field"),
        ({"signatures": [{"algorithm": "a", "keyid": "b", "sig": "AA==", "cert": "c"}]},
         "schema.unknown-field"),
        ({"note": 1}, "schema.unknown-field"),
    ],
)  # fmt: skip
def test_no_other_envelope(change, code):
    assert refusal({**envelope(), **change}) == code


def precommit(**change) -> bytes:
    promise = valid.Precommit(
        run_id=bytes(16),
        created_ns=0,
        secret_commitment=bytes(32),
        preset=valid.CUSTOM,
        attempt=1,
        rule="eb/1",
        score="affinity/1",
        challenge_family="prose/1",
        reference=valid.ModelClaim("a", None),
        candidate=valid.ModelClaim("b", bytes(32)),
        counterpart=Counterpart("beacon", "drand", 1),
    )
    return json.dumps({**json.loads(promise.to_json()), **change}).encode()


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"run_id": "0" * 31}, "schema.unknown-value"),
        ({"run_id": "0" * 31 + "A"}, "schema.unknown-value"),
        ({"run_id": "0" * 33}, "schema.out-of-range"),
        ({"kind": "pot-audit/precommit/2"}, "schema.unknown-value"),
        ({"counterpart": {"kind": "party", "name": "x", "round": 1}}, "schema.unknown-value"),
        ({"counterpart": {"kind": "beacon", "name": "x", "round": None}}, "schema.unknown-value"),
        ({"counterpart": {"kind": "dice", "name": "x", "round": None}}, "schema.unknown-value"),
        ({"counterpart": {"kind": "beacon", "name": "x", "round": 0}}, "schema.out-of-range"),
        ({"secret_commitment": "sha256:"}, "digest.malformed"),
        ({"extensions": {}}, "schema.unknown-field"),
    ],
)
def test_no_other_precommit(change, code):
    assert parse_precommit(precommit()).counterpart == Counterpart("beacon", "drand", 1)
    with pytest.raises(Rejection) as refused:
        parse_precommit(precommit(**change))
    assert refused.value.code == code
    assert refused.value.where is not None
