"""A request and a response that an attested key signed."""

from dataclasses import dataclass
from hashlib import sha256

from pot_reverify.errors import Rejection


@dataclass(frozen=True, slots=True)
class SignedExchange:
    """What a per-response signature shows, and no more: attested software produced these bytes.

    It shows nothing of weights: the software was told to serve a model, and answered.

    Args:
        binds: ``request`` and ``response``, or ``response`` alone.
        model: the model id inside what was signed, None where the form has none.
        key_name: the key of `QuoteAppraisal.keys` that signed.
        upstream: for aggregators, what the signed receipt says of the service behind it.
    """

    binds: tuple[str, ...]
    model: str | None
    key_name: str
    upstream: str | None = None


def check_body(what: str, body: bytes, digest_hex: str) -> None:
    """Returns only if the digest is of the body, as it was on the wire.

    Raises:
        Rejection: ``quote.request-hash`` or ``quote.response-hash``.
    """
    if sha256(body).hexdigest() != digest_hex:
        raise Rejection(
            f"quote.{what}-hash",
            f"the signature is over another {what}",
            expected=digest_hex[:80],
            got=sha256(body).hexdigest(),
        )
