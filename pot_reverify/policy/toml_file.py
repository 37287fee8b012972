"""Read a policy file (TOML): every key is known, every value is what the key asks for.

``docs/policy.md`` describes the keys.
"""

import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from pot_reverify import input_files
from pot_reverify.challenge.prose import FAMILY_ID
from pot_reverify.documents.precommit import MAX_ATTEMPT
from pot_reverify.errors import Rejection
from pot_reverify.policy.demands import KIND, Policy, Withheld
from pot_reverify.policy.signers import NamedSigner, Role
from pot_reverify.policy.times import ProvenTime, TimeAuthority, TimePolicy
from pot_reverify.policy.toml_beacons import take_beacons
from pot_reverify.policy.toml_binding import take_binding
from pot_reverify.policy.toml_keys import ReadFile, take_certificate, take_signers
from pot_reverify.policy.toml_table import Table
from pot_reverify.seal.public_keys import Algorithm

MAX_POLICY_BYTES: Final = 1 << 18
_MAX_NAMED_FILE_BYTES: Final = 1 << 16
_MAX_OWNERS: Final = 64
_MAX_DOTS: Final = 128
"""In a line: a key stands in one line, and `tomllib` needs the square of its parts."""
_PRESETS: Final = ("quick", "audit", "extended", "custom")
_ALGORITHMS: Final = tuple(algorithm.value for algorithm in Algorithm)


def load_policy(path: str | Path) -> Policy:
    """Read a policy file and the keys and certificates that it names beside it.

    Raises:
        OSError: the policy file cannot be read.
        Rejection: ``policy.*``, ``key.*``, ``file.*``.
    """
    path = Path(path)

    def read_file(name: str) -> bytes:
        try:
            return input_files.read_file(path.parent / name, _MAX_NAMED_FILE_BYTES)
        except Rejection as error:
            raise Rejection("policy.file", error.message, where=name[:200]) from error

    return parse_policy(input_files.read_file(path, MAX_POLICY_BYTES), read_file)


def parse_policy(data: bytes, read_file: ReadFile) -> Policy:
    """Read the bytes of a policy file.

    Args:
        read_file: gives the content of a file that the policy names.

    Raises:
        Rejection: ``policy.*``, ``key.*``.
    """
    root = Table(_decode(data))
    kind = root.take_str("kind")
    if kind != KIND:
        raise root.unknown_value("kind", kind, (KIND,))
    accept = root.take_table("accept")
    signatures = root.take_table("signatures")
    algorithms = signatures.take_strings("algorithms", _ALGORITHMS) or frozenset()
    policy = Policy(
        name=root.take_str("name", "unnamed"),
        signers=_take_signers(root, read_file),
        quorum=tuple(map(_take_alternative, signatures.take_tables("quorum"))),
        algorithms=frozenset(map(Algorithm, algorithms)),
        presets=accept.take_strings("presets", _PRESETS),
        challenge_families=accept.take_strings("challenge_families", (FAMILY_ID,)),
        max_attempts=accept.take_int("max_attempts", 1, MAX_ATTEMPT, 8),
        withheld=_take_withheld(accept),
        requires_counterpart=accept.take_bool("counterpart", default=False),
        requires_proof=accept.take_bool("proof", default=False),
        time=_take_time(root.take_table("time"), read_file),
        binding=take_binding(root.take_table("binding"), read_file),
        beacons=take_beacons(root),
    )
    for table in (accept, signatures, root):
        table.finish()
    return policy


def _decode(data: bytes) -> Mapping[str, object]:
    if len(data) > MAX_POLICY_BYTES:
        raise Rejection("policy.too-large", f"a policy has at most {MAX_POLICY_BYTES} bytes")
    for number, line in enumerate(data.split(b"\n"), 1):
        if line.count(b".") > _MAX_DOTS:
            raise Rejection(
                "policy.not-toml", f"more than {_MAX_DOTS} dots in a line", where=f"line {number}"
            )
    try:
        return tomllib.loads(data.decode("utf-8"))
    except UnicodeDecodeError as error:
        raise Rejection(
            "policy.not-toml", "the policy is not UTF-8", where=f"byte {error.start}"
        ) from error
    # Besides its own errors, tomllib lets through what `int` and `datetime` say of their text.
    except ValueError as error:
        raise Rejection("policy.not-toml", f"not TOML: {str(error)[:200]}") from error
    except RecursionError as error:
        raise Rejection("policy.not-toml", "tables or arrays are nested too deeply") from error


def _take_signers(root: Table, read_file: ReadFile) -> tuple[NamedSigner, ...]:
    signers: list[NamedSigner] = []
    for entry in root.take_tables("signer"):
        for signer in take_signers(entry, read_file):
            if any(signer.key == other.key for other in signers):
                raise Rejection(
                    "policy.repeated-key",
                    "a key is named twice",
                    where=entry.at("public_key"),
                    got=signer.key.key_id,
                )
            signers.append(signer)
    return tuple(signers)


def _take_alternative(table: Table) -> dict[Role, int]:
    counts = {role: table.take_int(role, 1, _MAX_OWNERS) for role in Role if role in table}
    table.finish()
    if not counts:
        raise Rejection(
            "policy.quorum", "an alternative of a quorum asks for somebody", where=table.where
        )
    return counts


def _take_withheld(accept: Table) -> Withheld:
    value = accept.take_str("withheld", Withheld.NOTHING)
    if value not in tuple(Withheld):
        raise accept.unknown_value("withheld", value, tuple(Withheld))
    return Withheld(value)


def _take_time(table: Table, read_file: ReadFile) -> TimePolicy:
    required = table.take_strings("required", tuple(ProvenTime)) or frozenset()
    authorities = []
    for entry in table.take_tables("authority"):
        name = entry.take_str("name")
        root = take_certificate(entry, "root", read_file)
        pinned = "certificate" in entry
        certificate = take_certificate(entry, "certificate", read_file) if pinned else None
        entry.finish()
        authorities.append(TimeAuthority(name, root, certificate))
    table.finish()
    return TimePolicy(tuple(authorities), frozenset(map(ProvenTime, required)))
