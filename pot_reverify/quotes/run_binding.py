"""What a run-bound quote has to carry: the 64 bytes that an enclave puts into its report."""

import hashlib
from typing import Final

RUN_DOMAIN: Final = b"pot-audit/tee/1\x00"


def report_data_of(precommit_digest: bytes, public_key_der: bytes) -> bytes:
    """The report_data (``user_data`` of Nitro documents) that binds a run and a signing key.

    Args:
        precommit_digest: SHA-256 of the precommit's payload; 32 bytes, so nothing is ambiguous.
        public_key_der: SubjectPublicKeyInfo of the key that signs the statement.
    """
    return hashlib.sha512(RUN_DOMAIN + precommit_digest + public_key_der).digest()
