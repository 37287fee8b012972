"""DSSE: the example of its specification, and that no two pairs sign the same bytes."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pot_recorder.keys import generate_private_keys
from pot_reverify.errors import Rejection
from pot_reverify.seal.dsse import pae
from pot_reverify.seal.signatures import verify_signature

PROTOCOL = Path(__file__).parents[2] / "fixtures" / "public" / "dsse" / "protocol.md"


def test_example_of_the_specification():
    examples = PROTOCOL.read_text().partition("## Test Vectors")[2]
    payload, payload_type, encoding = re.findall(r"```none\n(.*?)\n```", examples)[:3]
    assert payload == "hello world"
    assert pae(payload_type, payload.encode()) == encoding.encode()


def test_lengths_count_bytes():
    assert pae("", b"") == b"DSSEv1 0  0 "
    assert pae("t\u00e9", "\u00e9\n".encode()) == b"DSSEv1 3 t\xc3\xa9 3 \xc3\xa9\n"
    assert pae("a", bytes(256))[:15] == b"DSSEv1 1 a 256 "


@settings(derandomize=True, max_examples=300)
@given(st.text("a 1", max_size=6), st.binary(max_size=6), st.text("a 1", max_size=6), st.binary())
def test_no_two_pairs_encode_alike(type_1, payload_1, type_2, payload_2):
    alike = pae(type_1, payload_1) == pae(type_2, payload_2)
    assert alike == ((type_1, payload_1) == (type_2, payload_2))
    # Moving the border between the two changes the lengths.
    joined = f"{type_1} {len(payload_1)} ".encode() + payload_1
    assert pae("", joined) != pae(type_1, payload_1)


@pytest.mark.parametrize("post_quantum", [False, True])
def test_a_signature_holds_for_one_payload_type(post_quantum):
    signer = generate_private_keys(post_quantum=post_quantum)[-1]
    signature = signer.sign(pae("application/vnd.in-toto+json", b"{}"))
    verify_signature(signer.public_key, pae("application/vnd.in-toto+json", b"{}"), signature)
    with pytest.raises(Rejection) as caught:
        verify_signature(signer.public_key, pae("text/plain", b"{}"), signature)
    assert caught.value.code == "signature.invalid"


@pytest.mark.skipif(shutil.which("openssl") is None, reason="needs the openssl command")
@pytest.mark.parametrize(("tampered", "answer"), [(False, 0), (True, 1)])
def test_plain_openssl_verifies_our_signatures(tmp_path, tampered, answer):
    """The recipe of docs/format.md, for archives that keep none of this code."""
    [signer] = generate_private_keys(post_quantum=False)
    message = pae("application/vnd.in-toto+json", b'{"a":1}')
    (tmp_path / "signature").write_bytes(signer.sign(message))
    (tmp_path / "key.pub").write_bytes(signer.public_key.to_pem())
    (tmp_path / "pae").write_bytes(message + b" " * tampered)
    result = subprocess.run(
        [
            *("openssl", "pkeyutl", "-verify", "-rawin", "-pubin", "-inkey", "key.pub"),
            *("-sigfile", "signature", "-in", "pae"),
        ],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.returncode == answer
    assert ("Signature Verified Successfully" in result.stdout) == (answer == 0)
