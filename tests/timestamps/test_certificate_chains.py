"""How many signatures are checked: counted, since that is what a stranger can make dear."""

from functools import cache

import pytest
from certificates import DAY, NOW, issue, make_root, make_tsa
from cryptography.hazmat.primitives.asymmetric import rsa
from forge import RSA, Forge

from pot_reverify.errors import Indeterminate, Rejection
from pot_reverify.policy import TimeAuthority
from pot_reverify.timestamps import chain
from pot_reverify.timestamps.token import parse_token
from pot_reverify.timestamps.verify import TokenVerifier, verify_token

ROOT = make_root()
MIDDLE = issue("MIDDLE", ROOT, ca=True)
TSA = make_tsa(MIDDLE)
NAMED = (TimeAuthority("test", ROOT.der),)


@pytest.fixture
def checked(monkeypatch):
    """Pairs of child and parent whose signature was checked."""
    pairs = []
    real = chain._issued

    def count(child, parent):
        pairs.append((child, parent))
        return real(child, parent)

    monkeypatch.setattr(chain, "_issued", count)
    return pairs


def token(tsa=TSA, others=(MIDDLE,), **fields):
    made = Forge(tsa, **fields)
    made.certificates = sorted([tsa.der, *(one.der for one in others)])
    return parse_token(made.data(), "token")


def test_a_pair_is_checked_once_a_bundle(checked):
    verifier = TokenVerifier(NAMED)
    for serial in range(20):
        assert verifier.verify(token(serial=serial)).authority == "test"
    assert len(checked) == 2


def test_no_key_checks_before_it_is_vouched_for(checked):
    impostor = make_root()
    below = [issue("MIDDLE", impostor, ca=True) for _ in range(6)]
    tsa = make_tsa(below[0])
    with pytest.raises(Indeterminate) as unnamed:
        TokenVerifier(NAMED).verify(token(tsa, (impostor, *below)))
    assert unnamed.value.code == "time.authority-not-named"
    assert {parent for _, parent in checked} == {ROOT.certificate}
    assert len(checked) <= 8


def test_the_checks_of_a_bundle_are_counted(checked):
    verifier = TokenVerifier(NAMED)
    tokens = [token(make_tsa(make_root()), ()) for _ in range(chain.MAX_SIGNATURE_CHECKS // 2 + 1)]
    said = [_code(verifier, one) for one in tokens]
    assert said == ["time.authority-not-named"] * (len(said) - 1) + ["time.too-many-checks"]
    assert len(checked) <= chain.MAX_SIGNATURE_CHECKS


def _code(verifier, one):
    with pytest.raises(Indeterminate) as error:
        verifier.verify(one)
    return error.value.code


@cache
def long_key():
    return rsa.generate_private_key(65537, 4104)


def test_a_long_key_signs_no_token():
    tsa = make_tsa(ROOT, key=long_key())
    with pytest.raises(Rejection) as refused:
        TokenVerifier(NAMED).verify(token(tsa, (), signature_oid=RSA))
    assert refused.value.code == "time.token-algorithm"
    assert "4096" in refused.value.expected


def test_a_long_key_of_a_root_is_said():
    root = make_root(key=long_key())
    data = Forge(make_tsa(root)).data()
    with pytest.raises(Indeterminate) as refused:
        verify_token(data, b"message", (TimeAuthority("long", root.der),))
    assert refused.value.code == "time.root-key"
    assert "4096" in refused.value.needs


def test_a_long_key_in_between_leads_nowhere():
    middle = issue("LONG", ROOT, ca=True, key=long_key())
    with pytest.raises(Indeterminate) as unnamed:
        TokenVerifier(NAMED).verify(token(make_tsa(middle), (middle,)))
    assert unnamed.value.code == "time.authority-not-named"


@pytest.mark.parametrize("depth", [0, 1, 4])
def test_chains_of_several_issuers_are_found(depth, checked):
    issuers = [ROOT]
    for number in range(depth):
        issuers.append(issue(f"CA {number}", issuers[-1], ca=True))
    tsa = make_tsa(issuers[-1], not_before=NOW - DAY)
    assert TokenVerifier(NAMED).verify(token(tsa, issuers[1:])).authority == "test"
    assert len(checked) == depth + 1
