"""One fault a token: each is refused for its own reason, and for an authority that is named."""

import sys
from dataclasses import replace

import pytest
from certificates import DAY, NOW, issue, make_root, make_tsa
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.x509.oid import ExtendedKeyUsageOID
from forge import (
    ESS_V2,
    MESSAGE_DIGEST,
    RSA,
    RSA_SHA256,
    SHA1,
    SHA384,
    SHA512,
    Forge,
    algorithm,
    attribute,
    der,
    ess_v1,
    ess_v2,
    integer,
    octets,
    oid,
    seq,
)

from pot_reverify import timestamps
from pot_reverify.errors import Indeterminate, PotAuditError, Rejection
from pot_reverify.policy import TimeAuthority
from pot_reverify.timestamps.token import MAX_TOKEN_BYTES, parse_token
from pot_reverify.timestamps.verify import verify_token

ROOT = make_root()
TSA = make_tsa(ROOT)
OTHER = make_tsa(ROOT, "ANOTHER")
NAMED = (TimeAuthority("test", ROOT.der),)
GOOD = Forge(TSA)
STAMPING = ExtendedKeyUsageOID.TIME_STAMPING


def code_of(data, authorities=NAMED, message=b"message", intermediates=()):
    with pytest.raises(PotAuditError) as error:
        verify_token(data, message, authorities, intermediates)
    return error.value.code


def test_a_good_token_says_when_and_by_whom():
    made = replace(
        GOOD,
        gen_time="20261122200000.25Z",
        accuracy=seq(integer(2), der(0x80, b"\x03"), der(0x81, b"\x04")),
        nonce=integer(99),
        ordering=der(1, b"\xff"),
    )
    root = make_root(not_before=NOW - 9 * DAY, not_after=NOW + 900 * DAY)
    tsa = make_tsa(root, not_before=NOW - 9 * DAY)
    stamp = verify_token(replace(made, tsa=tsa).data(), b"message", (TimeAuthority("T", root.der),))
    assert stamp.gen_time_ns == 1_795_377_600_250_000_000
    assert stamp.token.accuracy_ns == 2_003_004_000
    assert (stamp.token.serial, stamp.token.policy, stamp.token.nonce) == (7, "1.2.3.4", 99)
    assert stamp.authority == "T"
    assert stamp.certificate == "CN=TEST TIME AUTHORITY\\, worth nothing"
    assert stamp.not_before_ns == int((NOW - 9 * DAY).timestamp()) * 10**9
    assert stamp.not_after_ns == int((NOW + 365 * DAY).timestamp()) * 10**9


def test_a_time_without_a_fraction_may_be_a_second_late():
    assert parse_token(GOOD.data(), "t").accuracy_ns == 10**9
    sharp = replace(GOOD, accuracy=seq(der(0x80, b"\x05")))
    assert parse_token(sharp.data(), "t").accuracy_ns == 10**9
    fraction = replace(sharp, gen_time="20261122200000.5Z")
    assert parse_token(fraction.data(), "t").accuracy_ns == 5 * 10**6


@pytest.mark.parametrize("name", [SHA384, SHA512])
def test_longer_digests(name):
    assert verify_token(replace(GOOD, imprint_oid=name).data(), b"message", NAMED)
    assert verify_token(replace(GOOD, ess=ess_v2(TSA.der, name)).data(), b"message", NAMED)


def test_the_older_attribute_still_names_the_certificate():
    assert verify_token(replace(GOOD, ess=ess_v1(TSA.der)).data(), b"message", NAMED)
    wrong = replace(GOOD, ess=ess_v1(OTHER.der))
    assert code_of(wrong.data()) == "time.certificate-other"


@pytest.mark.parametrize("signature_oid", [RSA, RSA_SHA256])
def test_rsa(signature_oid):
    tsa = make_tsa(ROOT, key=rsa.generate_private_key(65537, 2048))
    made = Forge(tsa, signature_oid=signature_oid)
    assert verify_token(made.data(), b"message", NAMED)
    assert code_of(replace(made, message_digest=bytes(32)).data()) == "time.token-signature"


