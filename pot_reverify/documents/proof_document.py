"""The document that carries a proof: which circuit, and the bytes."""

import base64
from dataclasses import dataclass

from pot_reverify.encoding import strict_base64, strict_json
from pot_reverify.encoding.fields import Fields

KIND = "pot-audit/proof/1"
_MAX_CIRCUIT_CHARACTERS = 64
_MAX_PROOF_CHARACTERS = 65536


@dataclass(frozen=True, slots=True)
class ProofDocument:
    """A proof. What it proves stands in the statement, and never here."""

    circuit: str
    proof: bytes

    def to_json(self) -> bytes:
        """The document as the JSON that a bundle carries."""
        proof = base64.b64encode(self.proof).decode()
        return strict_json.encode({"circuit": self.circuit, "kind": KIND, "proof": proof})


def parse_proof_document(data: bytes, where: str) -> ProofDocument:
    """Read the JSON document of a proof.

    Raises:
        Rejection: ``json.*``, ``schema.*``, ``proof.base64``.
    """
    fields = Fields(strict_json.decode(data), where)
    fields.take_literal("kind", KIND)
    document = ProofDocument(
        fields.take_str("circuit", _MAX_CIRCUIT_CHARACTERS),
        strict_base64.decode(
            fields.take_str("proof", _MAX_PROOF_CHARACTERS), "proof.base64", fields.at("proof")
        ),
    )
    fields.finish()
    return document
