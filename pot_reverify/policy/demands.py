"""The reader's demands, all of them; nothing in a bundle can change one."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from pot_reverify.beacons.chains import CHAINS, BeaconChain
from pot_reverify.encoding import strict_json
from pot_reverify.encoding.digest import sha256_digest
from pot_reverify.errors import Rejection
from pot_reverify.policy.binding import BindingPolicy
from pot_reverify.policy.signers import NamedSigner, Role
from pot_reverify.policy.times import TimePolicy
from pot_reverify.seal.public_keys import Algorithm

KIND = "pot-audit/policy/1"


class Withheld(StrEnum):
    """How much may be withheld."""

    NOTHING = "nothing"
    CONTENTS = "contents"
    """Texts and distributions: their scores, in clear, rest on the signature alone."""
    SCORES = "scores"
    """Also scores, where a proof shows that they give the decision."""

    @property
    def allows_contents(self) -> bool:
        """Whether contents may be withheld."""
        return self is not Withheld.NOTHING

    @property
    def allows_scores(self) -> bool:
        """Whether scores may be withheld behind a proof."""
        return self is Withheld.SCORES


@dataclass(frozen=True, slots=True)
class Policy:
    """The reader's demands.

    Args:
        name: of the policy, for people.
        signers: the keys that the reader names; without one, no bundle can be VERIFIED.
        quorum: how many named signers of each role must have signed; any one of these
            alternatives suffices. Empty: the recorder suffices.
        algorithms: the recorder must have signed with a key of each of these.
        presets: names of the presets that are accepted, None for any.
        challenge_families: ids of the families that are accepted, None for any.
        max_attempts: the highest attempt number that is accepted.
        withheld: how much may be withheld.
        requires_counterpart: whether somebody else must verifiably have given half of the
            randomness: a named counterpart, or a public beacon.
        requires_proof: whether the decision must be proven also where it can be recomputed.
        time: which times must be proven, and by whom.
        binding: what the transcript must be bound to.
        beacons: chains that the reader accepts beside those that this version ships.

    Raises:
        Rejection: ``policy.repeated-key``, ``policy.max-attempts``, ``policy.quorum``,
            ``policy.repeated-beacon``.
    """

    name: str = "given on the command line"
    signers: tuple[NamedSigner, ...] = ()
    quorum: tuple[Mapping[Role, int], ...] = ()
    algorithms: frozenset[Algorithm] = frozenset()
    presets: frozenset[str] | None = None
    challenge_families: frozenset[str] | None = None
    max_attempts: int = 8
    withheld: Withheld = Withheld.NOTHING
    requires_counterpart: bool = False
    requires_proof: bool = False
    time: TimePolicy = field(default_factory=TimePolicy)
    binding: BindingPolicy = field(default_factory=BindingPolicy)
    beacons: tuple[BeaconChain, ...] = ()

    def __post_init__(self) -> None:
        key_ids = [signer.key.key_id for signer in self.signers]
        if len(set(key_ids)) < len(key_ids):
            raise Rejection("policy.repeated-key", "a key is named twice")
        if self.max_attempts < 1:
            raise Rejection("policy.max-attempts", "at least one attempt", got=self.max_attempts)
        for alternative in self.quorum:
            if not alternative or any(count < 1 for count in alternative.values()):
                raise Rejection("policy.quorum", "an alternative of a quorum asks for somebody")
            if Role.COUNTERPART in alternative:
                raise Rejection(
                    "policy.quorum",
                    "a counterpart signs no statement: demand it with counterpart = true",
                )
        names = [*CHAINS, *(chain.name for chain in self.beacons)]
        if len(set(names)) < len(names):
            raise Rejection("policy.repeated-beacon", "a beacon's chain is named twice")

    @property
    def digest(self) -> bytes:
        """SHA-256 of the policy's canonical JSON; it stands in every verdict."""
        return sha256_digest(strict_json.encode(self.to_document()))

    def to_document(self) -> dict[str, object]:
        """The demands as JSON values, keys and certificates by their digests."""
        # Without chains of the reader's own the document, and so its digest, is as it always was.
        beacons = {"beacons": sorted(chain.name for chain in self.beacons)} if self.beacons else {}
        return {
            **beacons,
            "algorithms": sorted(algorithm.value for algorithm in self.algorithms),
            "binding": self.binding.to_document(),
            "challenge_families": _sorted(self.challenge_families),
            "kind": KIND,
            "max_attempts": self.max_attempts,
            "name": self.name,
            "presets": _sorted(self.presets),
            "quorum": [
                {role.value: count for role, count in sorted(alternative.items())}
                for alternative in self.quorum
            ],
            "requires_counterpart": self.requires_counterpart,
            "requires_proof": self.requires_proof,
            "signers": [
                signer.to_document()
                for signer in sorted(self.signers, key=lambda one: one.key.key_id)
            ],
            "time": self.time.to_document(),
            "withheld": self.withheld.value,
        }


def _sorted(names: frozenset[str] | None) -> list[str] | None:
    return None if names is None else sorted(names)
