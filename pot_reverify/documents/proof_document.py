"""The document that carries a proof: which circuit, and the bytes."""

import base64
from dataclasses import dataclass
from typing import Final

from pot_reverify.encoding import strict_base64, strict_json
from pot_reverify.encoding.fields import Fields
from pot_reverify.errors import Rejection

KIND: Final = "pot-audit/proof/1"
KIND_WITH_COMMITMENTS: Final = "pot-audit/proof/2"
COMMITMENT_BYTES: Final = 32
_MAX_CIRCUIT_CHARACTERS = 64
_MAX_BASE64_CHARACTERS = 65536


@dataclass(frozen=True, slots=True)
class ProofDocument:
    """A proof. What it proves stands in the statement, and never here.

    Args:
        challenge_commitments: one element of Fp a challenge; None in version 1, which has none. The
            statement binds them: its score commitment is to all of them.
    """

    circuit: str
    proof: bytes
    challenge_commitments: tuple[int, ...] | None = None

    def to_json(self) -> bytes:
        """The document as the JSON that a bundle carries."""
        proof = base64.b64encode(self.proof).decode()
        if self.challenge_commitments is None:
            return strict_json.encode({"circuit": self.circuit, "kind": KIND, "proof": proof})
        each = (one.to_bytes(COMMITMENT_BYTES, "big") for one in self.challenge_commitments)
        return strict_json.encode(
            {
                "challenge_commitments": base64.b64encode(b"".join(each)).decode(),
                "circuit": self.circuit,
                "kind": KIND_WITH_COMMITMENTS,
                "proof": proof,
            }
        )


def parse_proof_document(data: bytes, where: str) -> ProofDocument:
    """Read the JSON document of a proof.

    Raises:
        Rejection: ``json.*``, ``schema.*``, ``proof.base64``,
            ``proof.challenge-commitments-malformed``.
    """
    fields = Fields(strict_json.decode(data), where)
    kind = fields.take_literal("kind", KIND, KIND_WITH_COMMITMENTS)
    circuit = fields.take_str("circuit", _MAX_CIRCUIT_CHARACTERS)
    proof = _take_base64(fields, "proof")
    commitments = None if kind == KIND else _take_commitments(fields)
    fields.finish()
    return ProofDocument(circuit, proof, commitments)


def _take_base64(fields: Fields, name: str) -> bytes:
    text = fields.take_str(name, _MAX_BASE64_CHARACTERS)
    return strict_base64.decode(text, "proof.base64", fields.at(name))


def _take_commitments(fields: Fields) -> tuple[int, ...]:
    name = "challenge_commitments"
    data = _take_base64(fields, name)
    if len(data) % COMMITMENT_BYTES:
        raise Rejection(
            "proof.challenge-commitments-malformed",
            "Commitments have 32 bytes each.",
            where=fields.at(name),
            got=f"{len(data)} bytes",
        )
    starts = range(0, len(data), COMMITMENT_BYTES)
    return tuple(int.from_bytes(data[i : i + COMMITMENT_BYTES], "big") for i in starts)
