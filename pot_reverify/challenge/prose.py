"""The challenge family `prose/1`: a pure function from a 32-byte seed to four probe texts.

Each probe comes from a kind of its own, each kind is a grammar in `prose_1/`, and every text of a
kind has probability at most 2^-64. The family is fixed for ever: the grammars are pinned by digest,
and a change of a grammar or of a step is a new family. Specified in `docs/challenge-families.md`.
"""

import hmac
import json
import pkgutil
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from itertools import count
from struct import Struct
from typing import Final

from pot_reverify.challenge.grammar import Grammar, draw_untaken
from pot_reverify.encoding.digest import format_digest, sha256_digest
from pot_reverify.errors import Indeterminate

FAMILY_ID: Final = "prose/1"
SEED_BYTES: Final = 32

# The order is part of the family: kinds are drawn by their place in it.
_GRAMMAR_DIGESTS: Final = {
    "narrative": "9628959c6cdc43045b2e7261e1a0b3ac1dd1c9899dff53b9d95fba81d7e16bf2",
    "encyclopaedic": "06d478f0281da17d0cb71f6be52ae93b9243a78f865b0ac195ce56e4b456207b",
    "dialogue": "e7dd786b4b0d2331d74ac6256c8d314833f2bb80170bcaf7433e1d491505f852",
    "instructions": "cfcfca95c1c6d024608f882424f99c01c6e1514da24376a511893fc83d116fa9",
    "arithmetic": "f669bec226f1af9244bba96249e97cdf837929a4d9586cd028c0e7f15f39a58c",
    "code": "d0af7b4cb9092def01562563edbc443581928e65363ed0ae7a71aada7eef5013",
    "tables": "bfa96aff60cfdcc47bc3fe9c9804c0ca41dde8b3f001f3dde766bd76547d3b16",
    "languages": "bfe19269ea2e13810cf69935ec34ce4834ddb28111cc9112a7c48930faecec03",
}
KINDS: Final = tuple(_GRAMMAR_DIGESTS)

_STREAM_LABEL: Final = b"pot-audit/challenge/prose/1"
_split_words: Final = Struct(">8I").unpack


@dataclass(frozen=True, slots=True)
class Probe:
    """One text of a challenge and the kind of text that it is."""

    kind: str
    text: str


def derive_probes(seed: bytes) -> tuple[Probe, Probe, Probe, Probe]:
    """Derive the four probes of a challenge, of four different kinds.

    Args:
        seed: the challenge's seed, 32 bytes.

    Raises:
        ValueError: the seed has another length.
        Indeterminate: ``challenge.family-data-mismatch``: a grammar file of this installation is
            missing or not the one that defines the family.
    """
    if len(seed) != SEED_BYTES:
        raise ValueError(f"a seed has {SEED_BYTES} bytes, this one {len(seed)}")
    words = _random_words(seed)
    taken: list[int] = []

    def draw_probe() -> Probe:
        kind = KINDS[draw_untaken(words, len(KINDS), taken)]
        return Probe(kind, _grammars()[kind].expand(words))

    return draw_probe(), draw_probe(), draw_probe(), draw_probe()


def _random_words(seed: bytes) -> Iterator[int]:
    """HMAC-SHA256 in counter mode: eight big-endian 32-bit words a block."""
    for block in count():
        message = _STREAM_LABEL + block.to_bytes(4, "big")
        yield from _split_words(hmac.digest(seed, message, "sha256"))


@cache
def _grammars() -> dict[str, Grammar]:
    return {kind: Grammar(_load_rules(kind)) for kind in KINDS}


def _load_rules(kind: str) -> dict[str, list[str | list[str]]]:
    path = f"prose_1/{kind}.json"
    try:
        data = pkgutil.get_data(__package__, path) or b""
    except OSError:
        data = b""
    expected, got = f"sha256:{_GRAMMAR_DIGESTS[kind]}", format_digest(sha256_digest(data))
    if got != expected:
        # It says nothing about the bundle: this installation cannot tell.
        raise Indeterminate(
            "challenge.family-data-mismatch",
            f"a grammar of {FAMILY_ID} is not the pinned one: expected {expected}, got {got}",
            where=path,
            needs="pip install --force-reinstall pot-audit",
        )
    rules: dict[str, list[str | list[str]]] = json.loads(data)["rules"]
    return rules