MALFORMED = {
    "empty": b"",
    "text": b"<html>",
    "too long": b"0" * (MAX_TOKEN_BYTES + 1),
    "trailing byte": GOOD.data() + b"\0",
    "cut": GOOD.data()[:-1],
    "cut in a length": b"0\x82\x01",
    "cut after a tag": b"0",
    "indefinite length": b"0\x80\0\0",
    "long length": b"0\x81\x05\x05\0\x05\0\x05",
    "padded length": b"0\x82\x00\x80" + bytes(128),
    "high tag": b"\x3f\x81\x01\x00",
    "no token": seq(seq(integer(0))),
    "a third field": seq(seq(integer(0)), seq(), seq()),
    "long integer": seq(seq(b"\x02\x02\0\0"), seq()),
    "empty integer": seq(seq(b"\x02\0"), seq()),
    "not signed data": replace(GOOD, outer_type="1.2.840.113549.1.7.1").data(),
    "not a token inside": replace(GOOD, inner_type="1.2.840.113549.1.7.1").data(),
    "another type is signed": replace(GOOD, signed_type="1.2.840.113549.1.7.1").data(),
    "version": replace(GOOD, version=2).data(),
    "imprint of another length": replace(GOOD, imprint=bytes(31)).data(),
    "time without a zone": replace(GOOD, gen_time="20261122200000").data(),
    "time with an offset": replace(GOOD, gen_time="20261122200000+0000").data(),
    "time ending in zero": replace(GOOD, gen_time="20261122200000.50Z").data(),
    "time with a bare point": replace(GOOD, gen_time="20261122200000.Z").data(),
    "time without seconds": replace(GOOD, gen_time="202611222000Z").data(),
    "no such time": replace(GOOD, gen_time="20261322200000Z").data(),
    "too fine": replace(GOOD, gen_time="20261122200000.1234567891Z").data(),
    "accuracy of nothing": replace(GOOD, accuracy=seq(der(0x80, b"\0"))).data(),
    "negative accuracy": replace(GOOD, accuracy=seq(integer(-1))).data(),
    "unknown accuracy": replace(GOOD, accuracy=seq(der(0x82, b"\1"))).data(),
    "ordering false": replace(GOOD, ordering=der(1, b"\0")).data(),
    "one more field": replace(GOOD, more_info=octets(b"")).data(),
    "critical extension": replace(
        GOOD, extensions=der(0xA1, seq(oid("1.2.3"), der(1, b"\xff"), octets(b"")))
    ).data(),
    "two signers": replace(GOOD, signers=2).data(),
    "no signer": replace(GOOD, signers=0).data(),
    "named by key id": replace(GOOD, signer_version=3).data(),
    "no digest attribute": replace(GOOD, without=MESSAGE_DIGEST).data(),
    "no certificate attribute": replace(GOOD, without=ESS_V2).data(),
    "no certificate named": replace(GOOD, ess=attribute(ESS_V2, seq(seq()))).data(),
    "attribute twice": replace(GOOD, more_attributes=(ess_v2(OTHER.der),)).data(),
    "attribute with two values": replace(
        GOOD, more_attributes=(attribute("1.2.3", integer(1), integer(2)),)
    ).data(),
    "seventeen certificates": replace(
        GOOD, certificates=[TSA.der, *(seq(integer(n)) for n in range(16))]
    ).data(),
    "object identifier": seq(seq(integer(0)), seq(b"\x06\x01\x80", der(0xA0))),
    "endless object identifier": seq(seq(integer(0)), seq(der(6, b"\xff" * 12), der(0xA0))),
    "empty object identifier": seq(seq(integer(0)), seq(der(6), der(0xA0))),
}


