"""Verifying keys: what is read from the pinned text, and what is refused."""

from contextlib import suppress

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from proof_vectors import SMALL_CIRCUITS, small_circuit

from pot_reverify.errors import Rejection
from pot_reverify.proof.expressions import Product, Query, degree, evaluate
from pot_reverify.proof.pasta_fields import P
from pot_reverify.proof.verifying_key import MAX_TEXT_LENGTH, parse_verifying_key

CHAIN = small_circuit("chain").verifying_key_text
CHAIN_DIGEST = small_circuit("chain").circuit.key.digest


def rejection_of(text):
    with pytest.raises(Rejection) as rejection:
        parse_verifying_key(text)
    return rejection.value.code


def test_what_a_key_says():
    key = small_circuit("chain").circuit.key
    assert (key.k, key.degree, key.permutation_chunk, key.advice_columns) == (5, 5, 3, 5)
    assert len(key.permutation_columns) == 7
    assert [len(lookup.inputs) for lookup in key.lookups] == [1, 2]
    assert key.queries["Advice"][5:] == ((0, -1), (1, 1), (4, 2))
    assert key.blinding_factors == 5
    assert key.last_row == -6
    assert small_circuit("pairs").circuit.key.degree == 7


def test_expressions_of_a_gate():
    gate = small_circuit("gate").circuit.key.gates[0]
    assert isinstance(gate, Product)
    assert degree(gate) == 3
    assert gate.left == Query("Fixed", 0)
    # selector * (value² - value - instance)
    assert evaluate(gate, {"Fixed": [2], "Advice": [5], "Instance": [7]}) == 2 * (25 - 5 - 7)


def test_a_constant_of_an_expression():
    # The input of the lookup is value * (1 - value)² + value.
    lookup = small_circuit("pairs").circuit.key.lookups[0]
    assert degree(lookup.inputs[0]) == 3
    value = evaluate(lookup.inputs[0], {"Advice": [3], "Fixed": [], "Instance": []})
    assert value % P == 3 * (1 - 3) ** 2 + 3


@pytest.mark.parametrize("name", SMALL_CIRCUITS)
def test_every_cut_of_a_key_is_refused(name):
    text = small_circuit(name).verifying_key_text
    for end in range(0, len(text), 23):
        assert rejection_of(text[:end]) == "proof.key-malformed"


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("0x40", "0x41"),
        ("k: 5", "k: 17"),
        ("k: 5", "k: 0"),
        ("num_instance_columns: 1", "num_instance_columns: 2"),
    ],
)
def test_keys_of_another_system_are_refused(old, new):
    assert old in CHAIN
    assert rejection_of(CHAIN.replace(old, new, 1)) == "proof.key-unsupported"


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("k: 5", "k: 6"),
        ("extended_k: 7", "extended_k: 8"),
        ("num_fixed_columns: 5", "num_fixed_columns: 6"),
        ("Product(", "Quotient("),
        ("Fixed {", "Virtual {"),
        ("query_index: 0", "query_index: x"),
        ("gates: [", "gates: [["),
        ("minimum_degree: None", "minimum_degree: 4"),
        ("columns: [Column { index: 0", "columns: [Column { index: 9"),
        ("fixed_commitments: [(0x", "fixed_commitments: [(0xf"),
        (
            "permutation: VerifyingKey { commitments: [",
            "permutation: VerifyingKey { commitments: [1",
        ),
        ("omega: 0x0", "omega: 0x1"),
        ("}, Rotation(0))", "}, 0)"),
        ("gates: [", "gates: [" + "Negated(" * 100_000),
    ],
)
def test_malformed_keys_are_refused(old, new):
    assert old in CHAIN
    assert rejection_of(CHAIN.replace(old, new, 1)) == "proof.key-malformed"


def test_a_commitment_off_the_curve_is_refused():
    start = CHAIN.index("fixed_commitments: [(0x") + len("fixed_commitments: [(0x")
    digit = "1" if CHAIN[start + 40] == "0" else "0"
    text = CHAIN[: start + 40] + digit + CHAIN[start + 41 :]
    assert rejection_of(text) == "proof.key-malformed"


def test_an_element_that_is_not_reduced_is_refused():
    scaled = "0x0000000000000000000000000000000000000000000000000000000000000005"
    assert scaled in CHAIN
    assert rejection_of(CHAIN.replace(scaled, hex(P + 5), 1)) == "proof.key-malformed"


def test_a_text_that_is_too_long_is_refused():
    assert rejection_of(" " * (MAX_TEXT_LENGTH + 1)) == "proof.key-malformed"


@settings(max_examples=300, deadline=None)
@given(st.integers(0, len(CHAIN)), st.integers(0, 40), st.text(max_size=20))
def test_damaged_keys_are_refused_or_are_other_keys(start, removed, inserted):
    text = CHAIN[:start] + inserted + CHAIN[start + removed :]
    with suppress(Rejection):
        assert text == CHAIN or parse_verifying_key(text).digest != CHAIN_DIGEST


def test_any_change_of_the_text_changes_the_digest():
    respaced = CHAIN.replace("cs: ", "cs:  ", 1)
    assert parse_verifying_key(respaced).digest != parse_verifying_key(CHAIN).digest
