"""Ask a time-stamping authority over HTTP (RFC 3161 §3.4), and believe nothing that it answers."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from pot_recorder.http_answer import HttpRequest
from pot_reverify.errors import Indeterminate
from pot_reverify.timestamps.token import MAX_TOKEN_BYTES, MEDIA_TYPE
from pot_reverify.timestamps.verify import NEEDS_BACKEND

_QUERY_TYPE: Final = "application/timestamp-query"


class Hash(StrEnum):
    """The digests that can be asked for."""

    SHA256 = "sha256"
    SHA512 = "sha512"


@dataclass(frozen=True, slots=True)
class TimeService:
    """An authority's address.

    Args:
        url: http or https; a token protects itself, so that http is no risk to it.
        timeout_s: for the whole answer.
    """

    url: str
    hash: Hash = Hash.SHA256
    timeout_s: float = 30.0

    def stamp(self, message: bytes) -> tuple[bytes, int]:
        """Send the digest of a message, with a nonce, and ask for the certificate.

        Returns:
            The answer, of which nothing but size and type is checked, and the nonce.

        Raises:
            Rejection: ``timestamp.url``, ``timestamp.no-answer``, ``timestamp.bad-answer``.
        """
        query, nonce = self._query(message)
        request = HttpRequest(
            area="timestamp",
            who="the authority",
            url=self.url,
            media_type=MEDIA_TYPE,
            max_bytes=MAX_TOKEN_BYTES,
            timeout_s=self.timeout_s,
            body=query,
            headers={"Content-Type": _QUERY_TYPE},
        )
        return request.answer(), nonce

    def _query(self, message: bytes) -> tuple[bytes, int]:
        try:
            from rfc3161_client import (  # noqa: PLC0415  needs an extra
                HashAlgorithm,
                TimestampRequestBuilder,
            )
        except ImportError:
            raise Indeterminate(
                "time.backend-missing", "this needs rfc3161-client", needs=NEEDS_BACKEND
            ) from None
        query = (
            TimestampRequestBuilder()
            .data(message)
            .hash_algorithm(HashAlgorithm[self.hash.name])
            .nonce(nonce=True)
            .cert_request(cert_request=True)
            .build()
        )
        assert query.nonce is not None
        return query.as_bytes(), query.nonce
