"""Proofs of `pot-halo2` that scores give a decision under rule eb/1, and the registry."""

import hashlib
from dataclasses import replace
from fractions import Fraction

import pytest
from decision_vectors import DOCUMENTS, SMALL, SMALL_2, circuit_and_proof, decision_claim
from test_proof_arithmetic import assert_instance_bases

from pot_reverify.decision.empirical_bernstein import Decision, StopReason, decide
from pot_reverify.decision.presets import PRESETS, Preset
from pot_reverify.errors import Rejection
from pot_reverify.proof import registry
from pot_reverify.proof.challenge_commitments import commit_to_challenge, commit_to_run
from pot_reverify.proof.eb_instance import (
    Sums,
    commit_to_scores,
    preset_digest,
    public_values,
)
from pot_reverify.proof.pasta_fields import P
from pot_reverify.proof.registry import (
    LATEST_VERSION,
    REGISTRY,
    find_circuit,
    load_circuit,
    prepare_claim,
    smallest_circuit,
)
from pot_reverify.proof.verify import check_proofs, verify_proof

INSTANCE_LENGTHS = {1: 24, 2: 26}
every_document = pytest.mark.parametrize("name", sorted(DOCUMENTS))


def rejection_of(action, *arguments):
    with pytest.raises(Rejection) as rejection:
        action(*arguments)
    return rejection.value.code


def verdict_on(name, claim):
    circuit, proof = circuit_and_proof(name)
    return rejection_of(verify_proof, prepare_claim(circuit, claim, proof))


def test_every_circuit_and_reason_has_a_proof():
    outputs = [document["output"] for document in DOCUMENTS.values()]
    assert {output["circuit"] for output in outputs} == {one.circuit_id for one in REGISTRY}
    assert {output["reason"] for output in outputs} == set(StopReason)
    assert {output["decision"] for output in outputs} == set(Decision)


@every_document
def test_proofs_of_decisions_are_accepted(name):
    circuit, proof = circuit_and_proof(name)
    claim = prepare_claim(circuit, decision_claim(name), proof)
    assert [f"{value:064x}" for value in claim.instance] == (
        DOCUMENTS[name]["output"]["public_inputs"]
    )
    verify_proof(claim)


@every_document
def test_disclosed_scores_open_the_commitment(name):
    run, claim = DOCUMENTS[name]["input"], decision_claim(name)
    digest = preset_digest(claim.preset, claim.attempt)
    assert digest.hex() == DOCUMENTS[name]["output"]["preset_digest"]
    scores, capacity = run["scores"], find_circuit(circuit_and_proof(name)[0]).capacity
    outcome = decide(claim.preset, scores, claim.attempt)
    assert (outcome.reason, outcome.n) == (claim.reason, claim.n)
    if claim.sums is None:
        opened = commit_to_scores(
            capacity, digest, claim.run_digest, bytes.fromhex(run["salt"]), scores
        )
    else:
        each = committed(name)
        assert [f"{one:064x}" for one in each] == (
            DOCUMENTS[name]["output"]["challenge_commitments"]
        )
        opened = commit_to_run(capacity, digest, claim.run_digest, each)
        assert claim.sums == Sums(outcome.S, outcome.V)
    assert opened == claim.score_commitment


def committed(name):
    run = DOCUMENTS[name]["input"]
    salts = map(bytes.fromhex, run["salts"])
    return [
        commit_to_challenge(scores, salt) for scores, salt in zip(run["scores"], salts, strict=True)
    ]


@pytest.mark.parametrize("change", ["preset", "run", "order", "one", "padding", "dropped"])
def test_a_commitment_to_challenges_binds_everything(change):
    claim, each = decision_claim("v2-different"), committed("v2-different")
    digest, run_digest = preset_digest(claim.preset, claim.attempt), claim.run_digest
    match change:
        case "preset":
            digest = preset_digest(claim.preset, 2)
        case "run":
            run_digest = run_digest[:-1] + b"\x00"
        case "order":
            each[0], each[1] = each[1], each[0]
        case "one":
            each[-1] ^= 1
        case "padding":
            each.append(commit_to_challenge((0, 0, 0, 0), bytes(16)))
        case "dropped":
            each.pop()
    assert commit_to_run(66, digest, run_digest, each) != claim.score_commitment


