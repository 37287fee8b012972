"""The tree: public roots, the definition, and what domain separation is for."""

import base64
import hashlib
import json
import tracemalloc
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pot_reverify.container.merkle import leaf_digest, node_digest, tree_root
from pot_reverify.errors import Rejection

FIXTURES = Path(__file__).parents[2] / "fixtures"
GOLDEN = json.loads((FIXTURES / "golden" / "tree.json").read_bytes())

# Entries of the tree behind the public vectors (certificate-transparency's reference tests).
CT_ENTRIES = [
    bytes.fromhex(entry)
    for entry in (
        *("", "00", "10", "2021", "3031", "40414243", "5051525354555657"),
        "606162636465666768696a6b6c6d6e6f",
    )
]


def ct_leaves(count):
    """RFC 9162 leaves, which have no frame type."""
    return [hashlib.sha256(b"\x00" + entry).digest() for entry in CT_ENTRIES[:count]]


def public_cases():
    for path in sorted((FIXTURES / "public" / "rfc6962").rglob("*.json")):
        case = json.loads(path.read_bytes())
        name = f"{path.parent.parent.name}/{path.parent.name}"
        if "treeSize" in case:
            yield pytest.param(case["treeSize"], case["root"], id=name)
        else:
            yield pytest.param(case["size1"], case["root1"], id=f"{name}, first")
            yield pytest.param(case["size2"], case["root2"], id=f"{name}, second")


@pytest.mark.parametrize(("size", "root"), list(public_cases()))
def test_public_roots(size, root):
    assert tree_root(ct_leaves(size)) == base64.b64decode(root)


def test_public_inclusion_proofs_end_in_the_same_inner_nodes():
    """Leaf 0 of 8: the path is the sibling leaf, then the roots of the next subtrees."""
    path = FIXTURES / "public" / "rfc6962" / "inclusion" / "1" / "happy-path.json"
    proof = [base64.b64decode(node) for node in json.loads(path.read_bytes())["proof"]]
    leaves = ct_leaves(8)
    assert proof == [leaves[1], tree_root(leaves[2:4]), tree_root(leaves[4:])]


def definition(leaves):
    """MTH of RFC 9162 §2.1.1, word for word."""
    if len(leaves) == 1:
        return leaves[0]
    k = 1 << ((len(leaves) - 1).bit_length() - 1)
    assert k < len(leaves) <= 2 * k
    left, right = definition(leaves[:k]), definition(leaves[k:])
    return hashlib.sha256(b"\x01" + left + right).digest()


@pytest.mark.parametrize("count", [*range(1, 70), 127, 128, 129, 1000])
def test_root_is_the_definition(count):
    leaves = [
        hashlib.sha256(count.to_bytes(4, "big") + bytes([i % 256])).digest() for i in range(count)
    ]
    assert tree_root(leaves) == definition(leaves)
    assert tree_root(iter(leaves)) == definition(leaves)


def test_golden_leaves():
    digests = []
    for case in GOLDEN["leaves"]:
        payload = bytes.fromhex(case["payload"])
        digest = leaf_digest(case["type"], payload)
        assert digest == hashlib.sha256(b"\x00" + bytes([case["type"]]) + payload).digest()
        assert digest.hex() == case["digest"]
        digests.append(digest)
    assert node_digest(*digests[:2]).hex() == GOLDEN["node_of_the_first_two"]


@pytest.mark.parametrize("case", GOLDEN["cases"], ids=lambda case: str(case["leaf_count"]))
def test_golden_roots(case):
    leaves = [
        leaf_digest(1 + index % 6, bytes([index % 256]) * index)
        for index in range(case["leaf_count"])
    ]
    assert tree_root(leaves).hex() == definition(leaves).hex() == case["root"]


def test_empty_tree_is_refused():
    with pytest.raises(Rejection) as caught:
        tree_root([])
    assert caught.value.code == "tree.empty"


@pytest.mark.parametrize("length", [0, 31, 33, 64])
@pytest.mark.parametrize("at", [0, 1, 4])
def test_leaf_digests_of_another_length_are_refused(length, at):
    leaves = [bytes(32)] * 5
    leaves[at] = bytes(length)
    with pytest.raises(Rejection) as caught:
        tree_root(leaves)
    assert (caught.value.code, caught.value.where) == ("tree.digest-length", f"leaf {at}")


@pytest.mark.parametrize("frame_type", [-1, 256])
def test_a_frame_type_is_one_byte(frame_type):
    with pytest.raises(OverflowError):
        leaf_digest(frame_type, b"")


class TestSecondPreimages:
    def test_an_inner_node_does_not_pass_for_a_leaf(self):
        leaves = [leaf_digest(2, bytes([i])) for i in range(4)]
        left, right = leaves[0] + leaves[1], leaves[2] + leaves[3]
        for frame_type in range(256):
            forged = [leaf_digest(frame_type, left), leaf_digest(frame_type, right)]
            assert forged[0] != node_digest(leaves[0], leaves[1])
            assert tree_root(forged) != tree_root(leaves)

    def test_without_the_first_byte_an_inner_node_would_pass_for_a_leaf(self):
        """The attack is real for a tree that has no domain separation."""

        def plain_root(contents):
            level = [hashlib.sha256(content).digest() for content in contents]
            while len(level) > 1:
                pairs = zip(level[::2], level[1::2], strict=True)
                level = [hashlib.sha256(a + b).digest() for a, b in pairs]
            return level[0]

        leaves = [hashlib.sha256(bytes([i])).digest() for i in range(4)]
        forged = [leaves[0] + leaves[1], leaves[2] + leaves[3]]
        assert plain_root([bytes([i]) for i in range(4)]) == plain_root(forged)

    def test_a_frame_does_not_pass_for_one_of_another_type(self):
        assert leaf_digest(2, b"\x03payload") != leaf_digest(3, b"payload")
        assert leaf_digest(2, b"payload") != leaf_digest(3, b"payload")

    @settings(derandomize=True, max_examples=200)
    @given(st.lists(st.binary(max_size=3), min_size=1, max_size=12), st.data())
    def test_the_root_fixes_order_number_and_content(self, payloads, data):
        leaves = [leaf_digest(2, payload) for payload in payloads]
        other = list(leaves)
        at = data.draw(st.integers(0, len(leaves) - 1))
        match data.draw(st.sampled_from(["swap", "drop", "double", "change"])):
            case "swap":
                to = data.draw(st.integers(0, len(leaves) - 1))
                other[at], other[to] = other[to], other[at]
            case "drop" if len(leaves) > 1:
                del other[at]
            case "double":
                other.insert(at, other[at])
            case _:
                other[at] = leaf_digest(3, payloads[at])
        assert (tree_root(other) == tree_root(leaves)) == (other == leaves)


def test_memory_does_not_grow_with_the_leaves():
    tracemalloc.start()
    try:
        root = tree_root(bytes(32) for _ in range(2**16 + 1))
        peak_bytes = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert len(root) == 32
    assert peak_bytes < 20_000
