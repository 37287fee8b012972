"""The vendors' root certificates, pinned by their bytes; SOURCES.tsv says where each came from."""

from collections.abc import Mapping
from hashlib import sha256
from importlib.resources import files
from types import MappingProxyType
from typing import Final

# The SHA-256 of the whole certificate, for readers who compare with what the vendor publishes.
_PINS: Final = {
    "intel": {"intel-sgx.der": "44a0196b2b99f889b8e149e95b807a350e7424964399e885a7cbb8ccfab674d3"},
    "amd": {
        "amd-milan.der": "69d063b45344d26a2e94e1f4210de49ef555308287d4c174445c95639a540bcd",
        "amd-genoa.der": "4c6598d19c18719c5dfd4a7d335f674e5bfe1d8f800cea2cf270c10d103db2f1",
        "amd-turin.der": "1f084161a44bb6d93778a904877d4819cafa5d05ef4193b2ded9dd9c73dd3f6a",
    },
    "aws": {"aws-nitro-g1.der": "641a0321a3e244efe456463195d606317ed7cdcc3c1756e09893f3c68f79bb5b"},
    "nvidia": {
        "nvidia-device.der": "102bf659d5419614c9d8e6aecebc80454eb26b1df6a769ac720b9a690b167b48"
    },
    # NVIDIA's attestation service publishes no root: its intermediates are the reader's to name.
    "nras": {},
}


def _read(name: str, pin: str) -> bytes:
    der = files(__name__).joinpath(name).read_bytes()
    if sha256(der).hexdigest() != pin:
        raise RuntimeError(f"{name} is not the certificate that this version pins; reinstall it")
    return der


PINNED_ROOTS: Final[Mapping[str, tuple[bytes, ...]]] = MappingProxyType(
    {
        vendor: tuple(_read(name, pin) for name, pin in pins.items())
        for vendor, pins in _PINS.items()
    }
)
