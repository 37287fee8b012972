"""Verifies proofs: reads each one, then checks what is left of all of them in one sum.

Halo2 book, "Design: Protocol description"; ``verify_proof`` and ``BatchVerifier`` of
halo2_proofs. Stricter than those: the proof and the instance have exactly the length that the
circuit fixes.

**Batches.** What remains of proof i is a sum E_i of multiples of points that must be the
identity. One sum Σ w_i·E_i is computed for all. The weights w_i are digests of all keys,
instances and proofs of the batch, and so of everything that determines the E_i: modelled as a
random oracle, they are uniform and independent in Fp given the E_i. If some E_i is not the
identity, the sum is with probability 1/P ≈ 2^-254 only, and whoever grinds 2^q batches raises
that to 2^(q-254). The same bound holds for each of the halves, computed with the same weights,
that find the bad proofs when the sum is not the identity. Weights from the input rather than from
a random source keep a verdict reproducible.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

from pot_reverify.errors import Rejection
from pot_reverify.proof import inner_product, lookup, permutation, vanishing
from pot_reverify.proof.domain import Challenges, opening_at
from pot_reverify.proof.expressions import evaluate
from pot_reverify.proof.inner_product import DeferredOpening
from pot_reverify.proof.multiopen import (
    LinearCombination,
    OpeningClaim,
    commitment_to,
    reduce_claims,
)
from pot_reverify.proof.params import generators
from pot_reverify.proof.pasta_fields import ELEMENT_BYTES, P
from pot_reverify.proof.transcript import Transcript
from pot_reverify.proof.verifying_key import VerifyingKey
from pot_reverify.proof.vesta import Point, sum_of_multiples

MAX_BATCH = 128


@dataclass(frozen=True, slots=True)
class Circuit:
    """What is fixed before a proof is seen.

    Attributes:
        circuit_id: the name of the circuit in statements.
        key: its verifying key.
        proof_bytes: the length of every proof.
        instance_bases: the commitment to each row of the instance column; one a public value.
    """

    circuit_id: str
    key: VerifyingKey
    proof_bytes: int
    instance_bases: tuple[Point, ...]


@dataclass(frozen=True, slots=True)
class ProofClaim:
    """A proof, and what it is said to prove.

    Attributes:
        circuit: the circuit.
        instance: the public values, recomputed by the verifier, never read from the proof.
        proof: the bytes of the proof.
    """

    circuit: Circuit
    instance: tuple[int, ...]
    proof: bytes


def verify_proof(claim: ProofClaim) -> None:
    """Verifies one proof.

    Raises:
        Rejection: ``proof.length``, ``proof.instance-length``, ``proof.instance-not-canonical``,
            ``proof.opening-failed``, or what reading the proof raises.
    """
    [finding] = check_proofs([claim])
    if finding is not None:
        raise finding


def check_proofs(claims: Sequence[ProofClaim]) -> list[Rejection | None]:
    """Checks proofs together: much faster than one by one.

    Returns:
        One entry a claim: None where the proof is right, else why it is rejected.
    """
    findings: list[Rejection | None] = []
    for start in range(0, len(claims), MAX_BATCH):
        findings += _check_batch(claims[start : start + MAX_BATCH])
    return findings


def _check_batch(claims: Sequence[ProofClaim]) -> list[Rejection | None]:
    findings: list[Rejection | None] = [None] * len(claims)
    deferred = []
    for index, (claim, weight) in enumerate(zip(claims, _weights(claims), strict=True)):
        try:
            deferred.append((index, weight, read_proof(claim)))
        except Rejection as rejection:
            findings[index] = rejection
    for index in _wrong(deferred):
        findings[index] = Rejection("proof.opening-failed", "the proof does not hold")
    return findings


def _wrong(deferred: Sequence[tuple[int, int, DeferredOpening]]) -> list[int]:
    """Returns the indices of the openings that fail, by halving."""
    total: LinearCombination = {}
    for _, weight, opening in deferred:
        opening.add_to(total, weight)
    if sum_of_multiples(total) is None:
        return []
    if len(deferred) == 1:
        return [deferred[0][0]]
    half = len(deferred) // 2
    return _wrong(deferred[:half]) + _wrong(deferred[half:])


def _weights(claims: Sequence[ProofClaim]) -> list[int]:
    state = hashlib.blake2b(person=b"pot-audit batch")
    for claim in claims:
        state.update(claim.circuit.key.digest.to_bytes(ELEMENT_BYTES, "little"))
        state.update(" ".join(map(hex, claim.instance)).encode() + b"\x00")
        state.update(len(claim.proof).to_bytes(8, "little") + claim.proof)
    seed = state.digest()
    digests = (
        hashlib.blake2b(seed + index.to_bytes(8, "little"), person=b"pot-audit weight").digest()
        for index in range(len(claims))
    )
    return [int.from_bytes(digest, "little") % P for digest in digests]


def _commit_to_instance(claim: ProofClaim, blind: Point) -> Point:
    bases, values = claim.circuit.instance_bases, claim.instance
    if len(values) != len(bases):
        raise Rejection(
            "proof.instance-length",
            "another number of public values than the circuit has",
            expected=len(bases),
            got=len(values),
        )
    if not all(0 <= value < P for value in values):
        raise Rejection("proof.instance-not-canonical", "a public value is not reduced modulo p")
    # halo2_proofs commits to instances with the blinding factor 1.
    commitment = sum_of_multiples({**dict(zip(bases, values, strict=True)), blind: 1})
    if commitment is None:
        raise Rejection("proof.point-is-identity", "the instance commitment is at infinity")
    return commitment


def read_proof(claim: ProofClaim) -> DeferredOpening:
    """Reads a proof, up to the sum that decides.

    Raises:
        Rejection: as `verify_proof`, but for ``proof.opening-failed``.
    """
    key, proof = claim.circuit.key, claim.proof
    if len(proof) != claim.circuit.proof_bytes:
        raise Rejection(
            "proof.length",
            "proofs of this circuit have another length",
            expected=f"{claim.circuit.proof_bytes} bytes",
            got=f"{len(proof)} bytes",
        )
    parameters = generators(key.k)
    instance = _commit_to_instance(claim, parameters.w)
    transcript = Transcript(proof)
    transcript.absorb_scalar(key.digest)
    transcript.absorb_point(instance)

    advice = transcript.read_points(key.advice_columns)
    theta = transcript.squeeze()
    permuted = [lookup.read_permuted(transcript) for _ in key.lookups]
    challenges = Challenges(theta, transcript.squeeze(), transcript.squeeze())
    product_commitments = permutation.read_commitments(transcript, key)
    lookup_products = [commitment_to(point) for point in transcript.read_points(len(key.lookups))]
    random = transcript.read_point()
    y = transcript.squeeze()
    quotient_pieces = transcript.read_points(key.degree - 1)
    x = transcript.squeeze()

    evaluations = {
        kind: transcript.read_scalars(len(key.queries[kind]))
        for kind in ("Instance", "Advice", "Fixed")
    }
    opening = opening_at(key, x, evaluations)
    random_value = transcript.read_scalar()
    permutation_values = transcript.read_scalars(len(key.permutation_columns))
    products = permutation.read_evaluations(transcript, product_commitments)
    lookups = [
        lookup.read_evaluations(transcript, pair, product)
        for pair, product in zip(permuted, lookup_products, strict=True)
    ]

    constraints = [evaluate(gate, evaluations) for gate in key.gates]
    constraints += permutation.constraints(key, products, permutation_values, opening, challenges)
    for argument, opened in zip(key.lookups, lookups, strict=True):
        constraints += lookup.constraints(argument, opened, opening, challenges)

    def column_claims(kind: str, points: Sequence[Point]) -> list[OpeningClaim]:
        columns = [commitment_to(point) for point in points]
        return [
            OpeningClaim(columns[column], opening.rotated(rotation), value)
            for (column, rotation), value in zip(key.queries[kind], evaluations[kind], strict=True)
        ]

    # The order is that of the prover: powers of challenges go by it.
    claims = column_claims("Instance", [instance]) + column_claims("Advice", advice)
    claims += permutation.opening_claims(key, products, opening)
    for opened in lookups:
        claims += lookup.opening_claims(opened, opening)
    claims += column_claims("Fixed", key.fixed_commitments)
    claims += [
        OpeningClaim(commitment_to(point), opening.x, value)
        for point, value in zip(key.permutation_commitments, permutation_values, strict=True)
    ]
    claims.append(vanishing.quotient_claim(constraints, quotient_pieces, opening, y))
    claims.append(OpeningClaim(commitment_to(random), opening.x, random_value))
    commitment, x_3, value = reduce_claims(transcript, claims)
    return inner_product.read_opening(transcript, parameters, commitment, x_3, value)
