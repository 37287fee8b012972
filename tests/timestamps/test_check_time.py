"""C05: what tokens prove about a bundle, how long, and what they contradict."""

import hashlib
import io
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from certificates import DAY, make_root, make_tsa
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from draft import Draft
from forge import Forge, integer, seq

from pot_reverify import NamedSigner, Policy, VerdictWord, Withheld, load_signer
from pot_reverify.checks.proven_times import find_proven_times
from pot_reverify.checks.result import CheckId, Status
from pot_reverify.container.frames import FrameType
from pot_reverify.documents import precommit, statement
from pot_reverify.documents.blob import Attachment, Blob
from pot_reverify.documents.bundle_reader import read_bundle
from pot_reverify.documents.signed_bytes import Signature
from pot_reverify.policy import ProvenTime, Role, TimeAuthority, TimePolicy
from pot_reverify.seal.dsse import pae
from pot_reverify.seal.public_keys import Algorithm, PublicKey
from pot_reverify.seal.signatures import verify_signature
from pot_reverify.verify import verify_stream

FIXTURES = Path(__file__).parents[2] / "fixtures"
SOURCE = Draft((FIXTURES / "vectors" / "small.potb").read_bytes())
SIGNERS = load_signer(FIXTURES / "keys" / "test-recorder.pub")
REPLY = "application/timestamp-reply"
NS = 10**9

