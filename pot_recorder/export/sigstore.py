"""Sigstore bundles v0.3 of the signed statement, one a signature, verified by a key at hand.

A Sigstore bundle holds a DSSE envelope with exactly one signature (sigstore_bundle.proto), so that
a set of signatures becomes a set of bundles. There is no certificate and no log entry in them.
"""

import base64
import json
from dataclasses import dataclass

from pot_recorder.export.sealed import SealedBundle
from pot_reverify.documents.signed_bytes import Signature
from pot_reverify.documents.statement import PAYLOAD_TYPE
from pot_reverify.errors import Rejection
from pot_reverify.seal.public_keys import Algorithm

MEDIA_TYPE = "application/vnd.dev.sigstore.bundle.v0.3+json"
# Pure ML-DSA has numbers in Sigstore's registry, marked experimental, and no verifier in releases.
_ALGORITHMS = frozenset({Algorithm.ED25519.value, Algorithm.ECDSA_P256.value})


@dataclass(frozen=True, slots=True)
class SigstoreExport:
    """What Sigstore's tools can read of a bundle.

    Args:
        files: name and content of each file.
        left_out: the signatures that no released tool of Sigstore verifies.
    """

    files: tuple[tuple[str, bytes], ...]
    left_out: tuple[Signature, ...]


def sigstore_bundles(sealed: SealedBundle) -> SigstoreExport:
    """One Sigstore bundle for each Ed25519 and P-256 signature.

    Raises:
        Rejection: ``export.no-sigstore-signature``.
    """
    usable = [one for one in sealed.bundle.signatures if one.algorithm in _ALGORITHMS]
    if not usable:
        raise Rejection(
            "export.no-sigstore-signature",
            "Sigstore's tools verify none of the bundle's signatures",
            where=str(sealed.path),
            expected=" or ".join(sorted(_ALGORITHMS)),
            got=", ".join(one.algorithm for one in sealed.bundle.signatures),
        )
    return SigstoreExport(
        tuple(
            (f"{number:02d}-{one.algorithm}.sigstore.json", _bundle(sealed, one))
            for number, one in enumerate(usable, start=1)
        ),
        tuple(one for one in sealed.bundle.signatures if one not in usable),
    )


def _bundle(sealed: SealedBundle, signature: Signature) -> bytes:
    document = {
        "mediaType": MEDIA_TYPE,
        "verificationMaterial": {"publicKey": {"hint": signature.key_id}, "tlogEntries": []},
        "dsseEnvelope": {
            "payload": base64.b64encode(sealed.statement_payload).decode(),
            "payloadType": PAYLOAD_TYPE,
            "signatures": [{"sig": base64.b64encode(signature.signature).decode(), "keyid": ""}],
        },
    }
    return json.dumps(document, indent=2).encode() + b"\n"
