"""The time authority that the reader names; its certificate is public, and so is its key here.

The key is computed from a label, so that the process that makes tokens and the one that judges them
have the same one, and its certificate is signed deterministically.
"""

from datetime import UTC, datetime
from hashlib import sha256

from certificates import Holder, issue
from cryptography.hazmat.primitives.asymmetric import ec

ROOT_NAME = "TEST ROOT"
LONG = {
    "not_before": datetime(2020, 1, 1, tzinfo=UTC),
    "not_after": datetime(2040, 1, 1, tzinfo=UTC),
}


def key(label: str) -> ec.EllipticCurvePrivateKey:
    number = int.from_bytes(sha256(label.encode()).digest()) >> 1
    return ec.derive_private_key(number, ec.SECP256R1())


ROOT: Holder = issue(
    ROOT_NAME, None, ca=True, key=key("root"), serial=1, deterministic=True, **LONG
)
ROOT_DER = ROOT.der
