"""The ``[[beacon]]`` tables of a policy file: chains that the reader accepts beside the shipped."""

import re
from typing import Final

from pot_reverify.beacons.chains import CHAINS, BeaconChain, Scheme
from pot_reverify.errors import Rejection
from pot_reverify.policy.toml_table import Table

_HEX: Final = re.compile(r"(?:[0-9a-f]{2})+", re.ASCII)
_MAX_PERIOD_S: Final = 86_400
_MAX_GENESIS_S: Final = 2**40


def take_beacons(root: Table) -> tuple[BeaconChain, ...]:
    """The chains, each with all of its parameters: the file, and no server, says what they are.

    Raises:
        Rejection: ``policy.*``.
    """
    chains: list[BeaconChain] = []
    for entry in root.take_tables("beacon"):
        chain = _take_chain(entry)
        if chain.name in {*CHAINS, *(one.name for one in chains)}:
            raise Rejection(
                "policy.repeated-beacon",
                "the chain is shipped already, or named twice",
                where=entry.where,
                got=chain.name,
            )
        chains.append(chain)
    return tuple(chains)


def _take_chain(entry: Table) -> BeaconChain:
    scheme = entry.take_str("scheme")
    if scheme not in tuple(Scheme):
        raise entry.unknown_value("scheme", scheme, tuple(Scheme))
    chain = BeaconChain(
        title=entry.take_str("name"),
        scheme=Scheme(scheme),
        public_key=_take_hex(entry, "public_key", Scheme(scheme).key_bytes),
        period_s=entry.take_int("period", 1, _MAX_PERIOD_S),
        genesis_s=entry.take_int("genesis_time", 0, _MAX_GENESIS_S),
        group_hash=_take_hex(entry, "group_hash", 32),
        beacon_id=entry.take_str("beacon_id"),
        is_declared_test=entry.take_bool("test", default=False),
    )
    pinned = entry.take_str("hash", chain.hash.hex())
    if pinned != chain.hash.hex():
        raise Rejection(
            "policy.beacon-hash",
            "the parameters are not those of this chain hash",
            where=entry.at("hash"),
            expected=pinned[:80],
            got=chain.hash.hex(),
        )
    entry.finish()
    return chain


def _take_hex(entry: Table, name: str, size: int) -> bytes:
    text = entry.take_str(name)
    if _HEX.fullmatch(text) is None or len(text) != 2 * size:
        raise Rejection(
            "policy.not-hex",
            "not lower-case hexadecimal digits of the right number",
            where=entry.at(name),
            expected=f"{2 * size} digits",
            got=f"{len(text)} characters",
        )
    return bytes.fromhex(text)