def test_a_commitment_to_a_challenge_binds_each_score_and_the_salt():
    seen = {commit_to_challenge((1, 2, 3, 4), bytes(16))}
    for scores in ((2, 2, 3, 4), (1, 3, 3, 4), (1, 2, 4, 4), (1, 2, 3, 5), (4, 3, 2, 1)):
        seen.add(commit_to_challenge(scores, bytes(16)))
    seen.add(commit_to_challenge((1, 2, 3, 4), bytes(15) + b"\x01"))
    assert len(seen) == 7


@pytest.mark.parametrize(
    ("scores", "salt", "code"),
    [
        ((0, 0, 0, 0), bytes(15), "proof.salt-length"),
        ((0, 0, 0, 65536), bytes(16), "proof.scores-not-packable"),
        ((0, 0, -1, 0), bytes(16), "proof.scores-not-packable"),
        ((0, 0, 0), bytes(16), "proof.scores-not-packable"),
        ((0, 0, 0, 0, 0), bytes(16), "proof.scores-not-packable"),
    ],
)
def test_a_challenge_that_has_no_commitment_of_its_own_is_refused(scores, salt, code):
    assert rejection_of(commit_to_challenge, scores, salt) == code


@pytest.mark.parametrize("each", [[P], [-1], [0] * 67])
def test_commitments_to_challenges_are_reduced_and_no_more_than_the_circuit_holds(each):
    code = rejection_of(commit_to_run, 66, bytes(32), bytes(32), each)
    assert code == "proof.challenge-commitments-malformed"


PROVEN = DOCUMENTS["v2-between"]["output"]
SUMS = PROVEN["score_sum"], PROVEN["square_sum"]


@pytest.mark.parametrize(
    "sums",
    [
        Sums(SUMS[0] + 1, SUMS[1]),
        Sums(SUMS[0] - 1, SUMS[1]),
        Sums(SUMS[0], SUMS[1] + 1),
        Sums(SUMS[0], SUMS[1] - 1),
        Sums(0, 0),
        Sums(1, 1),
    ],
    ids=str,
)
def test_other_sums_than_the_proven_ones_are_rejected(sums):
    assert verdict_on("v2-between", replace(decision_claim("v2-between"), sums=sums)) == (
        "proof.opening-failed"
    )


@pytest.mark.parametrize(
    "sums", [Sums(4 * 18 * 65535 + 1, 0), Sums(0, 4 * 18 * 65535**2 + 1), Sums(-1, 0), Sums(0, -1)]
)
def test_sums_that_no_scores_have_are_refused_before_the_proof_is_read(sums):
    claim = replace(decision_claim("v2-between"), sums=sums)
    assert rejection_of(prepare_claim, "eb-1.n66.v2", claim, b"") == "proof.sums-out-of-range"


def test_a_claim_without_sums_has_too_few_public_values_for_version_2():
    claim = replace(decision_claim("v2-same"), sums=None)
    assert verdict_on("v2-same", claim) == "proof.instance-length"


def test_version_1_says_nothing_of_sums():
    claim = replace(decision_claim("same"), sums=Sums(1, 2))
    verify_proof(prepare_claim(*_swap(circuit_and_proof("same"), claim)))


@pytest.mark.parametrize("name", SMALL)
def test_a_proof_of_one_version_is_none_of_the_other(name):
    for ours, theirs in ((name, f"v2-{name}"), (f"v2-{name}", name)):
        circuit, _ = circuit_and_proof(theirs)
        claim = prepare_claim(circuit, decision_claim(theirs), circuit_and_proof(ours)[1])
        assert rejection_of(verify_proof, claim) == "proof.length"
        circuit = replace(claim.circuit, proof_bytes=len(claim.proof))
        assert rejection_of(verify_proof, replace(claim, circuit=circuit)).startswith("proof.")