@pytest.mark.parametrize("name", MALFORMED)
def test_what_is_no_token_is_malformed(name):
    assert code_of(MALFORMED[name]) == "time.token-malformed"


def test_members_of_a_set_stand_in_order():
    pair = sorted([TSA.der, OTHER.der])
    good = replace(GOOD, certificates=pair).data()
    assert verify_token(good, b"message", NAMED)
    swapped = good.replace(b"".join(pair), b"".join(reversed(pair)))
    assert code_of(swapped) == "time.token-malformed"


@pytest.mark.parametrize(("number", "word"), [(1, "granted with"), (2, "rejection"), (9, "9")])
def test_only_a_granted_token_counts(number, word):
    status = seq(integer(number), seq(der(0x0C, b"no time today")), der(3, b"\0\x80"))
    for data in (replace(GOOD, status=status).data(), seq(status)):
        with pytest.raises(Rejection) as error:
            verify_token(data, b"message", NAMED)
        assert error.value.code == "time.token-status"
        assert word in error.value.got
        assert "no time today" in error.value.got


@pytest.mark.parametrize(
    "made",
    [
        replace(GOOD, imprint_oid=SHA1, imprint=bytes(20)),
        replace(GOOD, digest_oid=SHA1),
        replace(GOOD, digest_oid="1.2.840.113549.2.5"),
        replace(GOOD, signature_oid="1.2.840.10045.4.1"),
        replace(GOOD, signature_oid="1.2.840.10045.4.3.3"),  # another digest than the one beside
        replace(GOOD, ess=ess_v2(TSA.der, "1.3.14.3.2.26")),
        Forge(make_tsa(ROOT, key=rsa.generate_private_key(65537, 1024)), signature_oid=RSA_SHA256),
        Forge(make_tsa(ROOT, key=ec.generate_private_key(ec.SECP256K1()))),
        Forge(
            make_tsa(ROOT, key=ed25519.Ed25519PrivateKey.generate()), signature_oid="1.3.101.112"
        ),
    ],
)
def test_weak_algorithms_are_refused(made):
    assert code_of(made.data()) == "time.token-algorithm"


def test_a_signature_must_hold():
    assert code_of(replace(GOOD, signing_key=OTHER.key).data()) == "time.token-signature"
    assert code_of(replace(GOOD, message_digest=bytes(32)).data()) == "time.token-signature"
    # Even where nobody has named the authority, a token that nobody signed is wrong.
    assert code_of(replace(GOOD, signing_key=OTHER.key).data(), ()) == "time.token-signature"


def test_the_message_must_be_the_stamped_one():
    assert code_of(GOOD.data(), message=b"massage") == "time.token-imprint"


def test_the_certificate_is_the_one_that_is_signed():
    assert code_of(replace(GOOD, ess=ess_v2(OTHER.der)).data()) == "time.certificate-other"
    twin = issue(
        "TEST TIME AUTHORITY, worth nothing", ROOT, purposes=[STAMPING],
        key=TSA.key, serial=TSA.certificate.serial_number,
    )  # fmt: skip
    assert code_of(replace(GOOD, certificates=[twin.der]).data()) == "time.certificate-other"
    # rfc3161-client would take either, as the set's order has it.
    both = replace(GOOD, certificates=[twin.der, TSA.der])
    assert code_of(both.data()) == "time.certificate-other"


def test_what_rides_along_must_be_certificates():
    made = replace(GOOD, certificates=[TSA.der, seq(integer(1))])
    assert code_of(made.data()) == "time.certificate-malformed"


@pytest.mark.parametrize(
    "options",
    [
        {"purposes": None},
        {"purposes": [ExtendedKeyUsageOID.CODE_SIGNING]},
        {"purposes": [STAMPING, ExtendedKeyUsageOID.CODE_SIGNING]},
        {"purposes_critical": False},
        {"ca": True},
        {"key_usage": {"key_encipherment": True}},
        {"extension": x509.UnrecognizedExtension(x509.ObjectIdentifier("1.2.3.4"), b"\5\0")},
    ],
)
def test_the_certificate_must_be_for_time_stamping_alone(options):
    assert code_of(Forge(make_tsa(ROOT, **options)).data()) == "time.certificate-usage"


