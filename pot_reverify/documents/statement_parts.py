"""The parts of a statement that are records of their own."""

from dataclasses import dataclass

from pot_reverify.documents.signed_bytes import MAX_SIGNATURES
from pot_reverify.encoding.fields import Fields


@dataclass(frozen=True, slots=True)
class DeclaredSigner:
    """A signer that the recorder declares; a stripped signature is missed by it."""

    algorithm: str
    key_id: str


@dataclass(frozen=True, slots=True)
class LeafCounts:
    """How many leaves the tree has, in all and of each kind that may repeat."""

    total: int
    records: int
    contents: int
    blobs: int


@dataclass(frozen=True, slots=True)
class NoiseFloor:
    """Scores of the reference against itself in the candidate's configuration. Only reported."""

    probes: int
    score_sum: int
    score_max: int


@dataclass(frozen=True, slots=True)
class Labels:
    """What people want to be on record; no check relies on it."""

    responsible_person: str | None
    organisation: str | None
    retention_until: str | None
    confidentiality: str | None


def parse_leaves(fields: Fields) -> LeafCounts:
    """Take the counts and finish their map."""
    counts = LeafCounts(
        *(fields.take_int(name, 0, 2**24) for name in ("total", "records", "contents", "blobs"))
    )
    fields.finish()
    return counts


def parse_signers(fields: Fields) -> tuple[DeclaredSigner, ...]:
    """Take the declared signers."""
    signers = []
    for number, item in enumerate(fields.take_list("signers", 1, MAX_SIGNATURES)):
        entry = Fields(item, f"{fields.at('signers')}[{number}]")
        signers.append(
            DeclaredSigner(entry.take_str("algorithm", 32), entry.take_str("key_id", 80))
        )
        entry.finish()
    return tuple(signers)


def parse_noise_floor(fields: Fields) -> NoiseFloor | None:
    """Take the noise floor, or None where it was not measured."""
    if fields.drop_null("noise_floor"):
        return None
    inner = fields.take_fields("noise_floor")
    floor = NoiseFloor(
        inner.take_int("probes", 1),
        inner.take_int("score_sum"),
        inner.take_int("score_max", 0, 65535),
    )
    inner.finish()
    return floor


def parse_labels(fields: Fields) -> Labels:
    """Take the labels and finish their map."""
    labels = Labels(
        *(
            take_optional_str(fields, name)
            for name in ("responsible_person", "organisation", "retention_until", "confidentiality")
        )
    )
    fields.finish()
    return labels


def take_optional_str(fields: Fields, name: str) -> str | None:
    """Take a string, or None where there is none."""
    return None if fields.drop_null(name) else fields.take_str(name)
