"""Ask a time-stamping authority over HTTP (RFC 3161 §3.4), and believe nothing that it answers.

Only this module of the project opens a connection, and only to the address that the user gives.
"""

import http.client
import time
import urllib.error
import urllib.parse
import urllib.request
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from pot_reverify.errors import Indeterminate, Rejection
from pot_reverify.timestamps.token import MAX_TOKEN_BYTES, MEDIA_TYPE
from pot_reverify.timestamps.verify import NEEDS_BACKEND

_QUERY_TYPE: Final = "application/timestamp-query"
_CHUNK_BYTES: Final = 4096


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
        if urllib.parse.urlsplit(self.url).scheme not in {"http", "https"}:
            raise Rejection("timestamp.url", "not an http or https address", got=self.url)
        query, nonce = self._query(message)
        try:
            return self._post(query), nonce
        except urllib.error.HTTPError as error:
            error.close()
            raise Rejection(
                "timestamp.no-answer",
                "the authority refused",
                where=self.url,
                got=f"HTTP status {error.code}",
            ) from error
        except (OSError, http.client.HTTPException) as error:
            raise Rejection(
                "timestamp.no-answer",
                "no answer from the authority",
                where=self.url,
                got=error or type(error).__name__,
            ) from error

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

    def _post(self, query: bytes) -> bytes:
        headers = {"Content-Type": _QUERY_TYPE, "Accept": MEDIA_TYPE}
        request = urllib.request.Request(self.url, query, headers)  # noqa: S310  scheme is checked
        deadline_s = time.monotonic() + self.timeout_s
        with _opener().open(request, timeout=self.timeout_s) as response:
            kind = response.headers.get_content_type()
            if kind != MEDIA_TYPE:
                raise Rejection(
                    "timestamp.bad-answer",
                    "not a token",
                    where=self.url,
                    expected=MEDIA_TYPE,
                    got=kind,
                )
            data = b""
            while chunk := response.read1(_CHUNK_BYTES):
                data += chunk
                if len(data) > MAX_TOKEN_BYTES:
                    raise Rejection(
                        "timestamp.bad-answer",
                        f"longer than {MAX_TOKEN_BYTES} bytes",
                        where=self.url,
                    )
                if time.monotonic() > deadline_s:
                    raise TimeoutError(f"not finished after {self.timeout_s} seconds")
        return data


def _opener() -> urllib.request.OpenerDirector:
    """HTTP without redirects: the address is the user's choice, not the server's."""
    opener = urllib.request.OpenerDirector()
    for handler in (
        urllib.request.ProxyHandler(),
        urllib.request.HTTPHandler(),
        urllib.request.HTTPSHandler(),
        urllib.request.HTTPDefaultErrorHandler(),
        urllib.request.HTTPErrorProcessor(),
    ):
        opener.add_handler(handler)
    return opener
