"""Policies: what a reader may demand, and the digest that says what was demanded."""

from dataclasses import replace
from pathlib import Path

import pytest

from pot_reverify import Policy, Rejection, Role, Withheld, load_signer
from pot_reverify.policy import BindingPolicy, Grade, ProvenTime, TimeAuthority, TimePolicy
from pot_reverify.quotes.evidence import NamedSoftware, QuoteKind, QuotePolicy
from pot_reverify.seal.public_keys import Algorithm

KEYS = Path(__file__).parents[2] / "fixtures" / "keys"
SOFTWARE = NamedSoftware("scorer", QuoteKind.NITRO, {"pcr0": bytes(48)})


def test_a_key_is_named_once():
    with pytest.raises(Rejection) as refused:
        Policy(signers=load_signer(KEYS / "test-recorder.pub") * 2)
    assert refused.value.code == "policy.repeated-key"


@pytest.mark.parametrize("attempts", [0, -1])
def test_at_least_one_attempt_is_accepted(attempts):
    with pytest.raises(Rejection) as refused:
        Policy(max_attempts=attempts)
    assert refused.value.code == "policy.max-attempts"


@pytest.mark.parametrize("alternative", [{}, {Role.VENDOR: 0}, {Role.RECORDER: 1, Role.TEE: -1}])
def test_an_alternative_of_a_quorum_asks_for_somebody(alternative):
    with pytest.raises(Rejection) as refused:
        Policy(quorum=({Role.RECORDER: 1}, alternative))
    assert refused.value.code == "policy.quorum"


def test_two_keys_in_one_file_have_one_owner():
    one, other = load_signer(KEYS / "test-recorder-pq.pub")
    assert one.key != other.key
    assert one.name == other.name == "test-recorder-pq"
    assert [signer.name for signer in load_signer(KEYS / "test-recorder.pub", "Acme")] == ["Acme"]


def test_the_digest_depends_on_every_demand_and_not_on_order():
    signers = load_signer(KEYS / "test-recorder.pub") + load_signer(KEYS / "test-stranger.pub")
    auditors = load_signer(KEYS / "test-recorder.pub", roles=frozenset({Role.AUDITOR}))
    renamed = load_signer(KEYS / "test-recorder.pub", "Acme")
    policies = [
        Policy(),
        Policy(max_attempts=1),
        Policy(name="auditor"),
        Policy(quorum=({Role.RECORDER: 1},)),
        Policy(quorum=({Role.RECORDER: 2},)),
        Policy(algorithms=frozenset({Algorithm.ED25519})),
        Policy(challenge_families=frozenset({"prose/1"})),
        Policy(requires_counterpart=True),
        Policy(requires_proof=True),
        Policy(time=TimePolicy(required=frozenset({ProvenTime.PRECOMMIT}))),
        Policy(time=TimePolicy(authorities=(TimeAuthority("T", b"root"),))),
        Policy(time=TimePolicy(authorities=(TimeAuthority("T", b"root", b"leaf"),))),
        Policy(binding=BindingPolicy(required=frozenset({Grade.WEIGHTS}))),
        Policy(binding=BindingPolicy(quotes=QuotePolicy(vmpls=frozenset({1})))),
        Policy(binding=BindingPolicy(quotes=QuotePolicy(revocation_required=False))),
        Policy(binding=BindingPolicy(quotes=QuotePolicy(roots={"intel": (b"other",)}))),
        Policy(binding=BindingPolicy(quotes=QuotePolicy(software=(SOFTWARE,)))),
        Policy(signers=(replace(signers[0], not_after_ns=1),)),
        Policy(signers=(replace(signers[0], not_before_ns=1),)),
        *(Policy(withheld=how) for how in (Withheld.CONTENTS, Withheld.SCORES)),
        Policy(presets=frozenset()),
        Policy(presets=frozenset({"audit"})),
        Policy(signers=signers),
        Policy(signers=signers[:1]),
        Policy(signers=auditors),
        Policy(signers=renamed),
    ]
    assert len({policy.digest for policy in policies}) == len(policies)
    assert Policy(signers=signers).digest == Policy(signers=signers[::-1]).digest
