"""The program `pot-halo2` as a verifier: what it says, and what is made of a broken one."""

import json
import os
from dataclasses import replace
from pathlib import Path

import pytest
from decision_vectors import DOCUMENTS, SMALL, proof_claim
from proof_vectors import small_circuit

from pot_reverify.errors import Indeterminate
from pot_reverify.proof import external
from pot_reverify.proof.external import find_program, verify_with_binary, verify_with_both
from pot_reverify.proof.pasta_fields import P, Q
from pot_reverify.proof.verify import check_proofs

with_program = pytest.mark.skipif(
    "POT_HALO2" not in os.environ, reason="POT_HALO2 names no program"
)
SAME = proof_claim("same")
CIRCUIT = SAME.circuit.circuit_id
GOOD = {"circuit": CIRCUIT, "verified": True}
BAD = {
    "circuit": CIRCUIT,
    "verified": False,
    "error": {"code": "proof.length", "message": "a proof has 5888 bytes, this one 0"},
}


def program():
    return Path(os.environ["POT_HALO2"])


def codes(findings):
    return [finding and finding.code for finding in findings]


def with_item(claim, index, value):
    items = [claim.proof[at : at + 32] for at in range(0, len(claim.proof), 32)]
    items[index] = value.to_bytes(32, "little")
    return replace(claim, proof=b"".join(items))


def with_value(claim, row, value):
    return replace(claim, instance=(*claim.instance[:row], value, *claim.instance[row + 1 :]))


def what_can_be_wrong():
    values = SAME.instance
    return [
        (SAME, None),
        (proof_claim("different"), None),
        (replace(SAME, proof=proof_claim("different").proof), "proof.opening-failed"),
        (with_item(SAME, -1, 1), "proof.opening-failed"),
        (with_item(SAME, -1, P), "proof.scalar-not-canonical"),
        (with_item(SAME, 0, 0), "proof.point-is-identity"),
        (with_item(SAME, 0, Q), "proof.point-not-canonical"),
        (with_item(SAME, 0, 2), "proof.point-not-on-curve"),
        (replace(SAME, proof=b""), "proof.length"),
        (replace(SAME, proof=SAME.proof[:-1]), "proof.length"),
        (replace(SAME, proof=SAME.proof + bytes(1 << 24)), "proof.length"),
        (replace(SAME, instance=values[:-1]), "proof.instance-length"),
        (replace(SAME, instance=(*values, 0)), "proof.instance-length"),
        (replace(SAME, instance=values * 10_000), "proof.instance-length"),
        (with_value(SAME, 1, P), "proof.instance-not-canonical"),
        (with_value(SAME, 1, -1), "proof.instance-not-canonical"),
        (with_value(SAME, 1, 1 << 256), "proof.instance-not-canonical"),
        (with_value(SAME, 1, 1 << (1 << 24)), "proof.instance-not-canonical"),
        (with_value(SAME, 1, 1), "proof.opening-failed"),
    ]


@with_program
def test_it_gives_the_reasons_that_python_gives():
    claims, expected = map(list, zip(*what_can_be_wrong(), strict=True))
    assert codes(check_proofs(claims)) == expected
    assert codes(verify_with_binary(claims, program())) == expected
    assert codes(verify_with_both(claims, program())) == expected
    alone = [verify_with_binary([claim], program())[0] for claim in claims[:4]]
    assert codes(alone) == expected[:4]


@with_program
def test_it_refuses_public_values_that_no_claim_has():
    for row, value in ((0, 0), (4, 67), (9, 1 << 16), (17, 0), (23, 0)):
        claim = with_value(SAME, row, value)
        assert codes(verify_with_binary([claim], program())) == ["proof.instance-out-of-range"]
        assert codes(verify_with_both([claim], program())) == ["proof.opening-failed"]


@with_program
def test_every_circuit_in_one_go():
    claims = [proof_claim(name) for name in DOCUMENTS]
    assert verify_with_binary(claims, program()) == [None] * len(claims)
    assert verify_with_binary([], program()) == []


@with_program
def test_it_knows_the_registered_circuits_only():
    claim = small_circuit("chain").proofs[0]
    assert codes(verify_with_binary([SAME, claim], program())) == [None, "proof.unknown-circuit"]


@with_program
def test_many_claims_go_to_several_processes(monkeypatch):
    monkeypatch.setattr(external, "MAX_CLAIMS", 3)
    claims = [proof_claim(name) for name in SMALL]
    claims.append(replace(claims[0], proof=claims[1].proof))
    expected = [*[None] * 4, "proof.opening-failed"]
    assert codes(verify_with_binary(claims, program())) == expected


@with_program
def test_a_full_process_reads_its_input():
    claims = [replace(SAME, proof=SAME.proof + b"\x00")] * external.MAX_CLAIMS
    assert codes(verify_with_binary(claims, program())) == ["proof.length"] * len(claims)


