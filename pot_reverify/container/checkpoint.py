"""The checkpoint: three lines of text that stand for the whole tree (C2SP tlog-checkpoint)."""

import base64

from pot_reverify.encoding.digest import sha256_digest


def checkpoint_text(run_id: bytes, leaf_count: int, root: bytes) -> bytes:
    """Origin with the run id in hex, leaf count, base64 of the RFC 9162 root; a line each."""
    encoded_root = base64.b64encode(root).decode()
    return f"pot-audit/{run_id.hex()}\n{leaf_count}\n{encoded_root}\n".encode()


def checkpoint_digest(run_id: bytes, leaf_count: int, root: bytes) -> bytes:
    """SHA-256 of the checkpoint text: the first subject of the statement."""
    return sha256_digest(checkpoint_text(run_id, leaf_count, root))