@pytest.mark.parametrize("usage", [{"digital_signature": True}, {"content_commitment": True}])
def test_its_key_may_sign(usage):
    assert verify_token(Forge(make_tsa(ROOT, key_usage=usage)).data(), b"message", NAMED)


def test_nobody_who_is_not_named_proves_anything():
    stranger = make_root()
    for authorities in ((), (TimeAuthority("test", stranger.der),)):
        with pytest.raises(Indeterminate) as error:
            verify_token(GOOD.data(), b"message", authorities)
        assert error.value.code == "time.authority-not-named"
    pinned = (TimeAuthority("pinned", ROOT.der, OTHER.der),)
    assert code_of(GOOD.data(), pinned) == "time.authority-not-named"
    bare = replace(GOOD, certificates=[])
    assert code_of(bare.data()) == "time.authority-not-named"
    pinned = (TimeAuthority("pinned", ROOT.der, TSA.der),)
    assert verify_token(bare.data(), b"message", pinned).authority == "pinned"


def test_a_root_by_name_only_is_none():
    """The certificate says that the root issued it; the root's key did not."""
    impostor = make_root()
    assert impostor.certificate.subject == ROOT.certificate.subject
    made = Forge(make_tsa(impostor), certificates=None)
    made.certificates = [made.tsa.der, impostor.der]
    assert code_of(made.data()) == "time.authority-not-named"


def test_the_root_must_be_the_end_of_the_chain():
    middle = issue("MIDDLE", ROOT, ca=True)
    made = Forge(make_tsa(middle))
    authorities = (TimeAuthority("middle", middle.der),)
    assert code_of(made.data(), authorities) == "time.root-not-self-issued"


def test_an_authority_that_issued_itself_can_be_named():
    tsa = make_tsa(None)
    stamp = verify_token(Forge(tsa).data(), b"message", (TimeAuthority("self", tsa.der),))
    assert stamp.authority == "self"


@pytest.mark.parametrize("rides_along", [True, False])
def test_intermediates_only_show_the_way(rides_along):
    middle = issue("MIDDLE", ROOT, ca=True, path_length=0)
    tsa = make_tsa(middle)
    made = Forge(tsa, certificates=[tsa.der, middle.der] if rides_along else [tsa.der])
    others = () if rides_along else (middle.der,)
    assert verify_token(made.data(), b"message", NAMED, others)
    if not rides_along:
        assert code_of(made.data()) == "time.authority-not-named"


@pytest.mark.parametrize(
    "options",
    [
        {"ca": False},
        {"ca": True, "key_usage": {"digital_signature": True}},
        {"ca": True, "purposes": [ExtendedKeyUsageOID.CODE_SIGNING]},
        {
            "ca": True,
            "extension": x509.UnrecognizedExtension(x509.ObjectIdentifier("1.2.3.4"), b"\5\0"),
        },
    ],
)
def test_an_intermediate_must_be_allowed_to_issue(options):
    middle = issue("MIDDLE", ROOT, **options)
    made = Forge(make_tsa(middle))
    assert code_of(made.data(), intermediates=(middle.der,)) == "time.authority-not-named"


def test_a_path_may_not_be_longer_than_it_says():
    short = make_root("SHORT", path_length=0)
    middle = issue("MIDDLE", short, ca=True)
    made = Forge(make_tsa(middle))
    authorities = (TimeAuthority("short", short.der),)
    assert code_of(made.data(), authorities, intermediates=(middle.der,)) == (
        "time.authority-not-named"
    )


