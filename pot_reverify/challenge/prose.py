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
    "narrative": "459c32895b5cd4707f16a66508c8432cf29086d27000f74d6f3f7babeaf6ca1b",
    "encyclopaedic": "cb91c596e6ca959e9e5729ac5cd89b922fffbfd6c67ccca824884fa80d85b2b8",
    "dialogue": "bdbea16a823039f01bab94b4a9536b27f913fdaa782fa9ed8dace39d3f524179",
    "instructions": "d753252efada4253c835cfd40b46e190de598813b80e1c4c2a25cb855bc22c78",
    "arithmetic": "481fa74d8e5d81765363d9e7bf0936a522dda5f5e555ecef6d5ce8fbfd8174fa",
    "code": "939e612697c22fe40506cc628ad9150c921502c0bcbb1801c7da931d41f00108",
    "tables": "dc91b1a8ba15b1d6468a1a38a6f7201c88c987e70c4410d887981b3760cca901",
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
