"""Policies: what a reader may demand, and the digest that says what was demanded."""

from pathlib import Path

import pytest

from pot_reverify import Policy, Rejection, Role, load_signer

KEYS = Path(__file__).parents[2] / "fixtures" / "keys"


def test_a_key_is_named_once():
    with pytest.raises(Rejection) as refused:
        Policy(signers=load_signer(KEYS / "test-recorder.pub") * 2)
    assert refused.value.code == "policy.repeated-key"


@pytest.mark.parametrize("attempts", [0, -1])
def test_at_least_one_attempt_is_accepted(attempts):
    with pytest.raises(Rejection) as refused:
        Policy(max_attempts=attempts)
    assert refused.value.code == "policy.max-attempts"


def test_a_file_with_two_keys_names_two_signers():
    one, other = load_signer(KEYS / "test-recorder-pq.pub")
    assert (one.name, other.name) == ("test-recorder-pq ed25519", "test-recorder-pq ml-dsa-65")
    assert [signer.name for signer in load_signer(KEYS / "test-recorder.pub", "Acme")] == ["Acme"]


def test_the_digest_depends_on_every_demand_and_not_on_order():
    signers = load_signer(KEYS / "test-recorder.pub") + load_signer(KEYS / "test-stranger.pub")
    auditors = load_signer(KEYS / "test-recorder.pub", roles=frozenset({Role.AUDITOR}))
    renamed = load_signer(KEYS / "test-recorder.pub", "Acme")
    policies = [
        Policy(),
        Policy(max_attempts=1),
        Policy(may_withhold_contents=True),
        Policy(presets=frozenset()),
        Policy(presets=frozenset({"audit"})),
        Policy(signers=signers),
        Policy(signers=signers[:1]),
        Policy(signers=auditors),
        Policy(signers=renamed),
    ]
    assert len({policy.digest for policy in policies}) == len(policies)
    assert Policy(signers=signers).digest == Policy(signers=signers[::-1]).digest