@pytest.mark.parametrize(
    "window", [{"not_after": NOW - DAY / 2}, {"not_before": NOW + DAY, "not_after": NOW + 2 * DAY}]
)
def test_the_certificate_must_be_valid_when_it_signs(window):
    assert code_of(Forge(make_tsa(ROOT, **window)).data()) == "time.certificate-not-valid"


def test_a_root_that_is_no_certificate_is_said_to_be_one():
    assert code_of(GOOD.data(), (TimeAuthority("t", b"0"),)) == "time.certificate-malformed"


@pytest.mark.parametrize("missing", ["rfc3161_client", "cryptography"])
def test_without_the_extra_nothing_is_known(monkeypatch, missing):
    monkeypatch.setitem(sys.modules, missing, None)
    monkeypatch.delitem(sys.modules, "pot_reverify.timestamps.chain", raising=False)
    monkeypatch.delattr(timestamps, "chain", raising=False)
    with pytest.raises(Indeterminate) as error:
        verify_token(GOOD.data(), b"message", NAMED)
    assert error.value.code == "time.backend-missing"
    assert "pot-audit[time]" in error.value.needs


def test_an_extension_that_is_not_critical_is_passed_over():
    """Such as the statement of qualified authorities (ETSI EN 319 422)."""
    extension = seq(oid("1.3.6.1.5.5.7.1.3"), octets(seq(seq(oid("0.4.0.19422.1.1")))))
    made = replace(GOOD, extensions=der(0xA1, extension))
    assert verify_token(made.data(), b"message", NAMED)


def test_unsigned_parts_are_not_relied_on():
    made = replace(GOOD, unsigned=der(0xA1, attribute("1.2.3", integer(1))), crls=der(0xA1))
    assert parse_token(made.data(), "t").gen_time_ns == parse_token(GOOD.data(), "t").gen_time_ns
    assert algorithm("1.2.3") == bytes.fromhex("300406022a03")


def test_the_second_opinion_counts():
    """What only OpenSSL refuses is refused: an issuer's key that is another, a negative nonce."""
    other_key = x509.AuthorityKeyIdentifier(bytes(20), None, None)
    named = x509.SubjectKeyIdentifier(bytes(19) + b"\1")
    root = issue("ROOT", None, ca=True, extension=named, extension_critical=False)
    tsa = make_tsa(root, extension=other_key, extension_critical=False)
    refused = code_of(Forge(tsa).data(), (TimeAuthority("root", root.der),))
    assert refused == "time.token-signature"
    assert code_of(replace(GOOD, nonce=integer(-5)).data()) == "time.token-malformed"


def test_many_certificates_of_one_name_are_not_tried_for_ever():
    twins = [issue("MIDDLE", ROOT, ca=True) for _ in range(9)]
    stray = issue("STRAY", twins[0], ca=True)
    certificates = tuple(one.der for one in twins)
    loop = [issue(f"LOOP {n}", issue(f"LOOP {1 - n}", stray, ca=True), ca=True) for n in (0, 1)]
    made = Forge(make_tsa(loop[0]), certificates=None)
    others = (*certificates, *(one.der for one in loop), stray.der)
    assert code_of(made.data(), intermediates=others) == "time.authority-not-named"


def test_no_changed_byte_lets_a_token_say_something_else():
    data = GOOD.data()
    genuine = what_it_says(verify_token(data, b"message", NAMED))
    for place in range(len(data)):
        changed = bytearray(data)
        changed[place] ^= 1 << place % 8
        try:
            stamp = verify_token(bytes(changed), b"message", NAMED)
        except PotAuditError:
            continue
        assert what_it_says(stamp) == genuine, place


def what_it_says(stamp):
    """What a reader relies on: not the bytes that nobody signs."""
    token = stamp.token
    said = (token.imprint, token.gen_time_ns, token.accuracy_ns, token.serial, token.policy)
    return said, stamp.authority, stamp.certificate, stamp.not_before_ns, stamp.not_after_ns
