"""The SHA-256 tree of RFC 9162 §2.1 (as RFC 6962 §2.1) over typed leaves.

Leaves and inner nodes are hashed under different first bytes, so that no inner node can pass for a
leaf; the frame type stands between, so that no frame can pass for one of another type.
"""

import hashlib
from collections.abc import Iterable
from typing import Final

from pot_reverify.encoding.digest import DIGEST_BYTES
from pot_reverify.errors import Rejection

_LEAF: Final = b"\x00"
_NODE: Final = b"\x01"


def leaf_digest(frame_type: int, payload: bytes) -> bytes:
    """``SHA256(00 | type | payload)``, the type as one byte."""
    digest = hashlib.sha256(_LEAF + frame_type.to_bytes(1, "little"))
    digest.update(payload)
    return digest.digest()


def node_digest(left: bytes, right: bytes) -> bytes:
    """``SHA256(01 | left | right)``."""
    return hashlib.sha256(_NODE + left + right).digest()


def tree_root(leaf_digests: Iterable[bytes]) -> bytes:
    """The Merkle tree hash of RFC 9162 §2.1.1, over leaves that are already digests.

    One pass; holds one digest for each bit of the number of leaves.

    Raises:
        Rejection: ``tree.empty``; ``tree.digest-length`` for a leaf digest that has not 32 bytes.
    """
    # Roots of the perfect subtrees so far, one for each 1 bit of the count, largest first.
    subtrees: list[bytes] = []
    for index, leaf in enumerate(leaf_digests):
        if len(leaf) != DIGEST_BYTES:
            raise Rejection(
                "tree.digest-length",
                "a leaf digest has the wrong length",
                where=f"leaf {index}",
                expected=f"{DIGEST_BYTES} bytes",
                got=f"{len(leaf)} bytes",
            )
        root, full = leaf, index
        while full & 1:
            root = node_digest(subtrees.pop(), root)
            full >>= 1
        subtrees.append(root)
    if not subtrees:
        raise Rejection("tree.empty", "a tree needs at least one leaf")
    root = subtrees.pop()
    while subtrees:
        root = node_digest(subtrees.pop(), root)
    return root
