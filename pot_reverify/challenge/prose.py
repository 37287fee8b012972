"""The challenge family `prose/1`: a pure function from a 32-byte seed to four probe texts.

Each probe comes from a kind of its own, each kind is a grammar in `prose_1/`, and every text of a kind has
probability at most 2^-64. The family is fixed for ever: the grammars are pinned by digest, and a change of
a grammar or of a step is a new family. Specified in `docs/challenge-families.md`.
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
    "narrative": "f983d37a8a7203daaeddc7141b9f79170e55057a1633a25e4e1395bd3a636963",
    "encyclopaedic": "592b95693fc7695c6152c59d19b10f925b6c37b9957b906eb26872b227b31f4e",
    "dialogue": "9904b44f03936f0b17234ff82cc3e1a988c37093fa88d1f0acca90408dbecc16",
    "instructions": "784fd4cd07f97a6da241ebb70abc54f494ec5169adc504f21dcbb44f83c6a2fe",
    "arithmetic": "7f431346409048a1c05ed0636ab2235bdf26eb547fae0535a7acd97abb772a6d",
    "code": "18e56e2ce09f47d6d1d3ab92d778e82e238d028832b3bc2d210891eb54267301",
    "tables": "c75a95fb68ddd60461d4bdf0a022f0c4b9281e7478e1964681ac2a3f8bd45553",
    "languages": "1e37d26d3298b7aa8c2725db7a9b75a78ad72947bf8b2e8cd53e1bfada11e703",
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
        Indeterminate: `challenge.family-data-mismatch`, a grammar file of this installation is not the
            one that the family is defined by.
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
