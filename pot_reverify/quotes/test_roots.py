"""Roots whose private keys are public, because tests sign with them: they vouch for nothing.

No pinned root is among them, and a reader may still name one, to try things out. Whatever rests on
one says so wherever it is shown.
"""

from typing import Final

from pot_reverify.encoding.digest import sha256_digest
from pot_reverify.quotes.evidence import QuoteAppraisal

TEST_ROOTS: Final = frozenset(
    bytes.fromhex(digest)
    for digest in (
        # fixtures/tee/synthetic_dcap/test_root.der
        "e750b923e087025d9b0a41e1e10052b0e1369bd6c6217d1da605f8c42bea8fdc",
        # fixtures/bundles/grades/test-root-amd.der
        "593b1597b9c8b34d783beb7b81b9cc2754d7df1e0a71f86709a11ee8aa6c0d5d",
        # fixtures/bundles/grades/test-root-aws.der
        "fa2aec9c9ff2a16411a2efa72a63d979b5ca66381908a8c066181082209d8f66",
        # fixtures/bundles/grades/test-root-intel.der
        "26209e5d7da2f8607b98a9cfad16f57aaceb873925787b7a2055c9143ce8dc63",
    )
)
"""SHA-256 of each certificate."""


def is_under_test_root(appraisal: QuoteAppraisal) -> bool:
    """Whether the evidence, or a quote inside it, rests on a root that is published for tests."""
    return sha256_digest(appraisal.root) in TEST_ROOTS or any(
        is_under_test_root(device) for device in appraisal.devices
    )
