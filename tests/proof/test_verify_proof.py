"""Proofs of halo2_proofs: right ones, wrong ones, damaged ones, alone and in batches."""

import os
import random
import tracemalloc
from dataclasses import replace

import pytest
from proof_mutations import RECORDED, SEED, ask_oracle, damaged_claims, digest_of
from proof_vectors import SMALL_CIRCUITS, read_json, small_circuit

from pot_reverify.errors import Rejection
from pot_reverify.proof import verify
from pot_reverify.proof.multiopen import OpeningClaim, commitment_to, reduce_claims
from pot_reverify.proof.params import generators
from pot_reverify.proof.pasta_fields import P, Q
from pot_reverify.proof.transcript import Transcript
from pot_reverify.proof.verify import MAX_BATCH, check_proofs, read_proof, verify_proof
from pot_reverify.proof.vesta import sum_of_multiples

CHAIN = small_circuit("chain").proofs[0]
ALL = [claim for name in SMALL_CIRCUITS for claim in small_circuit(name).proofs]


def codes(claims):
    return [None if finding is None else finding.code for finding in check_proofs(claims)]


def code_of(claim):
    with pytest.raises(Rejection) as rejection:
        verify_proof(claim)
    return rejection.value.code


def with_item(claim, index, value):
    start = 32 * index
    item = value.to_bytes(32, "little")
    return replace(claim, proof=claim.proof[:start] + item + claim.proof[start + 32 :])


def item(claim, index):
    return int.from_bytes(claim.proof[32 * index :][:32], "little")


@pytest.mark.parametrize("claim", ALL, ids=lambda claim: claim.circuit.circuit_id)
def test_proofs_of_halo2_proofs_are_accepted(claim):
    verify_proof(claim)


@pytest.mark.parametrize("name", ["chain", "gate"])
def test_what_the_prover_makes_of_a_false_claim_is_rejected(name):
    for claim in small_circuit(name).proofs_of_false_claims:
        assert code_of(claim) == "proof.opening-failed"


@pytest.mark.parametrize("name", SMALL_CIRCUITS)
def test_halo2_proofs_says_the_same_of_damaged_proofs(name):
    claims = damaged_claims(name, SEED, RECORDED)
    recorded = read_json("verdicts")[name]
    assert digest_of(claims) == recorded["claims_sha256"]
    assert_same_verdicts(claims, recorded["accepted"])


@pytest.mark.skipif("HALO2_ORACLE" not in os.environ, reason="HALO2_ORACLE names no program")
@pytest.mark.parametrize("name", SMALL_CIRCUITS)
def test_halo2_proofs_says_the_same_of_fresh_damaged_proofs(name):
    claims = damaged_claims(name, os.urandom(8).hex(), 3400)
    assert_same_verdicts(claims, ask_oracle(os.environ["HALO2_ORACLE"], name, claims))


def assert_same_verdicts(claims, accepted):
    assert 0 < accepted.count("1") < len(claims)
    for claim, verdict in zip(claims, accepted, strict=True):
        # halo2_proofs pads instances with zeros; here their length is fixed.
        expected = verdict == "1" and len(claim.instance) == len(claim.circuit.instance_bases)
        [finding] = check_proofs([claim])
        assert (finding is None) == expected
        assert finding is None or finding.code.startswith("proof.")


@pytest.mark.parametrize("change", [-2496, -32, -1, 1, 32, 100_000])
def test_another_length_is_rejected(change):
    proof = (CHAIN.proof + bytes(max(change, 0)))[: len(CHAIN.proof) + change]
    assert len(proof) == len(CHAIN.proof) + change
    assert code_of(replace(CHAIN, proof=proof)) == "proof.length"


@pytest.mark.parametrize(
    ("change", "code"), [(32, "proof.trailing-bytes"), (-1, "proof.truncated")]
)
def test_a_wrong_length_in_the_registry_lets_nothing_through(change, code):
    proof = (CHAIN.proof + bytes(32))[: len(CHAIN.proof) + change]
    circuit = replace(CHAIN.circuit, proof_bytes=len(proof))
    assert code_of(replace(CHAIN, circuit=circuit, proof=proof)) == code


@pytest.mark.parametrize(
    "instance", [(), CHAIN.instance[:-1], (*CHAIN.instance, 0)], ids=["none", "short", "padded"]
)
def test_another_number_of_public_values_is_rejected(instance):
    assert code_of(replace(CHAIN, instance=instance)) == "proof.instance-length"


@pytest.mark.parametrize("row", range(3))
def test_another_public_value_is_rejected(row):
    # The last one is in no constraint: the transcript alone binds it.
    values = list(CHAIN.instance)
    values[row] += 1
    assert code_of(replace(CHAIN, instance=tuple(values))) == "proof.opening-failed"


@pytest.mark.parametrize("value", [-1, P, CHAIN.instance[0] + P])
def test_public_values_are_reduced(value):
    claim = replace(CHAIN, instance=(value, *CHAIN.instance[1:]))
    assert code_of(claim) == "proof.instance-not-canonical"


def test_an_instance_commitment_at_infinity_is_rejected():
    w = generators(CHAIN.circuit.key.k).w
    circuit = replace(
        CHAIN.circuit, instance_bases=((w[0], Q - w[1]), *CHAIN.circuit.instance_bases[1:])
    )
    claim = replace(CHAIN, circuit=circuit, instance=(1, 0, 0))
    assert code_of(claim) == "proof.point-is-identity"


