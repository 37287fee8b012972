"""A round is fetched from real servers on the loopback, which answer well, badly, late or never."""

import json
import sys
import time
from dataclasses import replace

import pytest
import test_chains
from beacon_server import Behaviour, answer_of, serve_beacon

from pot_recorder.beacon_client import MAX_ANSWER_BYTES, BeaconService, read_answer, wait_for
from pot_recorder.second_half import (
    BeaconAnswer,
    PartyWord,
    take_second_half,
    token_warning,
)
from pot_reverify import Indeterminate, Rejection
from pot_reverify.beacons.chains import QUICKNET
from pot_reverify.beacons.round import verify_round

CHAIN = test_chains.QUICK
BOTH = pytest.mark.parametrize(
    "chain", [test_chains.QUICK, test_chains.CHAINED], ids=["quick", "chained"]
)


def service(*servers, timeout_s=5.0, patience_s=0.0):
    return BeaconService(servers, timeout_s, patience_s)


def past(chain=CHAIN):
    return chain.first_round_from(time.time_ns()) - 5


def refusal(behaviour, chain=CHAIN, **options):
    with serve_beacon(behaviour) as (url, paths), pytest.raises(Rejection) as refused:
        service(url, **options).fetch(chain, past(chain), lambda _text: None)
    return refused.value.code, paths


@BOTH
def test_a_round_is_fetched_and_verified(chain):
    number = past(chain)
    with serve_beacon() as (url, paths):
        one = service(url + "/").fetch(chain, number, lambda _text: None)
    assert one == test_chains.sign_round(chain, number)
    assert paths == [f"/{chain.hash.hex()}/public/{number}"]


def test_a_round_that_is_to_come_is_waited_for():
    number = CHAIN.first_round_from(time.time_ns() + 10**9)
    notes = []
    with serve_beacon() as (url, paths):
        one = service(url, patience_s=30.0).fetch(CHAIN, number, notes.append)
    assert time.time_ns() >= CHAIN.time_ns(number)
    verify_round(CHAIN, one)
    assert len(paths) == 1
    assert notes[0].startswith(f"waiting for round {number} of TEST CHAIN")
    wait_for(CHAIN, past(), notes.append)
    assert len(notes) == 1


def test_a_server_that_is_late_is_asked_again():
    with serve_beacon(Behaviour(refusals=2)) as (url, paths):
        service(url, patience_s=60.0).fetch(CHAIN, past(), lambda _text: None)
    assert len(paths) == 3


def test_the_next_server_is_asked_where_one_is_wrong_or_away():
    liar = Behaviour(number_added=1)
    with serve_beacon(liar) as (wrong, _), serve_beacon() as (good, asked):
        servers = ("http://127.0.0.1:1", wrong, good)
        one = service(*servers).fetch(CHAIN, past(), lambda _text: None)
    verify_round(CHAIN, one)
    assert len(asked) == 1


def tampered(**changes):
    def change(body):
        return json.dumps({**json.loads(body), **changes}).encode()

    return change


@pytest.mark.parametrize(
    ("behaviour", "code"),
    [
        (Behaviour(number_added=1), "beacon.other-round"),
        (Behaviour(change=tampered(round=7)), "beacon.other-round"),
        (Behaviour(change=tampered(signature="00" * 48)), "beacon.point"),
        (
            Behaviour(change=tampered(signature=answer_of(CHAIN, 7)["signature"])),
            "beacon.signature",
        ),
        (Behaviour(change=tampered(previous_signature="00" * 48)), "beacon.previous-signature"),
        (Behaviour(change=tampered(signature=7)), "schema.wrong-type"),
        (Behaviour(change=tampered(signature="AB" * 48)), "schema.unknown-value"),
        (Behaviour(change=lambda _body: b"{"), "json.malformed"),
        (Behaviour(change=lambda body: body + b" " * MAX_ANSWER_BYTES), "beacon.bad-answer"),
        (Behaviour(content_type="text/html"), "beacon.bad-answer"),
        (Behaviour(status=500), "beacon.no-answer"),
        (Behaviour(refusals=99), "beacon.no-answer"),
        (Behaviour(status=302, headers={"Location": "http://127.0.0.1:1/"}), "beacon.no-answer"),
    ],
    ids=lambda one: one if isinstance(one, str) else "",
)
def test_nothing_that_a_server_says_is_believed(behaviour, code):
    found, paths = refusal(behaviour)
    assert found == code
    assert len(paths) == 1, "a redirect is not followed, a wrong answer not asked for again"


