"""`docs/challenge-families.md` once more, in the plainest way, against the engine."""

import hashlib
import hmac
import json
import pkgutil
import re

from hypothesis import given
from hypothesis import strategies as st

from pot_reverify.challenge.prose import KINDS, derive_probes

KINDS_IN_ORDER = [
    "narrative", "encyclopaedic", "dialogue", "instructions",
    "arithmetic", "code", "tables", "languages",
]  # fmt: skip
RULES = {
    kind: json.loads(pkgutil.get_data("pot_reverify.challenge", f"prose_1/{kind}.json") or b"")[
        "rules"
    ]
    for kind in KINDS_IN_ORDER
}


class Words:
    """The stream, byte by byte."""

    def __init__(self, seed: bytes) -> None:
        self.seed = seed
        self.block = 0
        self.buffer = b""

    def next(self) -> int:
        if not self.buffer:
            message = b"pot-audit/challenge/prose/1" + self.block.to_bytes(4, "big")
            self.buffer = hmac.new(self.seed, message, hashlib.sha256).digest()
            self.block += 1
        word, self.buffer = self.buffer[:4], self.buffer[4:]
        return int.from_bytes(word, "big")

    def below(self, n: int) -> int:
        while True:
            word = self.next()
            if word < (2**32 // n) * n:
                return word % n

    def pick(self, options: list, used: list):
        """One of the options whose places are not used yet."""
        free = [place for place in range(len(options)) if place not in used]
        place = free[self.below(len(free))]
        used.append(place)
        return options[place]


def derive(seed: bytes) -> list[tuple[str, str]]:
    words = Words(seed)
    used_kinds: list[int] = []
    probes = []
    for _ in range(4):
        kind = words.pick(KINDS_IN_ORDER, used_kinds)
        probes.append((kind, expand("${text}", RULES[kind], words, {}, {})))
    return probes


def expand(template: str, rules: dict, words: Words, used: dict, values: dict) -> str:
    text, position = "", 0
    for slot in re.finditer(r"\$\{([^}]*)\}", template):
        text += template[position : slot.start()]
        position = slot.end()
        name, source = slot[1].split(":", 1) if ":" in slot[1] else (None, slot[1])
        if m := re.fullmatch(r"(\d+)\.\.(\d+)", source):
            value = [str(int(m[1]) + words.below(int(m[2]) - int(m[1]) + 1))]
        elif m := re.fullmatch(r"=([a-z_]+)(?:\.(\d))?", source):
            value = [values[m[1]][int(m[2] or 0)]]
        elif source.startswith("="):
            first, *rest = re.split(r"([-+*])", source[1:])
            total = number(first, values)
            for sign, term in zip(rest[::2], rest[1::2], strict=True):
                right = number(term, values)
                total = {"+": total + right, "-": total - right, "*": total * right}[sign]
            value = [str(total)]
        else:
            option = words.pick(rules[source], used.setdefault(source, []))
            if isinstance(option, list):
                value = option
            else:
                value = [expand(option, rules, words, used, values)]
        if name is not None:
            values[name] = value
        text += value[0]
    return text + template[position:]


def number(term: str, values: dict) -> int:
    return int(term) if term.isdigit() else int(values[term][0])


def test_kinds_are_in_the_documented_order() -> None:
    assert list(KINDS) == KINDS_IN_ORDER


@given(st.binary(min_size=32, max_size=32))
def test_the_document_and_the_engine_agree(seed: bytes) -> None:
    assert derive(seed) == [(probe.kind, probe.text) for probe in derive_probes(seed)]
