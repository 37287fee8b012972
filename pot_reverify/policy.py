"""What the reader demands and whom the reader names; nothing in a bundle can change it."""

from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from pot_reverify.encoding import strict_json
from pot_reverify.encoding.digest import sha256_digest
from pot_reverify.errors import Rejection
from pot_reverify.seal.public_keys import PublicKey, parse_public_keys


class Role(StrEnum):
    """What a named signer may vouch for."""

    RECORDER = "recorder"
    VENDOR = "vendor"
    AUDITOR = "auditor"
    TEE = "tee"


@dataclass(frozen=True, slots=True)
class NamedSigner:
    """A key that the reader names, with the roles that the reader gives it."""

    name: str
    key: PublicKey
    roles: frozenset[Role] = frozenset({Role.RECORDER})


@dataclass(frozen=True, slots=True)
class Policy:
    """The reader's demands.

    Args:
        signers: the keys that the reader names; without one, no bundle can be VERIFIED.
        presets: names of the presets that are accepted, None for any.
        max_attempts: the highest attempt number that is accepted.
        may_withhold_contents: whether scores in clear may stand without their distributions.

    Raises:
        Rejection: ``policy.repeated-key``, ``policy.max-attempts``.
    """

    signers: tuple[NamedSigner, ...] = ()
    presets: frozenset[str] | None = None
    max_attempts: int = 8
    may_withhold_contents: bool = False

    def __post_init__(self) -> None:
        key_ids = [signer.key.key_id for signer in self.signers]
        if len(set(key_ids)) < len(key_ids):
            raise Rejection("policy.repeated-key", "a key is named twice")
        if self.max_attempts < 1:
            raise Rejection("policy.max-attempts", "at least one attempt", got=self.max_attempts)

    @property
    def digest(self) -> bytes:
        """SHA-256 of the policy's canonical JSON; it stands in every verdict."""
        return sha256_digest(
            strict_json.encode(
                {
                    "kind": "pot-audit/policy/1",
                    "max_attempts": self.max_attempts,
                    "may_withhold_contents": self.may_withhold_contents,
                    "presets": None if self.presets is None else sorted(self.presets),
                    "signers": [
                        {
                            "key_id": signer.key.key_id,
                            "name": signer.name,
                            "roles": sorted(signer.roles),
                        }
                        for signer in sorted(self.signers, key=lambda one: one.key.key_id)
                    ],
                }
            )
        )


def load_signer(
    path: str | Path, name: str | None = None, roles: frozenset[Role] = frozenset({Role.RECORDER})
) -> tuple[NamedSigner, ...]:
    """Name the keys of a public key file; a file with two keys names two signers.

    Args:
        path: PEM, as ``pot-audit keygen`` writes it.
        name: what to call the signer; the file's name by default.

    Raises:
        OSError: the file cannot be read.
        Rejection: ``key.*``.
    """
    path = Path(path)
    keys = parse_public_keys(path.read_bytes())
    base = name or path.stem
    return tuple(
        NamedSigner(base if len(keys) == 1 else f"{base} {key.algorithm.value}", key, roles)
        for key in keys
    )