@with_program
def test_the_program_on_the_path_is_used(tmp_path, monkeypatch):
    (tmp_path / "pot-halo2").symlink_to(program())
    monkeypatch.setenv("PATH", str(tmp_path))
    assert find_program() == tmp_path / "pot-halo2"
    assert verify_with_binary([SAME]) == [None]


def test_where_there_is_no_program(tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(Indeterminate) as refusal:
        verify_with_binary([SAME])
    assert refusal.value.code == "proof.binary-missing"
    assert refusal.value.needs == "cargo install --path halo2"


def broken_program(folder, output, exit_code):
    path = folder / "pot-halo2"
    (folder / "output").write_bytes(output)
    path.write_text(f"#!/bin/sh\ncat > {folder}/input\ncat {folder}/output\nexit {exit_code}\n")
    path.chmod(0o755)
    return path


def answer(*findings):
    return json.dumps({"findings": findings}).encode()


def test_what_the_program_says_is_taken_from_it(tmp_path):
    claims = [SAME, replace(SAME, proof=b"")]
    path = broken_program(tmp_path, answer(GOOD, BAD), 1)
    assert codes(verify_with_binary(claims, path)) == [None, "proof.length"]
    asked = json.loads((tmp_path / "input").read_text())
    assert [document["circuit"] for document in asked] == [CIRCUIT] * 2
    assert [int(value, 16) for value in asked[0]["public_inputs"]] == list(SAME.instance)


@pytest.mark.parametrize(
    ("output", "exit_code"),
    [
        (b"", 0),
        (b"{", 0),
        (b"\xff", 0),
        (b"[" * 100_000, 0),
        (b"[]", 0),
        (b"null", 0),
        (b"{}", 0),
        (answer(), 0),
        (answer(GOOD, GOOD), 0),
        (answer("verified"), 0),
        (answer({**GOOD, "circuit": "eb-1.n141.v1"}), 0),
        (answer({**GOOD, "verified": 1}), 0),
        (answer({**GOOD, "verified": "true"}), 0),
        (answer({**GOOD, "error": None}), 0),
        (answer({"verified": True}), 0),
        (answer(GOOD)[:-1] + b', "findings": []}', 0),
        (answer(GOOD)[:-1] + b', "more": 1}', 0),
        (answer(GOOD) + b"{}", 0),
        (answer(GOOD).replace(b"true", b'false, "verified": true'), 0),
        (answer({**BAD, "error": {"code": "proof.fine", "message": ""}}), 1),
        (answer({**BAD, "error": {"code": "proof.length"}}), 1),
        (answer({**BAD, "error": {**BAD["error"], "more": 1}}), 1),
        (answer({**BAD, "more": 1}), 1),
        (answer(BAD), 0),
        (answer(GOOD), 1),
        (answer(GOOD), 2),
        (answer(GOOD), 70),
        (answer(GOOD), 101),
        (b'{"circuit": "eb-1.n66.v1", "verified": true}', 0),
    ],
    ids=lambda value: str(value)[:60],
)
def test_nothing_else_that_a_program_says_counts(tmp_path, output, exit_code):
    with pytest.raises(Indeterminate) as refusal:
        verify_with_binary([SAME], broken_program(tmp_path, output, exit_code))
    assert refusal.value.code == "proof.binary-failed"


def test_a_program_that_cannot_be_run(tmp_path, monkeypatch):
    path = broken_program(tmp_path, b"", 0)
    path.write_text("#!/bin/sh\nexec sleep 60\n")
    monkeypatch.setattr(external, "_SECONDS_MAX", 0.2)
    path_without_permission = tmp_path / "input"
    path_without_permission.write_text("")
    for one in (path, path_without_permission, tmp_path / "none", tmp_path):
        with pytest.raises(Indeterminate) as refusal:
            verify_with_binary([SAME], one)
        assert refusal.value.code == "proof.binary-failed"


def test_a_program_that_is_killed(tmp_path):
    path = broken_program(tmp_path, b"", 0)
    path.write_text("#!/bin/sh\nkill -9 $$\n")
    with pytest.raises(Indeterminate) as refusal:
        verify_with_binary([SAME], path)
    assert refusal.value.code == "proof.binary-failed"
    assert "exit code -9" in str(refusal.value)


def test_verifiers_that_disagree(tmp_path):
    wrong = replace(SAME, proof=b"")
    path = broken_program(tmp_path, answer(BAD, GOOD), 1)
    findings = verify_with_both([SAME, wrong], path)
    assert codes(findings) == ["proof.verifiers-disagree"] * 2
    assert findings[0].expected == "in Python accepted"
    assert findings[1].got == "from pot-halo2 accepted"