def test_a_server_that_drips_is_left():
    found, _ = refusal(Behaviour(drip_s=0.05), timeout_s=0.5)
    assert found == "beacon.no-answer"


def test_other_addresses_are_not_asked():
    with pytest.raises(Rejection) as refused:
        service("file:///etc").fetch(CHAIN, past(), lambda _text: None)
    assert refused.value.code == "beacon.url"


def test_the_randomness_that_a_server_states_is_not_read():
    number = past()
    answer = {**answer_of(CHAIN, number), "randomness": "00" * 32}
    one = read_answer(json.dumps(answer).encode(), CHAIN, number, "x")
    assert one.randomness == test_chains.sign_round(CHAIN, number).randomness


# What `record` takes for the other half, by what the precommit names.


@pytest.fixture
def signers():
    from pot_recorder.keys import generate_private_keys

    return generate_private_keys(post_quantum=False)


@pytest.fixture
def promise(tmp_path, signers):
    from pot_recorder.promise import make_promise, save_promise
    from pot_reverify.decision.presets import PRESETS
    from pot_reverify.documents.model_identity import ModelClaim

    def make(counterpart):
        made = make_promise(
            reference=ModelClaim("a", bytes(32)),
            candidate=ModelClaim("b", bytes(32)),
            preset=PRESETS["quick"],
            attempt=1,
            counterpart=counterpart,
            signers=signers,
        )
        path = tmp_path / f"{made.precommit.run_id.hex()}.precommit"
        save_promise(made, path, signers)
        return path, made

    return make


def beacon(chain, number):
    from pot_reverify.documents.precommit import Counterpart

    return Counterpart("beacon", chain.name, number)


def party(key_id=None):
    from pot_reverify.documents.precommit import Counterpart

    return Counterpart("party" if key_id is None else "party-with-key", "Ada", None, key_id)


def test_a_fetched_round_is_kept_and_not_asked_for_again(promise, tmp_path):
    number = past()
    path, _ = promise(beacon(CHAIN, number))
    output, notes = tmp_path / "run.potb", []
    with serve_beacon() as (url, paths):
        source = BeaconAnswer(None, service(url), (CHAIN,))
        nonce = take_second_half(path, source, output, notes.append)
        again = take_second_half(path, None, output, notes.append)
        assert take_second_half(path, source, output) == nonce
    assert nonce == again == test_chains.sign_round(CHAIN, number).randomness
    assert len(paths) == 2
    assert notes[0].startswith("warning: there is no ")
    assert "TEST CHAIN" in notes[1]


def test_a_missing_library_is_said_before_the_wait(promise, tmp_path, monkeypatch):
    path, _ = promise(beacon(CHAIN, CHAIN.first_round_from(time.time_ns()) + 10**6))
    monkeypatch.setitem(sys.modules, "pyblst", None)
    with pytest.raises(Indeterminate) as unknown:
        take_second_half(path, BeaconAnswer(None, service(), (CHAIN,)), tmp_path / "run.potb")
    assert unknown.value.code == "beacon.backend-missing"


def test_a_round_by_hand_is_verified_too(promise, tmp_path):
    number = past()
    path, _ = promise(beacon(CHAIN, number))
    file = tmp_path / "round.json"
    file.write_text(json.dumps(answer_of(CHAIN, number + 1)))
    with pytest.raises(Rejection) as refused:
        take_second_half(path, BeaconAnswer(file, None, (CHAIN,)), tmp_path / "run.potb")
    assert refused.value.code == "beacon.other-round"
    file.write_text(json.dumps(answer_of(CHAIN, number)))
    with pytest.raises(Rejection) as refused:
        take_second_half(path, BeaconAnswer(file), tmp_path / "run.potb")
    assert refused.value.code == "session.beacon-not-known"
    assert take_second_half(path, BeaconAnswer(file, None, (CHAIN,)), tmp_path / "run.potb")
    # A clock that lags behind the beacon would seal a run that began before its round.
    early = CHAIN.first_round_from(time.time_ns()) + 1000
    path, _ = promise(beacon(CHAIN, early))
    file.write_text(json.dumps(answer_of(CHAIN, early)))
    with pytest.raises(Rejection) as refused:
        take_second_half(path, BeaconAnswer(file, None, (CHAIN,)), tmp_path / "late.potb")
    assert refused.value.code == "session.clock-behind-beacon"


