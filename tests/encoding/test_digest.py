"""Digests: one text form."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pot_reverify.encoding.digest import format_digest, parse_digest, sha256_digest
from pot_reverify.errors import Rejection

ABC = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"  # FIPS 180-2, B.1


def test_sha256():
    assert sha256_digest(b"abc").hex() == ABC


@settings(derandomize=True)
@given(st.binary(min_size=32, max_size=32))
def test_round_trip(digest):
    assert parse_digest(format_digest(digest)) == digest


@pytest.mark.parametrize(
    "text",
    [
        "",
        ABC,
        f"sha256:{ABC.upper()}",
        f"SHA256:{ABC}",
        f"sha512:{ABC}",
        f"sha256:{ABC[1:]}",
        f"sha256:{ABC}0",
        f"sha256:{ABC}\n",
        f" sha256:{ABC}",
        f"sha256: {ABC}",
        f"sha256:{ABC[:-1]}g",
        f"sha256:{ABC[:-1]}\u0661",
        f"sha256:sha256:{ABC}",
    ],
)
def test_other_texts_are_refused(text):
    with pytest.raises(Rejection) as caught:
        parse_digest(text)
    assert caught.value.code == "digest.malformed"


@pytest.mark.parametrize("length", [0, 31, 33])
def test_other_lengths_are_not_digests(length):
    with pytest.raises(ValueError, match="32 bytes"):
        format_digest(bytes(length))
