"""Rounds of drand's networks, and everything that must not pass for one."""

import hashlib
import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
import second_opinion
import test_chains

from pot_reverify.beacons.bls import HASH_TAGS, verify_bls
from pot_reverify.beacons.chains import CHAINS, DEFAULT, QUICKNET, Scheme, find_chain
from pot_reverify.beacons.round import SignedRound, verify_round
from pot_reverify.errors import Indeterminate, Rejection

ROOT = Path(__file__).parents[2]
ROUNDS = json.loads((ROOT / "fixtures" / "public" / "drand" / "rounds.json").read_text())["rounds"]
P = int(
    "1a0111ea397fe69a4b1ba7b6434bacd764774b84f38512bf"
    "6730d2a0f6b0f6241eabfffeb153ffffb9feffffffffaaab",
    16,
)
BY_NAME = {"quicknet": QUICKNET, "default": DEFAULT}
rounds = pytest.mark.parametrize(
    "entry", ROUNDS, ids=lambda entry: f"{entry['of']}-{entry['round']}".replace(" ", "-")
)


def chain_of(entry):
    """The pinned chain, or quicknet's parameters with the test key that drand publishes."""
    pinned = BY_NAME.get(entry["of"])
    return pinned or replace(QUICKNET, public_key=bytes.fromhex(entry["public_key"]))


def signed(entry):
    previous = entry["previous_signature"]
    return SignedRound(
        entry["round"],
        bytes.fromhex(entry["signature"]),
        None if previous is None else bytes.fromhex(previous),
    )


def vector(of, number):
    (entry,) = [one for one in ROUNDS if (one["of"], one["round"]) == (of, number)]
    return signed(entry)


QUICK, CHAINED = vector("quicknet", 1000), vector("default", 72785)
BOTH = pytest.mark.parametrize(
    ("chain", "good"), [(QUICKNET, QUICK), (DEFAULT, CHAINED)], ids=["quicknet", "default"]
)


def refusal(chain, one):
    with pytest.raises(Rejection) as refused:
        verify_round(chain, one)
    return refused.value.code


@rounds
def test_a_published_round_holds(entry):
    chain, one = chain_of(entry), signed(entry)
    assert chain.scheme.value == entry["scheme"]
    assert chain.public_key.hex() == entry["public_key"]
    verify_round(chain, one)
    if entry["randomness"] is not None:
        assert one.randomness.hex() == entry["randomness"]


@rounds
def test_a_second_implementation_agrees_about_rounds_and_their_neighbours(entry):
    chain, one = chain_of(entry), signed(entry)
    for number in (one.number, one.number + 1):
        message = hashlib.sha256((one.previous_signature or b"") + number.to_bytes(8)).digest()
        assert second_opinion.agrees(chain, message, one.signature) == (number == one.number)


@pytest.mark.parametrize(("name", "chain"), CHAINS.items(), ids=lambda one: str(one)[:14])
def test_a_pinned_name_is_the_hash_of_the_pinned_parameters(name, chain):
    assert chain.name == name
    assert find_chain(name) is chain
    assert not chain.is_test
    for change in (
        {"period_s": chain.period_s + 1},
        {"genesis_s": chain.genesis_s + 1},
        {"public_key": bytes(len(chain.public_key))},
        {"group_hash": bytes(32)},
        {"beacon_id": "other"},
    ):
        assert replace(chain, **change).name != name
    assert find_chain(replace(chain, period_s=99).name) is None


def test_other_names_are_no_chain():
    for name in ("", "drand", "drand/", "NIST Randomness Beacon 2.0", QUICKNET.hash.hex()):
        assert find_chain(name) is None
    assert find_chain(QUICKNET.name.upper()) is None
    assert find_chain(f"{QUICKNET.name} ") is None