PREDICATE = SOURCE.statement()["predicate"]
# The same bundle with a promise that was made two hours before the run.
SMALL = SOURCE.promise(created_ns=PREDICATE["started_ns"] - 7200 * NS).reseal().data()
STARTED = datetime.fromtimestamp(PREDICATE["started_ns"] // NS, UTC)
ENDED = datetime.fromtimestamp(PREDICATE["ended_ns"] // NS, UTC)
SIGNATURE = Draft(SMALL).map(FrameType.SIGNATURE)["signature"]
PROMISE = Draft(SMALL).map(FrameType.HEAD)["precommit"]["signatures"][0]["signature"]

LONG = {"not_before": STARTED - 999 * DAY, "not_after": ENDED + 9999 * DAY}
ROOT = make_root(**LONG)
SHORT_LIVED = make_tsa(ROOT, "short", not_before=STARTED - DAY, not_after=ENDED + 30 * DAY)
MIDDLE_LIVED = make_tsa(ROOT, "middle", not_before=STARTED - DAY, not_after=ENDED + 300 * DAY)
LONG_LIVED = make_tsa(ROOT, "long", **LONG)
STRANGER = make_tsa(make_root("STRANGER", **LONG), **LONG)
AUTHORITIES = (TimeAuthority("test-tsa", ROOT.der),)
SECOND, HOUR = timedelta(seconds=1), timedelta(hours=1)
BEFORE, AFTER = STARTED - HOUR, ENDED + HOUR


def stamp(message, at, tsa=LONG_LIVED, accuracy_s=None):
    accuracy = b"" if accuracy_s is None else seq(integer(accuracy_s))
    return Forge(tsa, message, gen_time=f"{at:%Y%m%d%H%M%SZ}", accuracy=accuracy).data()


def bundle(*tokens, in_tree=(), data=SMALL):
    draft = Draft(data)
    for name, token in in_tree:
        draft.insert(draft.at(FrameType.REVEAL), FrameType.BLOB, Blob(name, REPLY, token).encode())
    if in_tree:
        draft.reseal()
    for token in tokens:
        draft.append(FrameType.ATTACHMENT, Attachment(REPLY, token).encode())
    return draft.data()


def policy(*required, authorities=AUTHORITIES, signers=SIGNERS):
    time = TimePolicy(authorities, frozenset(required))
    return Policy(signers=signers, withheld=Withheld.CONTENTS, time=time)


def check(data, demands=None, at=ENDED + 10 * DAY):
    at_ns = int(at.timestamp()) * NS
    verdict = verify_stream(io.BytesIO(data), len(data), demands or policy(), at_ns=at_ns)
    return verdict.word, next(one for one in verdict.checks if one.check is CheckId.TIME)


def times(data, demands=None, at=ENDED + 10 * DAY):
    read = read_bundle(io.BytesIO(data), len(data))
    return find_proven_times(read, demands or policy(), int(at.timestamp()) * NS)


def ns(moment):
    return int(moment.timestamp()) * NS


def test_a_token_over_the_signature_proves_the_statement():
    data = bundle(stamp(SIGNATURE, AFTER))
    word, result = check(data)
    assert (word, result.status) == (VerdictWord.VERIFIED, Status.PASS)
    at = f"{AFTER + SECOND:%Y-%m-%d %H:%M:%S} UTC"
    assert result.message == f"Valid at {at} ({at} proven by test-tsa, named by you)."
    assert result.notes[0].startswith(f"What is known after {at}: nothing.")
    found = times(data)
    assert found.statement.at_ns == ns(AFTER)
    # A token without an accuracy is believed to a second, and the later end is what it proves.
    assert found.evaluation_ns == found.statement.latest_ns == ns(AFTER + SECOND)
    assert result.proven_times == (ProvenTime.STATEMENT,)
    assert found.precommit is None
    assert times(SMALL).evaluation_ns == ns(ENDED + 10 * DAY)


def test_the_recorders_token_proves_that_the_promise_came_first():
    data = bundle(in_tree=[("time/precommit.tsr", stamp(PROMISE, BEFORE))])
    word, result = check(data, policy(ProvenTime.PRECOMMIT))
    assert (word, result.status) == (VerdictWord.VERIFIED, Status.PASS)
    assert result.message.startswith("The promise came first; when the run was sealed")
    assert "before challenge 1" in " ".join(result.notes)
    assert times(data).precommit.at_ns == ns(BEFORE)
    assert times(data).statement is None
    assert result.proven_times == (ProvenTime.PRECOMMIT,)


def test_a_token_over_the_precommit_may_also_be_attached():
    assert times(bundle(stamp(PROMISE, BEFORE))).precommit.at_ns == ns(BEFORE)


def test_the_earliest_of_several_tokens_counts():
    data = bundle(stamp(SIGNATURE, AFTER + HOUR), stamp(SIGNATURE, AFTER))
    assert times(data).statement.at_ns == ns(AFTER)


def test_an_authority_that_is_not_named_proves_nothing_and_breaks_nothing():
    data = bundle(stamp(SIGNATURE, AFTER, STRANGER))
    word, result = check(data)
    assert (word, result.status) == (VerdictWord.VERIFIED, Status.ABSENT)
    assert result.code == "time.asserted-only"
    assert "that you have not named" in result.notes[0]
    assert times(data).statement is None
    # Whatever its clock says, it contradicts nobody.
    assert check(bundle(stamp(SIGNATURE, BEFORE, STRANGER)))[0] is VerdictWord.VERIFIED


@pytest.mark.parametrize("required", ProvenTime)
def test_what_is_required_and_not_proven_is_not_checked(required):
    demands = policy(required)
    for data in (SMALL, bundle(stamp(SIGNATURE, AFTER, STRANGER))):
        word, result = check(data, demands)
        assert word is VerdictWord.INCOMPLETE
        assert (result.status, result.code) == (Status.SKIP, "time.required-missing")
        assert "pot-audit timestamp" in result.needs


def test_a_signature_by_nobody_named_carries_no_old_stamp():
    """Anything that was ever stamped could be called a signature of today's statement."""
    old = b"stamped long before this bundle was made"
    junk = {"algorithm": "ed25519", "key_id": "sha256:" + "0" * 64, "signature": old}
    from pot_reverify.encoding import canonical_msgpack

    draft = Draft(SMALL).append(FrameType.SIGNATURE, canonical_msgpack.encode(junk))
    data = bundle(stamp(old, AFTER), data=draft.data())
    assert times(data).statement is None
    word, result = check(data, policy(ProvenTime.STATEMENT))
    assert (word, result.code) == (VerdictWord.INCOMPLETE, "time.required-missing")
    assert "nobody whom you have named" in result.message
    assert times(bundle(stamp(SIGNATURE, AFTER)), policy(signers=())).statement is None


def test_an_ecdsa_signature_of_a_precommit_can_be_older_than_the_precommit():
    """Its maker stamps (r, s) for a nonce of his choice, and finds the key when he knows the text.

    Such a key is genuine and can sign everything else, so no reader would see anything odd in it.
    """
    head = Draft(SMALL).map(FrameType.HEAD)
    key, old = signature_found_later(pae(precommit.PAYLOAD_TYPE, head["precommit"]["payload"]))
    signature = {"algorithm": key.algorithm.value, "key_id": key.key_id, "signature": old}
    signed = head["precommit"] | {"signatures": [*head["precommit"]["signatures"], signature]}
    data = Draft(SMALL).edit(FrameType.HEAD, precommit=signed).reseal().data()
    named = policy(signers=(*SIGNERS, NamedSigner("found later", key)))
    assert times(bundle(stamp(old, BEFORE - 99 * DAY), data=data), named).precommit is None
    assert times(bundle(stamp(PROMISE, BEFORE), data=data), named).precommit.at_ns == ns(BEFORE)


def test_an_ecdsa_signature_that_came_later_accuses_nobody():
    """Whoever is named could else add it, stamped before the run, to somebody else's bundle."""
    payload = Draft(SMALL).payload(FrameType.STATEMENT)
    key, old = signature_found_later(pae(statement.PAYLOAD_TYPE, payload))
    added = Signature(key.algorithm.value, key.key_id, old).encode()
    data = Draft(SMALL).append(FrameType.SIGNATURE, added).data()
    named = policy(signers=(*SIGNERS, NamedSigner("found later", key, frozenset({Role.AUDITOR}))))
    assert check(data, named)[0] is VerdictWord.VERIFIED
    assert check(bundle(stamp(old, BEFORE), data=data), named)[0] is VerdictWord.VERIFIED


def signature_found_later(message):
    """A key under which bytes that may be stamped before there is a message sign it."""
    order = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
    nonce, s = 2026, 1122
    r = ec.derive_private_key(nonce, ec.SECP256R1()).public_key().public_numbers().x % order
    old = encode_dss_signature(r, s)  # stamped now; what follows needs nothing but the message
    digest = int.from_bytes(hashlib.sha256(message).digest(), "big")
    secret = (s * nonce - digest) * pow(r, -1, order) % order
    point = ec.derive_private_key(secret, ec.SECP256R1()).public_key()
    raw = point.public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)
    key = PublicKey(Algorithm.ECDSA_P256, raw)
    verify_signature(key, message, old)
    return key, old


def test_every_announced_signature_must_be_stamped():
    """Else a key that was stolen later could add its signature to a statement of then."""
    pair = (FIXTURES / "vectors" / "base-pq.potb").read_bytes()
    demands = policy(signers=load_signer(FIXTURES / "keys" / "test-recorder-pq.pub"))
    first, second = (Draft(pair).map(FrameType.SIGNATURE, n)["signature"] for n in (0, 1))
    ended = datetime.fromtimestamp(Draft(pair).statement()["predicate"]["ended_ns"] // NS, UTC)
    early, late = stamp(first, ended + HOUR), stamp(second, ended + 2 * HOUR, MIDDLE_LIVED)
    one, both = bundle(early, data=pair), bundle(early, late, data=pair)
    found = times(one, demands)
    assert found.statement is None
    assert "is not stamped" in found.notes[0]
    found = times(both, demands)
    assert found.statement.at_ns == ns(ended + 2 * HOUR)
    assert found.statement.until_ns == ns(ENDED + 300 * DAY)
    assert check(both, demands, at=ENDED + 301 * DAY)[1].code == "time.token-expired"


def test_a_later_signature_does_not_date_the_seal():
    from draft import STRANGER as AUDITOR

    from pot_recorder.promise import sign_document
    from pot_reverify.documents.statement import PAYLOAD_TYPE

    statement = Draft(SMALL).payload(FrameType.STATEMENT)
    (later,) = sign_document(PAYLOAD_TYPE, statement, [AUDITOR])
    data = Draft(SMALL).append(FrameType.SIGNATURE, later.encode()).data()
    named = (*SIGNERS, *load_signer(FIXTURES / "keys" / "test-stranger.pub"))
    found = times(bundle(stamp(later.signature, AFTER), data=data), policy(signers=named))
    assert found.statement is None
    assert "over a later signature" in found.notes[0]


def test_a_damaged_token_is_refused_whoever_is_named():
    token = bytearray(stamp(SIGNATURE, AFTER))
    token[-1] ^= 1
    for demands in (policy(), policy(authorities=())):
        word, result = check(bundle(bytes(token)), demands)
        assert word is VerdictWord.REJECTED
        assert result.code == "time.token-signature"


def test_a_token_over_something_else_is_refused():
    for data in (
        bundle(stamp(b"another bundle", AFTER)),
        bundle(in_tree=[("time/precommit.tsr", stamp(b"another promise", BEFORE))]),
    ):
        word, result = check(data)
        assert (word, result.code) == (VerdictWord.REJECTED, "time.token-unrelated")


def test_a_promise_that_was_stamped_after_the_start_is_refused():
    data = bundle(in_tree=[("time/precommit.tsr", stamp(PROMISE, STARTED + HOUR))])
    word, result = check(data)
    assert (word, result.code) == (VerdictWord.REJECTED, "time.precommit-late")
    # Whoever stamps it for the archive claims no such thing; it just proves nothing.
    word, result = check(bundle(stamp(PROMISE, AFTER)))
    assert (word, result.status) == (VerdictWord.VERIFIED, Status.ABSENT)
    assert "after challenge 1" in result.notes[0]


def test_accuracy_is_allowed_for_and_never_proves():
    """Within its accuracy a token contradicts nothing, and proves nothing of what came first."""
    in_tree = [("time/precommit.tsr", stamp(PROMISE, STARTED + SECOND))]
    word, result = check(bundle(in_tree=in_tree))
    assert (word, result.status) == (VerdictWord.VERIFIED, Status.ABSENT)
    assert "not certainly from before challenge 1" in result.notes[0]
    assert times(bundle(in_tree=in_tree)).precommit is None
    word, result = check(bundle(in_tree=in_tree), policy(ProvenTime.PRECOMMIT))
    assert (word, result.code) == (VerdictWord.INCOMPLETE, "time.required-missing")
    assert check(bundle(stamp(SIGNATURE, ENDED)))[0] is VerdictWord.VERIFIED


@pytest.mark.parametrize("accuracy_s", [None, 1, 59, 3600])
def test_what_a_token_proves_is_the_latest_that_its_accuracy_allows(accuracy_s):
    off = timedelta(seconds=accuracy_s or 1)
    # The last second before challenge 1 with the accuracy counted, and one second later.
    last = datetime.fromtimestamp(PREDICATE["started_ns"] // NS, UTC) - off
    assert (
        times(bundle(stamp(PROMISE, last, accuracy_s=accuracy_s))).precommit.latest_ns
        <= (PREDICATE["started_ns"])
    )
    assert times(bundle(stamp(PROMISE, last + SECOND, accuracy_s=accuracy_s))).precommit is None
    sealed = times(bundle(stamp(SIGNATURE, AFTER, accuracy_s=accuracy_s)))
    assert sealed.evaluation_ns == ns(AFTER + off)
    assert sealed.statement.earliest_ns == ns(AFTER - off)


def test_a_clock_that_knows_nothing_proves_nothing():
    """A genuine token of 2001 that says it may be off by thirty years."""
    long_ago = datetime(2001, 1, 1, tzinfo=UTC)
    root = make_root(not_before=long_ago - DAY, not_after=ENDED + 99 * DAY)
    tsa = make_tsa(root, not_before=long_ago - DAY, not_after=ENDED + 99 * DAY)
    authorities = (TimeAuthority("test-tsa", root.der),)
    demands = {which: policy(which, authorities=authorities) for which in ProvenTime}
    messages = {ProvenTime.PRECOMMIT: PROMISE, ProvenTime.STATEMENT: SIGNATURE}
    for which, message in messages.items():
        for at, accuracy_s in ((long_ago, 10**9), (AFTER, 3601), (AFTER, 10**15)):
            data = bundle(stamp(message, at, tsa, accuracy_s))
            word, result = check(data, policy(authorities=authorities))
            assert (word, result.status) == (VerdictWord.VERIFIED, Status.ABSENT)
            assert f"may be off by {accuracy_s} s" in result.notes[0]
            word, result = check(data, demands[which])
            assert (word, result.code) == (VerdictWord.INCOMPLETE, "time.accuracy")
            assert times(data, demands[which]).evaluation_ns == ns(ENDED + 10 * DAY)


def test_a_renewal_that_knows_nothing_carries_nothing():
    first = stamp(SIGNATURE, AFTER, SHORT_LIVED)
    for at, accuracy_s in ((ENDED + 20 * DAY, 3601), (ENDED + 30 * DAY - HOUR, 3600)):
        data = bundle(first, stamp(first, at, MIDDLE_LIVED, accuracy_s))
        until = "time.token-expired" if accuracy_s > 3600 else "ok"
        assert check(data, at=ENDED + 99 * DAY)[1].code == until
    late = stamp(first, ENDED + 30 * DAY - HOUR + SECOND, MIDDLE_LIVED, 3600)
    assert check(bundle(first, late), at=ENDED + 99 * DAY)[1].code == "time.token-expired"


@pytest.mark.parametrize("is_attached", [False, True])
def test_a_promise_that_was_stamped_before_it_was_made_is_refused(is_attached):
    """Whoever attaches it: the signed bytes contradict themselves."""
    made = STARTED - 2 * HOUR
    for at, accuracy_s, word in (
        (made - timedelta(seconds=2), None, VerdictWord.REJECTED),
        (made - HOUR + SECOND, 3600, VerdictWord.VERIFIED),
        (made - HOUR - 2 * SECOND, 3600, VerdictWord.REJECTED),
        (made - 900 * DAY, 901 * 86_400, VerdictWord.VERIFIED),
    ):
        token = stamp(PROMISE, at, accuracy_s=accuracy_s)
        data = bundle(token) if is_attached else bundle(in_tree=[("time/precommit.tsr", token)])
        found, result = check(data)
        assert found is word, (at, result)
        if word is VerdictWord.REJECTED:
            assert result.code == "time.precommit-early"


def test_nobody_turns_a_verdict_by_attaching_a_late_token():
    """Genuine tokens of any later time over everything that is signed, by an authority named."""
    good = bundle(stamp(SIGNATURE, AFTER))
    for later in (STARTED + SECOND, ENDED, AFTER, AFTER + 9 * DAY):
        for message in (PROMISE, SIGNATURE):
            if message is SIGNATURE and later < ENDED:
                continue
            draft = Draft(good).append(
                FrameType.ATTACHMENT,
                Attachment(REPLY, stamp(message, later, MIDDLE_LIVED)).encode(),
            )
            word, result = check(draft.data(), policy(ProvenTime.STATEMENT))
            assert (word, result.status) == (VerdictWord.VERIFIED, Status.PASS)
            assert times(draft.data()).statement.at_ns <= ns(AFTER)


def test_a_token_in_the_tree_is_older_than_the_seal():
    """The statement commits to it: so it was there when the statement was signed."""
    first = stamp(PROMISE, BEFORE)
    renewed = stamp(first, ENDED + timedelta(minutes=5))
    tree = [("time/precommit.tsr", first), ("time/renewed.tsr", renewed)]
    word, result = check(bundle(in_tree=tree))
    assert (word, result.code) == (VerdictWord.REJECTED, "time.tree-token-late")
    assert "predicate.ended_ns" in result.expected
    # The seal's own token says it as well, where the signer puts the end far enough away.
    draft = Draft(bundle(in_tree=tree)).state(ended_ns=ns(ENDED + timedelta(minutes=9))).reseal()
    assert check(draft.data())[0] is VerdictWord.VERIFIED
    seal = stamp(draft.map(FrameType.SIGNATURE)["signature"], ENDED + timedelta(minutes=9))
    sealed = draft.append(FrameType.ATTACHMENT, Attachment(REPLY, seal).encode()).data()
    assert check(sealed)[0] is VerdictWord.VERIFIED
    late = stamp(first, ENDED + timedelta(minutes=9) + 3 * SECOND)
    draft = Draft(bundle(in_tree=[tree[0], ("time/renewed.tsr", late)]))
    draft.state(ended_ns=ns(ENDED + timedelta(minutes=9)) + 2 * NS).reseal()
    seal = stamp(draft.map(FrameType.SIGNATURE)["signature"], ENDED + timedelta(minutes=9) + SECOND)
    sealed = draft.append(FrameType.ATTACHMENT, Attachment(REPLY, seal).encode()).data()
    word, result = check(sealed)
    assert (word, result.code) == (VerdictWord.VERIFIED, "ok")


def test_a_run_that_has_not_ended_cannot_be_judged():
    """With a clock that is wrong, or --at: nothing is contradicted, and nothing is known yet."""
    word, result = check(SMALL, at=ENDED + SECOND)
    assert word is VerdictWord.VERIFIED
    # The reader's clock may be five minutes behind.
    assert check(SMALL, at=ENDED - timedelta(minutes=4))[0] is VerdictWord.VERIFIED
    for at in (ENDED - timedelta(minutes=6), BEFORE, BEFORE - 99 * DAY):
        word, result = check(SMALL, at=at)
        assert (word, result.status, result.code) == (
            VerdictWord.INCOMPLETE,
            Status.SKIP,
            "time.not-yet",
        )
        assert "before the run had ended" in result.message
    # Also a token that says so cannot bring the time of judgement nearer.
    assert check(bundle(stamp(SIGNATURE, AFTER)), at=BEFORE)[1].code == "time.not-yet"


def test_a_statement_that_was_stamped_before_its_end_is_refused():
    word, result = check(bundle(stamp(SIGNATURE, ENDED - HOUR)))
    assert (word, result.code) == (VerdictWord.REJECTED, "time.statement-early")


def test_an_expired_token_proves_nothing_without_a_renewal():
    first = stamp(SIGNATURE, AFTER, SHORT_LIVED)
    data = bundle(first)
    assert check(data, at=ENDED + 29 * DAY)[0] is VerdictWord.VERIFIED
    word, result = check(data, at=ENDED + 31 * DAY)
    assert (word, result.code) == (VerdictWord.INCOMPLETE, "time.token-expired")
    assert result.status is Status.SKIP
    assert f"{ENDED + 30 * DAY:%Y-%m-%d}" in result.message
    assert "--renew" in result.needs
    assert times(data, at=ENDED + 31 * DAY).statement is None


def test_a_certificate_is_good_through_its_last_second():
    """RFC 5280 §4.1.2.5, at the time in the token and at the time of judgement."""
    end = ENDED + 30 * DAY
    for shift, code in ((-1, "ok"), (0, "ok"), (1, "time.certificate-not-valid")):
        data = bundle(stamp(SIGNATURE, end + shift * SECOND, SHORT_LIVED))
        assert check(data, at=end)[1].code == code
    data = bundle(stamp(SIGNATURE, AFTER, SHORT_LIVED))
    for shift, code in ((-1, "ok"), (0, "ok"), (1, "time.token-expired")):
        assert check(data, at=end + shift * SECOND)[1].code == code
    # A renewal in the last second counts, if its accuracy does not reach over it.
    first = stamp(SIGNATURE, AFTER, SHORT_LIVED)
    for shift, code in ((-1, "ok"), (0, "time.token-expired"), (1, "time.token-expired")):
        renewed = bundle(first, stamp(first, end + shift * SECOND, MIDDLE_LIVED))
        assert check(renewed, at=end + DAY)[1].code == code


def test_renewals_carry_a_token_over_its_expiry():
    first = stamp(SIGNATURE, AFTER, SHORT_LIVED)
    second = stamp(first, ENDED + 20 * DAY, MIDDLE_LIVED)
    third = stamp(second, ENDED + 200 * DAY, LONG_LIVED)
    for tokens, last in (((first, second), 299), ((first, second, third), 9990)):
        data = bundle(*tokens)
        word, result = check(data, at=ENDED + last * DAY)
        assert (word, result.status) == (VerdictWord.VERIFIED, Status.PASS)
        assert times(data, at=ENDED + last * DAY).statement.at_ns == ns(AFTER)
    assert check(bundle(first, second), at=ENDED + 301 * DAY)[1].code == "time.token-expired"


@pytest.mark.parametrize(
    "renewal",
    [
        lambda first: stamp(first, ENDED + 31 * DAY, LONG_LIVED),  # too late
        lambda first: stamp(first, ENDED + 20 * DAY, STRANGER),  # by somebody
    ],
)
def test_a_renewal_must_be_good_and_in_time(renewal):
    first = stamp(SIGNATURE, AFTER, SHORT_LIVED)
    word, result = check(bundle(first, renewal(first)), at=ENDED + 99 * DAY)
    assert (word, result.code) == (VerdictWord.INCOMPLETE, "time.token-expired")


def test_a_renewal_of_a_renewal_that_came_too_late_does_not_help():
    first = stamp(SIGNATURE, AFTER, SHORT_LIVED)
    second = stamp(first, ENDED + 20 * DAY, MIDDLE_LIVED)
    late = stamp(second, ENDED + 301 * DAY, LONG_LIVED)
    assert check(bundle(first, second, late), at=ENDED + 400 * DAY)[1].code == "time.token-expired"
    # Nor does a new token over the first one, whose own certificates had expired.
    again = stamp(first, ENDED + 40 * DAY, LONG_LIVED)
    assert check(bundle(first, second, again), at=ENDED + 400 * DAY)[1].code == (
        "time.token-expired"
    )


def test_a_renewal_stands_after_what_it_renews():
    first = stamp(SIGNATURE, AFTER, SHORT_LIVED)
    second = stamp(first, AFTER + DAY)
    assert check(bundle(second, first))[1].code == "time.token-unrelated"


def test_a_renewal_cannot_be_older_than_what_it_renews():
    first = stamp(SIGNATURE, AFTER)
    word, result = check(bundle(first, stamp(first, AFTER - timedelta(minutes=5))))
    assert (word, result.code) == (VerdictWord.REJECTED, "time.renewal-early")


def test_the_recorders_token_can_be_renewed_after_sealing():
    promise = stamp(PROMISE, BEFORE, SHORT_LIVED)
    data = bundle(stamp(promise, AFTER), in_tree=[("time/precommit.tsr", promise)])
    assert times(data, at=ENDED + 400 * DAY).precommit.at_ns == ns(BEFORE)


def test_a_token_from_after_the_time_of_judgement_proves_nothing_yet():
    data = bundle(stamp(SIGNATURE, AFTER))
    found = times(data, at=AFTER - timedelta(minutes=6))
    assert found.statement is None
    assert "after the time at which you judge" in found.notes[0]
    assert times(data, at=AFTER - timedelta(minutes=4)).statement is not None


def test_other_attachments_are_not_passed_over():
    draft = Draft(bundle(stamp(SIGNATURE, AFTER)))
    draft.append(FrameType.ATTACHMENT, Attachment("text/plain", b"?").encode())
    word, result = check(draft.data())
    assert (word, result.code) == (VerdictWord.INCOMPLETE, "time.token-not-supported")


def test_too_many_tokens_are_the_recorders_fault_or_anybodys():
    """Whoever appends one genuine token too many makes a good bundle no wrong one."""
    genuine = [stamp(SIGNATURE, AFTER + number * SECOND) for number in range(65)]
    assert check(bundle(*genuine[:64]))[0] is VerdictWord.VERIFIED
    word, result = check(bundle(*genuine))
    assert (word, result.code) == (VerdictWord.INCOMPLETE, "time.too-many-tokens")
    in_tree = [(f"time/{number:02}.tsr", bytes([number])) for number in range(65)]
    word, result = check(bundle(in_tree=in_tree))
    assert (word, result.code) == (VerdictWord.REJECTED, "time.too-many-tokens")


def test_without_the_extra_a_token_is_not_checked(monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "rfc3161_client", None)
    word, result = check(bundle(stamp(SIGNATURE, AFTER)))
    assert (word, result.code) == (VerdictWord.INCOMPLETE, "time.backend-missing")
    assert check(SMALL)[0] is VerdictWord.VERIFIED


def test_an_unsealed_file_has_a_promise_at_most():
    draft = Draft(SMALL)
    kinds = [kind for kind, _ in draft.frames]
    draft.frames = draft.frames[: kinds.index(FrameType.REVEAL)]
    assert times(draft.data()).statement is None
    assert replace(times(SMALL), now_ns=5).evaluation_ns == 5


def test_a_challenge_lasts_no_longer_than_the_run():
    """Durations are of another clock than the times, so that the tolerance of clocks is theirs."""
    tolerance_ns = 300 * NS
    room_ns = PREDICATE["ended_ns"] - SOURCE.map(FrameType.RECORD)["started_ns"] + tolerance_ns
    for duration_ns, code in ((room_ns, "time.asserted-only"), (room_ns + 1, "time.out-of-order")):
        lasting = Draft(SMALL).edit(FrameType.RECORD, duration_ns=duration_ns).reseal().data()
        word, result = check(lasting)
        is_right = code == "time.asserted-only"
        assert word is (VerdictWord.VERIFIED if is_right else VerdictWord.REJECTED)
        assert result.code == code
    assert result.where == "predicate.ended_ns"
