"""One HTTP request, and an answer of which nothing is believed: capped, timed, without redirects.

Only this module of the project opens a connection, and only to addresses that the user has asked
for.
"""

import http.client
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from pot_reverify.errors import Rejection

_CHUNK_BYTES: Final = 4096


@dataclass(frozen=True, slots=True)
class HttpRequest:
    """What is asked of whom, and how much answer is taken.

    Args:
        area: first word of the reason codes, such as ``timestamp``.
        who: the server, for people.
        body: posted; None to get.
        media_type: what the answer must be.
        timeout_s: for the whole answer.
    """

    area: str
    who: str
    url: str
    media_type: str
    max_bytes: int
    timeout_s: float
    body: bytes | None = None
    headers: Mapping[str, str] = field(default_factory=dict)

    def answer(self) -> bytes:
        """The body of the answer, of which nothing but size and type is checked.

        Raises:
            Rejection: ``AREA.url``, ``AREA.no-answer``, ``AREA.bad-answer``.
        """
        if urllib.parse.urlsplit(self.url).scheme not in {"http", "https"}:
            raise Rejection(f"{self.area}.url", "not an http or https address", got=self.url)
        try:
            return self._exchange()
        except urllib.error.HTTPError as error:
            error.close()
            raise Rejection(
                f"{self.area}.no-answer",
                f"{self.who} refused",
                where=self.url,
                got=f"HTTP status {error.code}",
            ) from error
        except (OSError, http.client.HTTPException) as error:
            raise Rejection(
                f"{self.area}.no-answer",
                f"no answer from {self.who}",
                where=self.url,
                got=error or type(error).__name__,
            ) from error

    def _exchange(self) -> bytes:
        headers = {**self.headers, "Accept": self.media_type}
        request = urllib.request.Request(  # noqa: S310  the scheme is checked
            self.url, self.body, headers
        )
        deadline_s = time.monotonic() + self.timeout_s
        with _opener().open(request, timeout=self.timeout_s) as response:
            kind = response.headers.get_content_type()
            if kind != self.media_type:
                raise Rejection(
                    f"{self.area}.bad-answer",
                    "an answer of another kind",
                    where=self.url,
                    expected=self.media_type,
                    got=kind,
                )
            data = b""
            while chunk := response.read1(_CHUNK_BYTES):
                data += chunk
                if len(data) > self.max_bytes:
                    raise Rejection(
                        f"{self.area}.bad-answer",
                        f"longer than {self.max_bytes} bytes",
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