@pytest.mark.parametrize("chain", [QUICKNET, DEFAULT], ids=["quicknet", "default"])
def test_rounds_have_times_and_times_have_rounds(chain):
    assert chain.time_ns(1) == chain.genesis_s * 10**9
    for number in (1, 2, 3, 1000, 10**9):
        at_ns = chain.time_ns(number)
        assert at_ns - chain.time_ns(number - 1) == chain.period_s * 10**9
        assert chain.first_round_from(at_ns) == number
        assert chain.first_round_from(at_ns + 1) == number + 1
    assert chain.first_round_from(0) == 1


@BOTH
def test_another_round_is_refused(chain, good):
    for number in (good.number - 1, good.number + 1, good.number ^ (1 << 62)):
        assert refusal(chain, replace(good, number=number)) == "beacon.signature"


@BOTH
def test_a_changed_bit_is_refused_wherever_it_is(chain, good):
    codes = set()
    for bit in range(8 * len(good.signature)):
        changed = bytearray(good.signature)
        changed[bit // 8] ^= 1 << bit % 8
        codes.add(refusal(chain, replace(good, signature=bytes(changed))))
    assert codes <= {"beacon.point", "beacon.signature"}
    assert "beacon.point" in codes


def test_a_changed_bit_of_the_round_before_is_refused():
    for bit in range(0, 768, 7):
        changed = bytearray(CHAINED.previous_signature)
        changed[bit // 8] ^= 1 << bit % 8
        changed_round = replace(CHAINED, previous_signature=bytes(changed))
        assert refusal(DEFAULT, changed_round) == "beacon.signature"


@pytest.mark.parametrize(
    ("chain", "one"),
    [
        (QUICKNET, replace(QUICK, previous_signature=CHAINED.previous_signature)),
        (QUICKNET, replace(QUICK, previous_signature=b"")),
        (DEFAULT, replace(CHAINED, previous_signature=None)),
        (DEFAULT, replace(CHAINED, previous_signature=CHAINED.previous_signature[:-1])),
        (DEFAULT, replace(CHAINED, previous_signature=CHAINED.previous_signature + b"\0")),
        (DEFAULT, replace(vector("default", 1), previous_signature=bytes(32))),
        (DEFAULT, replace(vector("default", 1), previous_signature=CHAINED.signature)),
        (DEFAULT, replace(CHAINED, previous_signature=DEFAULT.group_hash)),
    ],
)
def test_a_round_before_stands_there_exactly_if_the_chain_signs_it(chain, one):
    assert refusal(chain, one) == "beacon.previous-signature"


def test_a_message_cannot_be_split_otherwise():
    """Bytes of the round may not wander into the signature before it."""
    joined = CHAINED.previous_signature + CHAINED.number.to_bytes(8)
    moved = SignedRound(int.from_bytes(joined[-9:-1]), CHAINED.signature, joined[:-9])
    assert refusal(DEFAULT, moved) == "beacon.previous-signature"


def g1(x, flags):
    return bytes([x >> 376 | flags]) + (x & ((1 << 376) - 1)).to_bytes(47)


def g1_x(compressed):
    return int.from_bytes(bytes([compressed[0] & 0x1F]) + compressed[1:])


def small_points():
    """Points of the curve y² = x³ + 4 with the smallest x: none of them is in the subgroup."""
    return [x for x in range(40) if pow(x**3 + 4, (P - 1) // 2, P) == 1]


def test_points_outside_the_subgroup_are_refused():
    assert len(small_points()) > 10
    for x in small_points():
        for flags in (0x80, 0xA0):
            assert refusal(QUICKNET, replace(QUICK, signature=g1(x, flags))) == "beacon.point"


def test_points_of_the_twist_outside_the_subgroup_are_refused():

    order = test_chains._ORDER
    tried = 0
    for x in range(40):
        data = g1(0, 0x80) + x.to_bytes(48)
        try:
            point = second_opinion.g2(data)
        except ValueError:
            continue
        assert not second_opinion.is_inf(second_opinion.multiply(point, order)), (
            "this point is in the subgroup"
        )
        tried += 1
        assert refusal(DEFAULT, replace(CHAINED, signature=data)) == "beacon.point"
        key = replace(QUICKNET, public_key=data)
        assert refusal(key, QUICK) == "beacon.point"
    assert tried > 5


def test_the_signature_plus_a_point_of_small_order_is_refused():
    """It satisfies the pairing equation after the final exponentiation, and is no signature."""

    order = test_chains._ORDER
    # Whatever order a point has, the subgroup's order times it lies in the other part.
    point = second_opinion.g1(g1(small_points()[3], 0x80))
    torsion = second_opinion.multiply(point, order)
    assert not second_opinion.is_inf(torsion)
    shifted = second_opinion.add(second_opinion.g1(QUICK.signature), torsion)
    data = second_opinion.compress_G1(shifted).to_bytes(48)
    assert data != QUICK.signature
    message = hashlib.sha256(QUICK.number.to_bytes(8)).digest()
    assert second_opinion.agrees(QUICKNET, message, data)
    assert refusal(QUICKNET, replace(QUICK, signature=data)) == "beacon.point"


@pytest.mark.parametrize("size", [48, 96])
def test_the_neutral_point_is_refused_in_every_encoding(size):
    chain, good = (QUICKNET, QUICK) if size == 48 else (DEFAULT, CHAINED)
    for first in (0xC0, 0xE0, 0x40, 0x60, 0x00, 0x80):
        for rest in (bytes(size - 1), bytes(size - 2) + b"\1"):
            data = bytes([first]) + rest
            assert refusal(chain, replace(good, signature=data)) == "beacon.point"
    # A neutral key would accept a neutral signature for every message.
    neutral = replace(chain, public_key=b"\xc0" + bytes(chain.scheme.key_bytes - 1))
    for signature in (good.signature, b"\xc0" + bytes(size - 1)):
        assert refusal(neutral, replace(good, signature=signature)) == "beacon.point"


@BOTH
def test_sizes_and_flags_that_are_not_a_compressed_point_are_refused(chain, good):
    data = good.signature
    wrong = [
        b"",
        data[:-1],
        data + b"\0",
        data[: len(data) // 2],
        data + data,
        bytes([data[0] & 0x7F]) + data[1:],  # says that it is not compressed
        bytes([data[0] | 0x40]) + data[1:],  # says that it is neutral
        bytes(len(data)),
        b"\xff" * len(data),
        bytes([data[0] & 0x1F]) + data[1:] + bytes(len(data)),  # uncompressed, y = 0
    ]
    for signature in wrong:
        assert refusal(chain, replace(good, signature=signature)) == "beacon.point"
    other_sign = bytes([data[0] ^ 0x20]) + data[1:]
    assert refusal(chain, replace(good, signature=other_sign)) == "beacon.signature"


def test_uncompressed_points_are_refused():

    x, y = second_opinion.normalize(second_opinion.g1(QUICK.signature))
    data = int(x).to_bytes(48) + int(y).to_bytes(48)
    assert refusal(QUICKNET, replace(QUICK, signature=data)) == "beacon.point"


def test_coordinates_at_or_above_the_field_prime_are_refused():
    """Only coordinates below 2^381 − p have a second text; there are such points in G1's curve."""
    for x in (0, *small_points()):
        assert refusal(QUICKNET, replace(QUICK, signature=g1(x + P, 0x80))) == "beacon.point"
    # The same for either half of a point of G2, and for a key.
    high, low = CHAINED.signature[:48], CHAINED.signature[48:]
    for data in (high + P.to_bytes(48), g1(P, 0x80) + low, high + b"\xff" * 48):
        assert refusal(DEFAULT, replace(CHAINED, signature=data)) == "beacon.point"
    key = replace(DEFAULT, public_key=g1(P, 0x80))
    assert refusal(key, CHAINED) == "beacon.point"


def test_a_multiple_of_the_generator_with_a_small_coordinate_plus_p_is_refused():
    """A point of the subgroup itself, x replaced by x + p, wherever that fits."""
    from pyblst import BlstP1Element

    from pot_reverify.beacons.bls import G1_GENERATOR

    found = 0
    for scalar in range(1, 60):
        data = BlstP1Element.uncompress(G1_GENERATOR).scalar_mul(scalar).compress()
        if g1_x(data) + P < 1 << 381:
            found += 1
            twin = g1(g1_x(data) + P, data[0] & 0xE0)
            assert refusal(QUICKNET, replace(QUICK, signature=twin)) == "beacon.point"
    assert found > 3


def test_keys_and_signatures_of_different_networks_do_not_mix():
    test = test_chains.QUICK
    assert refusal(test, QUICK) == "beacon.signature"
    assert refusal(QUICKNET, test_chains.sign_round(test, 1000)) == "beacon.signature"
    rfc = next(one for one in ROUNDS if one["of"].startswith("rfc"))
    assert refusal(QUICKNET, signed(rfc)) == "beacon.signature"
    assert refusal(DEFAULT, replace(QUICK, previous_signature=CHAINED.signature)) == "beacon.point"
    assert refusal(QUICKNET, replace(CHAINED, previous_signature=None)) == "beacon.point"


def test_a_signature_over_the_wrong_domain_is_refused():
    """drand's first network in G1 hashed with the tag of G2; quicknet does not."""
    from pyblst import BlstP1Element

    chain = test_chains.QUICK
    message = hashlib.sha256((7).to_bytes(8)).digest()
    point = BlstP1Element.hash_to_group(message, HASH_TAGS[Scheme.CHAINED])
    wrong = point.scalar_mul(test_chains.SECRET).compress()
    assert refusal(chain, SignedRound(7, wrong, None)) == "beacon.signature"
    with pytest.raises(Rejection):
        verify_bls(chain.scheme, chain.public_key, b"7", wrong)


@pytest.mark.parametrize(
    "chain", [test_chains.QUICK, test_chains.CHAINED], ids=["quick", "chained"]
)
def test_a_test_chain_signs_anything_and_is_called_by_its_name(chain):
    for number in (1, 2, 2**40):
        verify_round(chain, test_chains.sign_round(chain, number))
    assert chain.name not in CHAINS
    honest_looking = replace(chain, is_declared_test=False, title="Example Beacon")
    assert honest_looking.is_test
    assert honest_looking.label == "TEST CHAIN Example Beacon, which vouches for nothing"


def test_the_published_policy_of_the_test_chains_is_theirs():
    from pot_reverify import load_policy

    path = ROOT / "fixtures" / "beacons" / "test-chains.toml"
    assert load_policy(path).beacons == (test_chains.QUICK, test_chains.CHAINED)


def test_no_shipped_policy_accepts_a_test_chain():
    from pot_reverify import load_policy

    policies = sorted((ROOT / "fixtures" / "policies").glob("*.toml"))
    assert len(policies) == 3
    assert [chain for path in policies for chain in load_policy(path).beacons] == []


def test_without_the_library_it_cannot_be_told(monkeypatch):
    monkeypatch.setitem(sys.modules, "pyblst", None)
    with pytest.raises(Indeterminate) as unknown:
        verify_round(QUICKNET, QUICK)
    assert unknown.value.code == "beacon.backend-missing"
    assert "pip install 'pot-audit[beacon]'" in unknown.value.needs


def test_the_library_is_loaded_only_where_a_round_is_verified():
    code = (
        "import sys; from pot_reverify import verify;"
        f"verify({str(ROOT / 'fixtures' / 'vectors' / 'small.potb')!r});"
        "print('pyblst' in sys.modules)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT
    )
    assert done.stdout == "False\n"