def test_every_precommit_gets_the_kind_of_half_that_it_names(promise, tmp_path):
    output = tmp_path / "run.potb"
    nobody, somebody, machine = (
        promise(one)[0] for one in (None, party(), beacon(QUICKNET, 10**9))
    )
    word = PartyWord(tmp_path / "none.json")
    assert take_second_half(None, None, output) is None
    assert take_second_half(nobody, None, output) is None
    for path, source in (
        (None, word),
        (nobody, word),
        (nobody, BeaconAnswer()),
        (somebody, None),
        (somebody, BeaconAnswer()),
        (machine, None),
        (machine, word),
    ):
        with pytest.raises(Rejection) as refused:
            take_second_half(path, source, output)
        assert refused.value.code == "session.counterpart"


@pytest.fixture
def ada():
    from pot_recorder.keys import generate_private_keys

    return generate_private_keys(post_quantum=False)


def test_a_partys_word_is_checked_before_the_run(promise, tmp_path, signers, ada):
    from pot_recorder.counterpart_word import give_word

    path, made = promise(party())
    _, other = promise(party())
    output, file = tmp_path / "run.potb", tmp_path / "counterpart.json"
    word = give_word(made.signed, made.precommit, ada, "x")
    file.write_bytes(word.to_envelope())
    keys = [one.public_key for one in ada]
    notes = []
    foreign = give_word(other.signed, other.precommit, ada, "x")
    changed = replace(word.signatures[0], signature=foreign.signatures[0].signature)
    (tmp_path / "changed.json").write_bytes(replace(word, signatures=(changed,)).to_envelope())
    (tmp_path / "foreign.json").write_bytes(foreign.to_envelope())
    (tmp_path / "huge.json").write_bytes(b" " * 70_000)
    for source, code in (
        (PartyWord(file, [one.public_key for one in signers]), "counterpart.other-key"),
        (PartyWord(tmp_path / "changed.json", keys), "signature.invalid"),
        (PartyWord(tmp_path / "foreign.json", keys), "counterpart.other-precommit"),
        (PartyWord(tmp_path / "huge.json", keys), "file.too-large"),
    ):
        with pytest.raises(Rejection) as refused:
            take_second_half(path, source, output)
        assert refused.value.code == code
    assert take_second_half(path, PartyWord(file, keys), output) == word.word.nonce
    assert take_second_half(path, PartyWord(file), output, notes.append) == word.word.nonce
    assert "--counterpart-key" in notes[0]
    second = give_word(made.signed, made.precommit, ada, "x")
    assert second.word.nonce != word.word.nonce
    file.write_bytes(second.to_envelope())
    with pytest.raises(Rejection) as refused:
        take_second_half(path, PartyWord(file, keys), output)
    assert refused.value.code == "evidence.exists"


def test_a_word_is_given_only_to_those_who_ask_for_it(promise, signers, ada):
    from pot_recorder.counterpart_word import give_word

    def code(counterpart, keys, **changes):
        made = promise(counterpart)[1]
        with pytest.raises(Rejection) as refused:
            give_word(made.signed, replace(made.precommit, **changes), keys, "x")
        return refused.value.code

    assert code(None, ada) == "counterpart.not-asked"
    assert code(beacon(QUICKNET, 10**9), ada) == "counterpart.not-asked"
    assert code(party(), signers) == "counterpart.is-recorder"
    assert code(party(signers[0].public_key.key_id), ada) == "counterpart.other-key"
    tomorrow_ns = time.time_ns() + 86_400 * 10**9
    future = code(party(), ada, created_ns=tomorrow_ns)
    assert future == "counterpart.precommit-from-the-future"
    made = promise(party(ada[0].public_key.key_id))[1]
    assert len(give_word(made.signed, made.precommit, ada, "x").word.nonce) == 32


def test_the_recorder_warns_where_no_reader_could_believe_it(tmp_path):
    from certificates import make_root, make_tsa
    from forge import Forge

    path = tmp_path / "run.precommit"
    published_ns = time.time_ns() + 600 * 10**9
    assert "there is no" in token_warning(path, published_ns)
    token = Forge(make_tsa(make_root()), b"signature").data()
    (tmp_path / "run.precommit.tsr").write_bytes(token)
    assert token_warning(path, published_ns) is None
    assert "too late" in token_warning(path, time.time_ns() + 20 * 10**9)