@pytest.mark.parametrize("change", ["preset", "run", "salt", "score", "padding"])
def test_a_commitment_binds_everything(change):
    run, claim = DOCUMENTS["exhausted"]["input"], decision_claim("exhausted")
    digest, run_digest = preset_digest(claim.preset, claim.attempt), claim.run_digest
    salt, scores = bytes.fromhex(run["salt"]), [list(scores) for scores in run["scores"]]
    match change:
        case "preset":
            digest = preset_digest(claim.preset, 2)
        case "run":
            run_digest = run_digest[:-1] + b"\x00"
        case "salt":
            salt = bytes(16)
        case "score":
            scores[-1][-1] += 1
        case "padding":
            scores.append([0, 0, 0, 0])
    commitment = commit_to_scores(66, digest, run_digest, salt, scores)
    assert commitment != claim.score_commitment


@pytest.mark.parametrize(
    "change",
    [
        {"reason": StopReason.DIFFERENT},
        {"reason": StopReason.BETWEEN},
        {"reason": StopReason.EXHAUSTED},
        {"n": 30},
        {"n": 32},
        {"attempt": 2},
        {"run_digest": bytes(32)},
        {"score_commitment": 1},
        {"preset": replace(PRESETS["audit"], name="custom", gamma=Fraction(1, 11))},
        {"preset": replace(PRESETS["audit"], name="custom", n_max=399)},
        {"preset": replace(PRESETS["audit"], name="custom", n_min=29)},
        {"preset": replace(PRESETS["audit"], name="custom", alpha=Fraction(1, 101))},
    ],
    ids=str,
)
@pytest.mark.parametrize("name", ["same", "v2-same"])
def test_a_proof_of_another_claim_is_rejected(name, change):
    assert verdict_on(name, replace(decision_claim(name), **change)) == "proof.opening-failed"


@pytest.mark.parametrize(
    ("salt", "scores", "code"),
    [
        (bytes(15), [], "proof.salt-length"),
        (bytes(16), [[0, 0, 0, 65536]], "proof.scores-not-packable"),
        (bytes(16), [[0, 0, -1, 0]], "proof.scores-not-packable"),
        (bytes(16), [[0, 0, 0]], "proof.scores-not-packable"),
        (bytes(16), [[0, 0, 0, 0]] * 67, "proof.scores-not-packable"),
    ],
    ids=lambda value: str(value)[:20],
)
def test_what_has_no_commitment_of_its_own_is_refused(salt, scores, code):
    assert rejection_of(commit_to_scores, 66, bytes(32), bytes(32), salt, scores) == code


@pytest.mark.parametrize("length", [0, 31, 33])
def test_digests_have_32_bytes(length):
    claim = replace(decision_claim("same"), run_digest=bytes(length))
    assert rejection_of(public_values, "eb-1.n66.v1", 66, claim) == "proof.digest-length"


def test_the_name_of_a_preset_is_only_a_label():
    claim = decision_claim("same")
    renamed = replace(claim, preset=replace(claim.preset, name="custom"))
    verify_proof(prepare_claim(*_swap(circuit_and_proof("same"), renamed)))


def _swap(circuit_and_proof_, claim):
    circuit, proof = circuit_and_proof_
    return circuit, claim, proof


def test_a_commitment_is_reduced():
    claim = decision_claim("same")
    shifted = replace(claim, score_commitment=claim.score_commitment + P)
    assert verdict_on("same", shifted) == "proof.instance-not-canonical"


