"""Whether a document that arrived from somebody is signed by the keys that one has of them."""

from collections.abc import Sequence

from pot_reverify.documents.signed_bytes import Signature
from pot_reverify.errors import Rejection
from pot_reverify.seal.public_keys import PublicKey
from pot_reverify.seal.signatures import verify_signature


def require_signed_by(
    keys: Sequence[PublicKey],
    message: bytes,
    signatures: Sequence[Signature],
    unsigned: Rejection,
) -> None:
    """One of the keys signed, and no signature that claims one of them is wrong.

    Args:
        message: the DSSE pre-authentication encoding of the document.
        unsigned: raised where none of the keys signed.

    Raises:
        Rejection: that, or ``signature.*``.
        Indeterminate: ``signature.backend-missing``.
    """
    known = {key.key_id: key for key in keys}
    claimed = [one for one in signatures if one.key_id in known]
    for one in claimed:
        verify_signature(known[one.key_id], message, one.signature)
    if not claimed:
        raise unsigned
