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
    "narrative": "b44977f5ff2ad1aec5d80f22892c7bbf826b0964ef43cf640dfe624fbdf1b9df",
    "encyclopaedic": "b01343a194eda80e73d4ddfe32b7a17ece32497f139fdd1906b9a0a5f106a781",
    "dialogue": "5b516adca30c2bb9d7108aa78dbdbeeb62d5c6cde7d9a50fe9fd7a281489e10b",
    "instructions": "67a02e74ca9f262cce4b28afac8aef6fed57bad440220a12ecfc452caf384f1d",
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