@pytest.mark.parametrize(
    ("index", "value", "code"),
    [
        (0, 0, "proof.point-is-identity"),
        (0, item(CHAIN, 0) + Q, "proof.point-not-canonical"),
        (0, 2, "proof.point-not-on-curve"),
        (0, item(CHAIN, 0) ^ 1 << 255, "proof.opening-failed"),
        (77, P, "proof.scalar-not-canonical"),
        (77, item(CHAIN, 77) + P, "proof.scalar-not-canonical"),
        (77, 0, "proof.opening-failed"),
        (76, 0, "proof.opening-failed"),
    ],
)
def test_bad_items(index, value, code):
    assert code_of(with_item(CHAIN, index, value)) == code


@pytest.mark.parametrize("name", ["gate", "pairs"])
def test_every_item_matters(name):
    claim = small_circuit(name).proofs[1]
    for index in range(len(claim.proof) // 32):
        opposite = with_item(claim, index, item(claim, index) ^ 1 << 255)
        # The opposite of a point is a point; a scalar with its top bit set is out of range.
        if code_of(opposite) == "proof.scalar-not-canonical":
            changed = with_item(claim, index, (item(claim, index) + 1) % P)
            assert code_of(changed) == "proof.opening-failed"


def test_a_proof_of_another_circuit_is_rejected():
    pairs = small_circuit("pairs").proofs[0]
    assert code_of(replace(CHAIN, circuit=pairs.circuit, instance=())) == "proof.length"
    circuit = replace(pairs.circuit, proof_bytes=len(CHAIN.proof))
    claim = replace(CHAIN, circuit=circuit, instance=())
    assert code_of(claim).startswith("proof.")


def test_a_proof_under_another_key_is_rejected():
    key = replace(CHAIN.circuit.key, digest=CHAIN.circuit.key.digest + 1)
    claim = replace(CHAIN, circuit=replace(CHAIN.circuit, key=key))
    assert code_of(claim) == "proof.opening-failed"


@pytest.mark.parametrize(
    "part", ["gates", "lookups", "fixed_commitments", "permutation_commitments"]
)
def test_every_part_of_the_key_is_checked(part):
    key = CHAIN.circuit.key
    parts = getattr(key, part)
    swapped = replace(key, **{part: (parts[1], parts[0], *parts[2:])})
    claim = replace(CHAIN, circuit=replace(CHAIN.circuit, key=swapped))
    assert code_of(claim) == "proof.opening-failed"


def test_a_polynomial_is_opened_once_at_a_point():
    commitment = commitment_to(generators(4).w)
    claims = [OpeningClaim(commitment, 5, 1), OpeningClaim(commitment, 5, 2)]
    with pytest.raises(Rejection) as rejection:
        reduce_claims(Transcript(b""), claims)
    assert rejection.value.code == "proof.query-collision"


def test_random_bytes_are_rejected():
    source = random.Random(1)
    for length in (0, 1, 31, len(CHAIN.proof)):
        assert code_of(replace(CHAIN, proof=source.randbytes(length))).startswith("proof.")


def test_batches_of_different_circuits():
    assert codes(ALL) == [None] * len(ALL)
    assert codes([]) == []
    assert codes([CHAIN] * (MAX_BATCH + 1)) == [None] * (MAX_BATCH + 1)


@pytest.mark.parametrize("bad", [{0}, {7}, {2, 3}, {0, 1, 4, 7}, set(range(8))])
def test_bad_proofs_of_a_batch_are_found(bad):
    changed = replace(CHAIN, instance=(CHAIN.instance[0], CHAIN.instance[1], 78))
    claims = [changed if index in bad else claim for index, claim in enumerate(ALL)]
    assert codes(claims) == [
        "proof.opening-failed" if index in bad else None for index in range(len(ALL))
    ]


def test_unreadable_proofs_of_a_batch_are_found():
    claims = [CHAIN, replace(CHAIN, proof=b""), with_item(CHAIN, 77, P), CHAIN]
    assert codes(claims) == [None, "proof.length", "proof.scalar-not-canonical", None]


def test_errors_that_cancel_out_are_found():
    # Two proofs whose sums are opposite: a sum with equal weights would accept both.
    def shifted(sign):
        return with_item(CHAIN, 77, (item(CHAIN, 77) + sign) % P)

    plus, minus = shifted(1), shifted(-1)
    total = {}
    for claim in (plus, minus):
        read_proof(claim).add_to(total, 1)
    assert sum_of_multiples(total) is None
    assert codes([plus, minus]) == ["proof.opening-failed"] * 2


def test_weights_depend_on_every_input():
    changes = [
        [CHAIN, replace(CHAIN, instance=(*CHAIN.instance[:2], 78))],
        [CHAIN, replace(CHAIN, proof=CHAIN.proof[:-1] + b"\x01")],
        [CHAIN, small_circuit("gate").proofs[0]],
        [CHAIN],
    ]
    weights = [verify._weights(claims)[0] for claims in ([CHAIN, CHAIN], *changes)]
    assert len(set(weights)) == len(weights)
    first, second = verify._weights([CHAIN, CHAIN])
    assert first != second


def test_memory_stays_small():
    tracemalloc.start()
    check_proofs(ALL * 2)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 20_000_000
