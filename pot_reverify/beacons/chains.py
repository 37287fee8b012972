"""The public randomness beacons that this version can verify: a closed table of drand's chains.

A chain is a group of servers that sign one number after another with a shared key, one each period.
Nobody can know a round's signature before enough of them have signed it. What drand calls the chain
hash commits to all that a verifier needs, so that it is the chain's whole name.
"""

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType
from typing import Final

from pot_reverify.encoding.digest import sha256_digest

NAME_PREFIX: Final = "drand/"
MAX_ROUND: Final = 2**63 - 1
_NS_PER_S: Final = 1_000_000_000
_TEST_KEYS: Final = frozenset(
    bytes.fromhex(digest)
    for digest in (
        # fixtures/beacons/test_chains.py, in both groups
        "8dfaeba7148493692966dc47dfd226c53bb95864d4986ed57227d06228b115e3",
        "36d11694ee7b0f26f5154487e31cee69fdd619777f19932d733b26cc5d2561dd",
    )
)
"""SHA-256 of group keys whose secret key is published, because tests sign with it."""


class Scheme(StrEnum):
    """What is signed, and in which of the two groups; the ids are drand's."""

    UNCHAINED_G1 = "bls-unchained-g1-rfc9380"
    """SHA-256(round), signature in G1, key in G2."""
    CHAINED = "pedersen-bls-chained"
    """SHA-256(previous signature ‖ round), signature in G2, key in G1."""

    @property
    def is_chained(self) -> bool:
        """Whether a round can be verified only with the signature of the round before."""
        return self is Scheme.CHAINED

    @property
    def signature_bytes(self) -> int:
        """The size of a compressed signature."""
        return 96 if self.is_chained else 48

    @property
    def key_bytes(self) -> int:
        """The size of a compressed group key."""
        return 48 if self.is_chained else 96


@dataclass(frozen=True, slots=True)
class BeaconChain:
    """The parameters of a chain, as drand's ``/info`` gives them.

    Args:
        title: for people.
        scheme: what is signed.
        public_key: of the group, compressed.
        period_s: from one round to the next.
        genesis_s: Unix time of round 1.
        group_hash: of the group that began it; a chained network signs it in round 1.
        beacon_id: drand's name of the chain, which its hash takes in; ``default`` takes in nothing.
        is_declared_test: whether the reader says that it is there to try things out.
    """

    title: str
    scheme: Scheme
    public_key: bytes
    period_s: int
    genesis_s: int
    group_hash: bytes
    beacon_id: str
    is_declared_test: bool = False

    @property
    def hash(self) -> bytes:
        """The chain hash: SHA-256 over the parameters (drand, ``common/chain/info.go``)."""
        hasher = hashlib.sha256()
        hasher.update(self.period_s.to_bytes(4, "big"))
        hasher.update(self.genesis_s.to_bytes(8, "big"))
        hasher.update(self.public_key)
        hasher.update(self.group_hash)
        if self.beacon_id != "default":
            hasher.update(self.beacon_id.encode())
        return hasher.digest()

    @property
    def is_test(self) -> bool:
        """Whether it vouches for nothing: said to be for tests, or under a key that all know."""
        return self.is_declared_test or sha256_digest(self.public_key) in _TEST_KEYS

    @property
    def name(self) -> str:
        """What a precommit calls the chain."""
        return NAME_PREFIX + self.hash.hex()

    @property
    def label(self) -> str:
        """What people are shown; a chain for tests never goes without that word."""
        return f"TEST CHAIN {self.title}, which vouches for nothing" if self.is_test else self.title

    def time_ns(self, beacon_round: int) -> int:
        """Unix time at which a round is published; no earlier can it be known."""
        return (self.genesis_s + (beacon_round - 1) * self.period_s) * _NS_PER_S

    def first_round_from(self, time_ns: int) -> int:
        """The first round that is published at a time or after it."""
        periods = -((self.genesis_s * _NS_PER_S - time_ns) // (self.period_s * _NS_PER_S))
        return max(1, periods + 1)


QUICKNET: Final = BeaconChain(
    title="drand quicknet",
    scheme=Scheme.UNCHAINED_G1,
    public_key=bytes.fromhex(
        "83cf0f2896adee7eb8b5f01fcad3912212c437e0073e911fb90022d3e760183c"
        "8c4b450b6a0a6c3ac6a5776a2d1064510d1fec758c921cc22b0e17e63aaf4bcb"
        "5ed66304de9cf809bd274ca73bab4af5a6e9c76a4bc09e76eae8991ef5ece45a"
    ),
    period_s=3,
    genesis_s=1692803367,
    group_hash=bytes.fromhex("f477d5c89f21a17c863a7f937c6a6d15859414d2be09cd448d4279af331c5d3e"),
    beacon_id="quicknet",
)
DEFAULT: Final = BeaconChain(
    title="drand default",
    scheme=Scheme.CHAINED,
    public_key=bytes.fromhex(
        "868f005eb8e6e4ca0a47c8a77ceaa5309a47978a7c71bc5cce96366b5d7a5699"
        "37c529eeda66c7293784a9402801af31"
    ),
    period_s=30,
    genesis_s=1595431050,
    group_hash=bytes.fromhex("176f93498eac9ca337150b46d21dd58673ea4e3581185f869672e59fa4cb390a"),
    beacon_id="default",
)
CHAINS: Final[Mapping[str, BeaconChain]] = MappingProxyType(
    {
        "drand/52db9ba70e0cc0f6eaf7803dd07447a1f5477735fd3f661792ba94600c84e971": QUICKNET,
        "drand/8990e7a9aaed2ffed73dbd7092123d6f289930540d7651336225dc172e51b2ce": DEFAULT,
    }
)
"""By name; the names are written out, and a test compares them with the parameters."""


def find_chain(name: str, added: Iterable[BeaconChain] = ()) -> BeaconChain | None:
    """The chain that a precommit names, if it is in the table or the reader has added it."""
    return CHAINS.get(name) or next((one for one in added if one.name == name), None)