def test_proofs_of_one_circuit_do_not_pass_in_another():
    pairs = (("same", "second-attempt"), ("v2-same", "v2-second-attempt"))
    for name, other in (*pairs, *(pair[::-1] for pair in pairs)):
        circuit, _ = circuit_and_proof(name)
        claim = prepare_claim(circuit, decision_claim(name), circuit_and_proof(other)[1])
        assert rejection_of(verify_proof, claim) == "proof.length"
        circuit = replace(claim.circuit, proof_bytes=len(claim.proof))
        assert rejection_of(verify_proof, replace(claim, circuit=circuit)).startswith("proof.")


def test_a_batch_of_decisions():
    names = (SMALL[0], SMALL_2[1], SMALL[2], SMALL_2[3])
    claims = [
        prepare_claim(*_swap(circuit_and_proof(name), decision_claim(name))) for name in names
    ]
    assert check_proofs(claims) == [None] * len(claims)
    claims[2] = replace(claims[2], proof=claims[1].proof)
    findings = [finding and finding.code for finding in check_proofs(claims)]
    assert findings == [None, None, "proof.length", None]
    claims[2] = replace(claims[2], proof=claims[0].proof)
    findings = [finding and finding.code for finding in check_proofs(claims)]
    assert findings == [None, None, "proof.opening-failed", None]


@pytest.mark.parametrize(
    "circuit", ["", "eb-1.n66.v3", "eb-1.n141.v2", "../eb-1.n66.v1", "x" * 10_000]
)
def test_unknown_circuits_are_refused(circuit):
    assert rejection_of(find_circuit, circuit) == "proof.unknown-circuit"
    assert rejection_of(load_circuit, circuit) == "proof.unknown-circuit"
    assert rejection_of(prepare_claim, circuit, decision_claim("same"), b"") == (
        "proof.unknown-circuit"
    )


def test_a_run_has_one_circuit():
    claim = decision_claim("same")
    for circuit in ("eb-1.n141.v1", "eb-1.n139.v2"):
        assert rejection_of(prepare_claim, circuit, claim, b"") == "proof.not-the-smallest-circuit"


@pytest.mark.parametrize(
    ("circuit", "n"), [("eb-1.n66.v1", 29), ("eb-1.n579.v1", 401), ("eb-1.n564.v2", 401)]
)
def test_where_no_run_of_the_preset_stops(circuit, n):
    claim = replace(decision_claim("same"), n=n)
    assert rejection_of(prepare_claim, circuit, claim, b"") == "proof.challenges-out-of-range"


def test_a_run_that_no_circuit_holds():
    preset = replace(PRESETS["extended"], name="custom", n_max=1000)
    claim = replace(decision_claim("n801"), preset=preset, n=802)
    assert rejection_of(prepare_claim, "eb-1.n801.v1", claim, b"") == (
        "proof.challenges-out-of-range"
    )


@pytest.mark.parametrize(
    "change",
    [
        {"gamma": Fraction(1, 999_983), "eta": Fraction(1, 2)},
        {"delta": Fraction(999, 1000), "gamma": Fraction(1, 997)},
    ],
    ids=str,
)
def test_margins_without_a_small_common_denominator(change):
    preset = replace(PRESETS["audit"], name="custom", **change)
    claim = replace(decision_claim("same"), preset=preset)
    assert rejection_of(public_values, "eb-1.n66.v1", 66, claim) == "proof.preset-not-provable"


def test_public_values_of_the_audit_preset():
    values = public_values("eb-1.n66.v1", 66, decision_claim("same"))
    assert len(values) == INSTANCE_LENGTHS[1]
    assert values[0].to_bytes(11, "big") == b"eb-1.n66.v1"
    # A_k of the design; then gamma, 2*eta*gamma, delta, (1 - epsilon)*delta, 2*epsilon over 10.
    assert values[10:14] == (25733144285, 28710188757, 31687233229, 31687233229)
    assert values[17:] == (10, 1, 1, 10, 9, 2, 30)
    sums = replace(decision_claim("same"), sums=Sums(5, 7))
    assert public_values("eb-1.n66.v1", 66, sums) == (*values, 5, 7)


