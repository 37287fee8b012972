"""A bundle as it was read: what the checks look at, in memory bounded by the rule's n_max."""

from dataclasses import dataclass

from pot_reverify.documents.blob import Attachment, Blob
from pot_reverify.documents.head import Head
from pot_reverify.documents.reveal import Reveal
from pot_reverify.documents.signed_bytes import Signature
from pot_reverify.documents.statement import Statement
from pot_reverify.documents.statement_parts import LeafCounts


@dataclass(frozen=True, slots=True)
class Probe:
    """One probe of a challenge, reduced to what the checks compare.

    Args:
        claimed_score: the score that the bundle states; None only if it is hidden and withheld.
        recomputed_score: the score of the recorded distributions; None if they are withheld.
        text_digest: SHA-256 of the probe's text; None if it is withheld.
        recorded_leaf: the digest that the RECORD names for this probe's content.
        leaf: the digest of the leaf that is there.
        salt: of the content; None if it is withheld.
        exchange_digests: of the reference and of the candidate, to compare exchanges with; None
            if the content is withheld.
    """

    claimed_score: int | None
    recomputed_score: int | None
    text_digest: bytes | None
    recorded_leaf: bytes
    leaf: bytes
    salt: bytes | None
    exchange_digests: tuple[bytes, bytes] | None

    @property
    def is_withheld(self) -> bool:
        """Whether the content was withheld."""
        return self.text_digest is None


@dataclass(frozen=True, slots=True)
class Challenge:
    """One challenge: its index in the RECORD, when it ran, and its four probes."""

    index: int
    started_ns: int
    duration_ns: int
    is_cold: bool
    probes: tuple[Probe, ...]


@dataclass(frozen=True, slots=True)
class Bundle:
    """Everything in the file, parsed; nothing in it has been checked yet.

    Args:
        statement_payload: the exact bytes that are signed; None if the file was never sealed.
        transcript_root: RFC 9162 root over HEAD, the records and their contents alone.
        tree_root: RFC 9162 root over all leaves that are there.
        leaves: how many leaves are there.
    """

    head: Head
    head_payload: bytes
    challenges: tuple[Challenge, ...]
    blobs: tuple[Blob, ...]
    reveal: Reveal | None
    reveal_payload: bytes | None
    statement_payload: bytes | None
    statement: Statement | None
    signatures: tuple[Signature, ...]
    attachments: tuple[Attachment, ...]
    transcript_root: bytes
    tree_root: bytes
    leaves: LeafCounts

    @property
    def withheld_count(self) -> int:
        """How many contents are withheld."""
        return sum(probe.is_withheld for one in self.challenges for probe in one.probes)

    @property
    def withheld_score_count(self) -> int:
        """How many scores are withheld: those that are hidden in withheld contents."""
        return sum(probe.claimed_score is None for one in self.challenges for probe in one.probes)

    @property
    def shared_weights_digest(self) -> bytes | None:
        """The weights digest of both models where it is one: a model beside itself."""
        reference, candidate = self.head.reference.claim, self.head.candidate.claim
        same = reference.weights_digest == candidate.weights_digest
        return reference.weights_digest if same else None

    def blob(self, name: str) -> Blob | None:
        """The blob of that name, if there is one."""
        return next((blob for blob in self.blobs if blob.name == name), None)
