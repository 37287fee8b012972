"""C06: who gave half of the randomness, under every order of promise, token, round and run."""

import io
import sys
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
import second_half_drafts as drafts
import test_chains
from certificates import DAY, make_root, make_tsa
from draft import COUNTERPART, RECORDER, STRANGER, Draft
from forge import Forge, integer, seq

from pot_audit.screen import verdict_lines
from pot_reverify import NamedSigner, Policy, Role, VerdictWord, Withheld, load_policy, verify
from pot_reverify.beacons.chains import QUICKNET
from pot_reverify.beacons.round import SignedRound
from pot_reverify.checks.beacon_half import MARGIN_NS, WINDOW_NS
from pot_reverify.checks.proven_times import CLOCK_TOLERANCE_NS
from pot_reverify.checks.result import CheckId, Status
from pot_reverify.container.frames import FrameType
from pot_reverify.documents.beacon_round import BeaconRound
from pot_reverify.documents.blob import BEACON_ROUND, Attachment
from pot_reverify.policy import TimeAuthority, TimePolicy
from pot_reverify.verify import verify_stream

F = FrameType
NS = 10**9
ROOT_FOLDER = Path(__file__).parents[2]
SMALL = (ROOT_FOLDER / "fixtures" / "vectors" / "small.potb").read_bytes()
STARTED_NS = Draft(SMALL).map(F.RECORD)["started_ns"]
STARTED = datetime.fromtimestamp(STARTED_NS // NS, UTC)
LONG = {"not_before": STARTED - 9999 * DAY, "not_after": STARTED + 9999 * DAY}
ROOT = make_root(**LONG)
TSA = make_tsa(ROOT, **LONG)
STRANGE_TSA = make_tsa(make_root("STRANGER", **LONG), **LONG)
NAMED = NamedSigner("recorder", RECORDER.public_key)
OTHER = NamedSigner("ada", COUNTERPART.public_key, frozenset({Role.COUNTERPART}))
CLOCK = TimePolicy((TimeAuthority("test-tsa", ROOT.der),))
CHAINS = (test_chains.QUICK, test_chains.CHAINED)
NOW_NS = STARTED_NS + 86_400 * NS


def policy(**demands):
    demands = {"signers": (NAMED,), "requires_counterpart": True, **demands}
    return Policy(withheld=Withheld.CONTENTS, time=CLOCK, beacons=CHAINS, **demands)


def check(data, demands, at_ns=NOW_NS):
    verdict = verify_stream(io.BytesIO(data), len(data), demands, at_ns=at_ns)
    return verdict, next(one for one in verdict.checks if one.check is CheckId.CHALLENGES)


def outcome(data, demands, at_ns=NOW_NS):
    verdict, result = check(data, demands, at_ns)
    return verdict.word, result.code


# A run that started half a minute after the round from which it follows.
CHAIN = test_chains.QUICK
NUMBER = CHAIN.first_round_from(STARTED_NS) - 10
PUBLISHED_NS = CHAIN.time_ns(NUMBER)
PROMISED_NS = PUBLISHED_NS - 3 * 3600 * NS


def recorded(chain=CHAIN, number=NUMBER, created_ns=PROMISED_NS, one: SignedRound | None = None):
    one = one or test_chains.sign_round(chain, number)
    promised = {"kind": "beacon", "name": chain.name, "round": number}
    draft = drafts.derived(SMALL, promised, one.randomness, created_ns=created_ns)
    document = BeaconRound(chain.name, one).to_json()
    return drafts.add(draft, BEACON_ROUND, document).reseal()


def stamped(draft, at_ns, accuracy_s=0, tsa=TSA):
    """With a token over the precommit's signature; anybody can attach one."""
    signature = draft.map(F.HEAD)["precommit"]["signatures"][0]["signature"]
    moment = datetime.fromtimestamp(at_ns // NS, UTC)
    accuracy = seq(integer(accuracy_s)) if accuracy_s else b""
    token = Forge(tsa, signature, gen_time=f"{moment:%Y%m%d%H%M%SZ}", accuracy=accuracy).data()
    return draft.append(F.ATTACHMENT, Attachment("application/timestamp-reply", token).encode())


# A token in whole seconds is a second off, whatever it says.
LATEST_NS = PUBLISHED_NS - MARGIN_NS - 2 * NS
EARLIEST_NS = PUBLISHED_NS - WINDOW_NS


def test_a_round_that_was_to_come_is_a_counterpart():
    data = stamped(recorded(), PUBLISHED_NS - 600 * NS).data()
    verdict, result = check(data, policy())
    assert (verdict.word, result.status) == (VerdictWord.VERIFIED, Status.PASS)
    (note, _) = result.notes
    assert f"round {NUMBER} of TEST CHAIN pot-audit-test-quick, which vouches for nothing" in note
    assert "after the proven time of the precommit" in note
    assert verdict.is_under_test_chain
    assert verdict.to_document()["is_under_test_chain"] is True
    screen = "\n".join(verdict_lines(verdict))
    assert screen.count("TEST CHAIN") == 2
    assert "Half of the randomness is from a TEST CHAIN, which vouches for nothing." in screen


def test_a_round_of_a_chained_network_is_one_too():
    chain = test_chains.CHAINED
    number = chain.first_round_from(STARTED_NS) - 1
    data = stamped(recorded(chain, number), chain.time_ns(number) - 600 * NS).data()
    assert outcome(data, policy()) == (VerdictWord.VERIFIED, "ok")


@pytest.mark.parametrize(
    ("at_ns", "accuracy_s", "code"),
    [
        (LATEST_NS, 0, "ok"),
        (LATEST_NS + NS, 0, "beacon.round-known"),
        (LATEST_NS, 1, "ok"),
        (LATEST_NS, 2, "beacon.round-known"),
        (LATEST_NS - NS, 2, "ok"),
        (PUBLISHED_NS, 0, "beacon.round-known"),
        (STARTED_NS, 0, "beacon.round-known"),
        (EARLIEST_NS, 0, "ok"),
        (EARLIEST_NS - NS, 0, "beacon.round-too-far"),
        (EARLIEST_NS - NS, 1, "beacon.round-too-far"),
        (EARLIEST_NS - NS, 3600, "beacon.round-known"),
        (EARLIEST_NS, 10**9, "beacon.round-known"),
    ],
)
def test_the_token_must_be_from_the_hour_before_the_round(at_ns, accuracy_s, code):
    data = stamped(recorded(), at_ns, accuracy_s).data()
    word = VerdictWord.VERIFIED if code == "ok" else VerdictWord.INCOMPLETE
    assert outcome(data, policy()) == (word, code)
    # Nobody who attaches a token can accuse the recorder of anything.
    assert outcome(data, policy(requires_counterpart=False)) == (VerdictWord.VERIFIED, "ok")


def test_one_token_that_shows_it_is_enough_and_none_can_unshow_it():
    draft = recorded()
    for at_ns in (EARLIEST_NS - NS, PUBLISHED_NS + NS, EARLIEST_NS + 60 * NS, STARTED_NS):
        stamped(draft, at_ns, 1)
    stamped(draft, PUBLISHED_NS - 700 * NS, tsa=STRANGE_TSA)
    assert outcome(draft.data(), policy()) == (VerdictWord.VERIFIED, "ok")


@pytest.mark.parametrize(
    ("demands", "tsa"),
    [({"time": TimePolicy()}, TSA), ({}, STRANGE_TSA)],
    ids=["nobody-named", "another-authority"],
)
def test_a_token_of_nobody_whom_the_reader_names_shows_nothing(demands, tsa):
    data = stamped(recorded(), PUBLISHED_NS - 600 * NS, tsa=tsa).data()
    asked = replace(policy(), **demands)
    assert outcome(data, asked) == (VerdictWord.INCOMPLETE, "beacon.precommit-not-dated")


def test_a_token_that_was_not_there_yet_or_proves_nothing_any_more_shows_nothing():
    brief = make_tsa(ROOT, "brief", not_before=STARTED - DAY, not_after=STARTED + 2 * DAY)
    data = stamped(recorded(), PUBLISHED_NS - 600 * NS, tsa=brief).data()
    assert outcome(data, policy()) == (VerdictWord.VERIFIED, "ok")
    later = outcome(data, policy(), at_ns=STARTED_NS + 5 * 86_400 * NS)
    assert later == (VerdictWord.INCOMPLETE, "beacon.precommit-not-dated")
    earlier = check(data, policy(), at_ns=PUBLISHED_NS - 3600 * NS)[1]
    assert earlier.code == "beacon.precommit-not-dated"


def test_a_real_round_of_the_past_is_refused_for_a_run_of_today():
    """Its time lies before the precommit, by the recorder's own word and by every token."""
    real = SignedRound(1000, bytes.fromhex(drafts.entry(QUICKNET, 1000)["signature"]), None)
    own_word = drafts.promise(SMALL)["created_ns"]
    honest = recorded(QUICKNET, 1000, own_word, real)
    assert outcome(honest.data(), policy()) == (VerdictWord.REJECTED, "beacon.round-past")
    # Whoever lies about the promise's time needs a token of that time.
    lying = recorded(QUICKNET, 1000, QUICKNET.time_ns(1000) - 600 * NS, real)
    assert outcome(lying.data(), policy()) == (
        VerdictWord.INCOMPLETE,
        "beacon.precommit-not-dated",
    )
    dated = stamped(lying, STARTED_NS - 3600 * NS).data()
    assert outcome(dated, policy()) == (VerdictWord.INCOMPLETE, "beacon.round-known")


def test_a_run_may_start_at_its_round_and_not_before():
    started = CHAIN.first_round_from(STARTED_NS)
    assert CHAIN.time_ns(started) > STARTED_NS
    data = recorded(number=started).data()
    assert outcome(data, policy())[1] == "beacon.round-after-start"
    one = test_chains.sign_round(CHAIN, NUMBER)
    on_time = replace(CHAIN, genesis_s=STARTED_NS // NS - (NUMBER - 1) * CHAIN.period_s)
    assert 0 <= STARTED_NS - on_time.time_ns(NUMBER) < NS
    exact = stamped(recorded(on_time, NUMBER, one=one), STARTED_NS - 600 * NS).data()
    asked = replace(policy(), beacons=(on_time,))
    assert outcome(exact, asked) == (VerdictWord.VERIFIED, "ok")


def test_a_round_that_no_calendar_reaches_is_refused_in_words():
    promised = {"kind": "beacon", "name": QUICKNET.name, "round": 2**63 - 1}
    data = drafts.derived(SMALL, promised, bytes(32)).reseal().data()
    verdict, result = check(data, policy())
    assert result.code == "beacon.round-after-start"
    assert "\n".join(verdict_lines(verdict))


def test_a_test_chain_is_nobody_to_a_reader_who_has_not_added_it():
    data = stamped(recorded(), PUBLISHED_NS - 600 * NS).data()
    asked = replace(policy(), beacons=())
    verdict, result = check(data, asked)
    assert (verdict.word, result.code) == (VerdictWord.INCOMPLETE, "beacon.not-known")
    assert not verdict.is_under_test_chain
    unasked = check(data, replace(asked, requires_counterpart=False))[1]
    assert unasked.status is Status.PASS
    assert unasked.notes[0].startswith("the signer says that round")


def test_a_round_by_another_key_is_wrong_whoever_asks():
    forged = SignedRound(NUMBER, test_chains.sign_round(CHAIN, NUMBER + 1).signature, None)
    data = stamped(recorded(one=forged), PUBLISHED_NS - 600 * NS).data()
    for demanded in (True, False):
        asked = policy(requires_counterpart=demanded)
        assert outcome(data, asked) == (VerdictWord.REJECTED, "beacon.signature")


def test_without_the_library_a_round_is_not_taken_for_checked(monkeypatch):
    monkeypatch.setitem(sys.modules, "pyblst", None)
    data = stamped(recorded(), PUBLISHED_NS - 600 * NS).data()
    for demanded in (True, False):
        verdict, result = check(data, policy(requires_counterpart=demanded))
        assert verdict.word is VerdictWord.INCOMPLETE
        assert result.code == "beacon.backend-missing"
        assert "pip install 'pot-audit[beacon]'" in result.needs


def party(**options):
    return drafts.with_party(SMALL, **options).data()


def test_a_partys_word_names_who_signed():
    verdict, result = check(party(), policy(signers=(NAMED, OTHER)))
    assert verdict.word is VerdictWord.VERIFIED
    assert result.notes[0] == (
        "challenges chosen by the recorder and ada, who signed half of the randomness for this "
        'precommit ("Auditor" in the precommit)'
    )


def test_the_name_of_a_party_cannot_end_its_own_quotation():
    """Else the signer writes the rest of the sentence, such as that a beacon was verified."""
    name = 'X" in the precommit) and round 9 of drand quicknet, signed by its group key ("'
    data = party(promised={"kind": "party", "name": name, "round": None})
    for signers, requires in (((NAMED, OTHER), True), ((NAMED,), False)):
        demands = policy(signers=signers, requires_counterpart=requires)
        verdict, result = check(data, demands)
        assert verdict.word is VerdictWord.VERIFIED
        assert 'X\\" in the precommit' in result.notes[0]


@pytest.mark.parametrize("roles", [{Role.RECORDER}, {Role.VENDOR}, {Role.AUDITOR, Role.TEE}])
def test_no_other_role_gives_half_of_the_randomness(roles):
    signers = (NAMED, replace(OTHER, roles=frozenset(roles)))
    assert outcome(party(), policy(signers=signers)) == (
        VerdictWord.INCOMPLETE,
        "counterpart.role",
    )
    unasked = check(party(), policy(signers=signers, requires_counterpart=False))
    assert unasked[0].word is VerdictWord.VERIFIED
    assert "the signer says" in unasked[1].notes[0]


def test_nobody_is_a_counterpart_to_themselves():
    both = frozenset({Role.RECORDER, Role.COUNTERPART})
    own = party(signers=(RECORDER,))
    two_faces = (replace(NAMED, roles=both),)
    expected = (VerdictWord.INCOMPLETE, "counterpart.is-recorder")
    assert outcome(own, policy(signers=two_faces)) == expected
    # The reader says that both keys have one owner, by name.
    one_owner = (NAMED, replace(OTHER, name=NAMED.name))
    assert outcome(party(), policy(signers=one_owner)) == expected
    # Who signs the sealed statement beside the recorder is a recorder too.
    declared = [
        {"algorithm": one.public_key.algorithm.value, "key_id": one.public_key.key_id}
        for one in (RECORDER, COUNTERPART)
    ]
    draft = drafts.with_party(SMALL).state(signers=declared).reseal()
    data = draft.sign([RECORDER, COUNTERPART]).data()
    assert outcome(data, policy(signers=(NAMED, OTHER))) == expected
    # Two houses that record for each other may both have both roles.
    mutual = (replace(NAMED, roles=both), replace(OTHER, roles=both))
    assert outcome(party(), policy(signers=mutual)) == (VerdictWord.VERIFIED, "ok")


def test_who_signs_the_statement_later_stays_a_counterpart():
    data = drafts.with_party(SMALL).sign([RECORDER, COUNTERPART]).data()
    roles = frozenset({Role.COUNTERPART, Role.AUDITOR})
    signers = (NAMED, replace(OTHER, roles=roles))
    assert outcome(data, policy(signers=signers)) == (VerdictWord.VERIFIED, "ok")


def test_a_promised_key_is_the_only_one_that_counts():
    pinned = {
        "kind": "party-with-key",
        "key_id": STRANGER.public_key.key_id,
        "name": "Auditor",
        "round": None,
    }
    # The promised key signed, and so did another, which alone the reader names.
    data = party(promised=pinned, signers=(STRANGER, COUNTERPART))
    named = policy(signers=(NAMED, OTHER))
    assert outcome(data, named) == (VerdictWord.INCOMPLETE, "counterpart.not-named")
    both = (NAMED, OTHER, replace(OTHER, name="bob", key=STRANGER.public_key))
    verdict, result = check(data, policy(signers=both))
    assert verdict.word is VerdictWord.VERIFIED
    assert "the recorder and bob, who" in result.notes[0]


def test_the_keys_time_is_asked_of_the_word_and_of_now():
    made_ns = drafts.promise(SMALL)["created_ns"]
    early = (NAMED, replace(OTHER, not_before_ns=made_ns + NS))
    assert outcome(party(), policy(signers=early)) == (
        VerdictWord.REJECTED,
        "signature.key-outside-validity",
    )
    expired = (NAMED, replace(OTHER, not_after_ns=made_ns + NS))
    assert outcome(party(), policy(signers=expired)) == (
        VerdictWord.INCOMPLETE,
        "counterpart.key-expired",
    )
    current = (NAMED, replace(OTHER, not_before_ns=made_ns, not_after_ns=NOW_NS))
    assert outcome(party(), policy(signers=current)) == (VerdictWord.VERIFIED, "ok")


@pytest.mark.parametrize(
    ("created_ns", "code"),
    [
        (drafts.promise(SMALL)["created_ns"] - CLOCK_TOLERANCE_NS, "ok"),
        (drafts.promise(SMALL)["created_ns"] - CLOCK_TOLERANCE_NS - 1, "counterpart.early"),
        (STARTED_NS + CLOCK_TOLERANCE_NS, "ok"),
        (STARTED_NS + CLOCK_TOLERANCE_NS + 1, "counterpart.late"),
    ],
)
def test_the_word_stands_between_promise_and_run(created_ns, code):
    data = party(created_ns=created_ns)
    assert outcome(data, policy(signers=(NAMED, OTHER)))[1] == code
    # Whoever signs, it is the recorder who sealed a run that contradicts it.
    assert outcome(data, policy(requires_counterpart=False))[1] == code


def test_a_signature_of_another_document_is_no_word():
    """The payload type of the word is its own: neither a statement's nor a precommit's will do."""
    from pot_recorder.promise import sign_document
    from pot_reverify.documents import precommit, statement
    from pot_reverify.documents.counterpart_document import PAYLOAD_TYPE, decode_word
    from pot_reverify.documents.signed_envelope import encode_envelope

    for other in (precommit.PAYLOAD_TYPE, statement.PAYLOAD_TYPE):

        def resign(envelope, other=other):
            payload, _ = decode_word(envelope, "x")
            return encode_envelope(
                PAYLOAD_TYPE, payload, sign_document(other, payload, [COUNTERPART])
            )

        data = drafts.with_party(SMALL).blob("counterpart.json", resign).reseal().data()
        assert outcome(data, policy(signers=(NAMED, OTHER))) == (
            VerdictWord.REJECTED,
            "signature.invalid",
        )


def test_the_bundle_that_made_up_a_beacon_is_not_accepted():
    """`made-up-beacon.potb` names a round of another beacon; its 32 bytes are invented."""
    folder = ROOT_FOLDER / "fixtures" / "beacons"
    path = folder / "made-up-beacon.potb"
    demands = load_policy(folder / "counterpart.toml")
    verdict = verify(path, demands)
    (result,) = [one for one in verdict.checks if one.check is CheckId.CHALLENGES]
    assert (verdict.word, result.code) == (VerdictWord.INCOMPLETE, "beacon.not-known")
    assert result.message.startswith('The signer says that round 9999999 of "NIST Randomness')
    unasked = verify(path, replace(demands, requires_counterpart=False))
    assert unasked.word is VerdictWord.VERIFIED
    assert any("the signer says that round 9999999" in line for line in verdict_lines(unasked))


@pytest.mark.parametrize(
    "path",
    sorted((ROOT_FOLDER / "fixtures" / "bundles").glob("*.potb")),
    ids=lambda path: path.name,
)
def test_no_released_bundle_has_a_counterpart_that_shows(path):
    """Each was recorded alone, and says so; a demand refuses it as it always did."""
    signer = NamedSigner("x", next(iter(_fixture_keys())))
    demands = Policy(signers=(signer,), requires_counterpart=True, withheld=Withheld.SCORES)
    (result,) = [one for one in verify(path, demands).checks if one.check is CheckId.CHALLENGES]
    assert result.status is not Status.PASS


def _fixture_keys():
    from pot_reverify.seal.public_keys import parse_public_keys

    return parse_public_keys((ROOT_FOLDER / "fixtures" / "keys" / "fixtures.pub").read_bytes())