def test_switch_points_are_where_the_least_line_changes():
    preset = Preset(
        "custom", Fraction(1, 7), Fraction(1, 5), Fraction(1), Fraction(1), Fraction(1, 3), 1, 9
    )
    claim = replace(decision_claim("same"), preset=preset, n=5)
    *a, switch_0, switch_1, switch_2 = public_values("eb-1.n66.v1", 66, claim)[10:17]
    lam = [Fraction(31, 32), Fraction(3, 4), Fraction(1, 2), Fraction(1, 4)]
    slope = [10724472792, 2732863472, 829560824, 161843269]
    for line, switch in enumerate((switch_0, switch_1, switch_2)):

        def rise(v, line=line):
            here, after = (
                (a[index] * 2**32 + slope[index] * v) / lam[index] for index in (line, line + 1)
            )
            return here - after

        assert rise(switch) <= 0 < rise(switch + 1)


@pytest.mark.parametrize("registered", REGISTRY, ids=lambda one: one.circuit_id)
def test_the_registry_says_what_the_keys_say(registered):
    circuit = load_circuit(registered.circuit_id)
    key = circuit.key
    assert key.k == registered.k
    assert len(circuit.instance_bases) == registered.instance_length
    assert registered.instance_length == INSTANCE_LENGTHS[registered.version]
    assert registered.circuit_id.endswith(f".v{registered.version}")
    chunks = -(-len(key.permutation_columns) // key.permutation_chunk)
    points = key.advice_columns + 3 * len(key.lookups) + chunks + key.degree + 2 + 2 * key.k
    scalars = sum(map(len, key.queries.values())) + len(key.permutation_columns)
    scalars += 3 * chunks - 1 + 5 * len(key.lookups) + 1 + _point_sets(key) + 2
    assert 32 * (points + scalars) == registered.proof_bytes


def _point_sets(key):
    """How many different sets of rotations the polynomials of a circuit are opened at."""
    rotations = {}
    for kind, queries in key.queries.items():
        for column, rotation in queries:
            rotations.setdefault((kind, column), set()).add(rotation)
    sets = {frozenset(values) for values in rotations.values()}
    return len(sets | {frozenset(s) for s in ({0}, {0, 1}, {0, -1}, {0, 1, key.last_row})})


def test_the_registry_is_in_order():
    for version in range(1, LATEST_VERSION + 1):
        capacities = [one.capacity for one in REGISTRY if one.version == version]
        assert capacities == sorted(set(capacities))
        assert capacities[-1] == 801
        for n in (1, *capacities):
            assert smallest_circuit(version, n).capacity >= n
        assert smallest_circuit(version, 802) is None
    assert len({one.circuit_id for one in REGISTRY}) == len(REGISTRY)


@pytest.mark.parametrize("circuit", ["eb-1.n66.v1", "eb-1.n141.v1", "eb-1.n66.v2"])
def test_instance_bases_of_the_registry_follow_from_the_public_string(circuit):
    assert_instance_bases(load_circuit(circuit))


def test_a_changed_file_of_this_package_is_noticed(tmp_path, monkeypatch):
    for path in registry._DATA.iterdir():
        (tmp_path / path.name).write_bytes(path.read_bytes())
    monkeypatch.setattr(registry, "_DATA", tmp_path)
    read = load_circuit.__wrapped__
    assert read("eb-1.n66.v1") == load_circuit("eb-1.n66.v1")
    for name in ("eb-1.n66.v1.vk.txt", "eb-1.n66.v1.bases.txt"):
        path = tmp_path / name
        content = path.read_bytes()
        path.write_bytes(content[:-2] + bytes([content[-2] ^ 1]) + content[-1:])
        assert rejection_of(read, "eb-1.n66.v1") == "proof.circuit-damaged"
        path.write_bytes(content)


def test_the_salt_hides_equal_scores():
    digest = hashlib.sha256(b"").digest()
    salts = (bytes(16), bytes(15) + b"\x01")
    assert len({commit_to_scores(66, digest, digest, salt, []) for salt in salts}) == 2
