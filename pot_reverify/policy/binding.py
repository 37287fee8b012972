"""What the reader wants a transcript to be bound to, and which enclaves the reader accepts."""

from collections.abc import Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from enum import StrEnum

from pot_reverify.encoding.digest import format_digest, sha256_digest
from pot_reverify.quotes.evidence import NamedSoftware, QuotePolicy


class Grade(StrEnum):
    """What binds a transcript to a model. They are kinds, not sizes: none is another one plus."""

    WEIGHTS = "W"
    """The recorder hashed the very bytes that it loaded and ran."""
    RUN_BOUND = "A"
    """A TEE's report commits to this run and to a key that signed it."""
    KEY_ATTESTED = "B"
    """A TEE attests a key, and that key signed each request and response of the transcript."""
    CHANNEL = "C"
    """A TEE attests the TLS or HPKE key of an endpoint, not what it answered."""
    VENDOR = "D"
    """A key that the reader named as a vendor's says that the transcript is from its model."""
    UNBOUND = "unbound"


class ModelRole(StrEnum):
    """Which of the two models."""

    REFERENCE = "reference"
    CANDIDATE = "candidate"


@dataclass(frozen=True, slots=True)
class HeldGrade:
    """A grade of one model: what binds the candidate says nothing of the reference."""

    model: ModelRole
    grade: Grade


@dataclass(frozen=True, slots=True)
class BindingPolicy:
    """The reader's demands on binding.

    Args:
        required: each model must have any one of these grades; empty: none is demanded.
        required_of: by model, grades of which that model must have one besides.
        quotes: what is asked of each quote; its ``bindings`` come from the bundle's run.
    """

    required: frozenset[Grade] = frozenset()
    quotes: QuotePolicy = field(default_factory=QuotePolicy)
    required_of: Mapping[ModelRole, frozenset[Grade]] = field(default_factory=dict)

    def missing(self, held: AbstractSet[HeldGrade]) -> tuple[ModelRole, frozenset[Grade]] | None:
        """The first demand that these grades do not meet: which model lacks one of which grades."""
        for model in ModelRole:
            grades = {one.grade for one in held if one.model is model}
            for wanted in (self.required, self.required_of.get(model, frozenset())):
                if wanted and not wanted & grades:
                    return model, wanted
        return None

    def to_document(self) -> dict[str, object]:
        """The policy as JSON values; certificates by their digest."""
        quotes = self.quotes
        by_model = {
            f"required_{model}": sorted(grades)
            for model, grades in sorted(self.required_of.items())
            if grades
        }
        return {
            **by_model,
            "minimum_snp_tcb": {
                product: dict(sorted(floors.items()))
                for product, floors in sorted(quotes.minimum_snp_tcb.items())
            },
            "minimum_tcb_evaluation_number": quotes.minimum_tcb_evaluation_number,
            "required": sorted(self.required),
            "revocation_required": quotes.revocation_required,
            "roots": {
                vendor: sorted(format_digest(sha256_digest(root)) for root in roots)
                for vendor, roots in sorted(quotes.roots.items())
            },
            "software": [_software(entry) for entry in quotes.software],
            "tcb_statuses": sorted(quotes.tcb_statuses),
            "vmpls": sorted(quotes.vmpls),
        }


def _software(entry: NamedSoftware) -> dict[str, object]:
    return {
        "hashes_requests": entry.hashes_requests,
        "kind": entry.kind.value,
        "minimum_isv_svn": entry.minimum_isv_svn,
        "name": entry.name,
        "registers": {name: value.hex() for name, value in sorted(entry.registers.items())},
    }
