"""The public face of the HTTP layer: what scripts import.

Rule: nothing is decided here; `request_url` is one question through the one loop of
`client/session.py`.
"""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING, Any, Final, final

import httpx

from occystrap.client.ask import Ask
from occystrap.client.build import create_client, get_user_agent
from occystrap.client.failures import transport_error
from occystrap.client.limiter import RateLimiter
from occystrap.client.retry import MAX_RETRIES, RetryPolicy
from occystrap.client.session import Session
from occystrap.client.traffic import RequestStats, Traffic
from occystrap.errors import APIException, UnauthorizedException

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from occystrap.client.ask import Answer

__all__ = [
    "MAX_RETRIES",
    "APIException",
    "RateLimiter",
    "RequestStats",
    "UnauthorizedException",
    "create_client",
    "format_size",
    "get_user_agent",
    "open_session",
    "request_url",
]


def open_session(
    client: Any = None,
    *,
    rate_limiter: RateLimiter | None = None,
    retries: int = MAX_RETRIES,
    stats: RequestStats | None = None,
    traffic: Traffic | None = None,
) -> Session:
    """Make a session over a client, or over one of its own that it closes.

    `traffic` brings all manners at once: limit, retries, counts, and the clock to wait by.
    """
    traffic = traffic or Traffic(limiter=rate_limiter, policy=RetryPolicy(retries), stats=stats)
    return Session(client, traffic)


def request_url(  # noqa: PLR0913, PLR0917 - the signature is public
    method: str,
    url: str,
    headers: Mapping[str, str] | None = None,
    data: object = None,
    stream: bool = False,  # noqa: FBT001, FBT002 - the position is public
    auth: tuple[str, str] | None = None,
    retries: int = MAX_RETRIES,
    client: httpx.Client | None = None,
    rate_limiter: RateLimiter | None = None,
    *,
    traffic: Traffic | None = None,
) -> httpx.Response:
    """Ask for a URL and return the response: any 2xx, also after redirects.

    What may pass is tried `retries` more times. `data` is sent as it is when it is bytes or text,
    and as JSON otherwise. With `stream` the body is still on its way: iterate `iter_bytes` or
    `iter_raw`, then call `close`. Without `client` one is made, and closed with the response.
    `traffic` stands in for `retries` and `rate_limiter`.

    Raises:
        UnauthorizedException: the answer is 401.
        APIException: the answer is another error.
        TransportError: there was no answer.
    """
    sent = dict(headers or {})
    content = _content(data, sent)
    ask = Ask(method, url, sent, content, basic=auth, limit=sys.maxsize)
    session = open_session(client, rate_limiter=rate_limiter, retries=retries, traffic=traffic)
    try:
        answer = session.open(ask) if stream else session.request(ask)
    except BaseException:
        session.close()
        raise
    response = answer.response
    if not isinstance(response, httpx.Response):
        return response  # type: ignore[no-any-return]  # a double is returned as it is
    if not stream:
        session.close()
    try:
        return httpx.Response(
            response.status_code,
            headers=answer.headers,
            content=None if stream else answer.read(),
            stream=_Closing(answer, session) if stream else None,
            request=response.request,
            extensions=response.extensions,
        )
    except httpx.DecodingError as error:
        raise transport_error(method, url, error) from error


def _content(data: object, headers: dict[str, str]) -> bytes:
    if data is None:
        return b""
    if isinstance(data, bytes):
        return data
    if isinstance(data, str):
        return data.encode()
    if not any(name.lower() == "content-type" for name in headers):
        headers["Content-Type"] = "application/json"
    return json.dumps(data).encode()


@final
class _Closing(httpx.SyncByteStream):
    """The body of an answer, that closes the session along with itself."""

    def __init__(self, answer: Answer, session: Session) -> None:
        self._answer = answer
        self._session = session

    def __iter__(self) -> Iterator[bytes]:
        yield from self._answer.iter_raw()

    def close(self) -> None:
        """Close the answer and the session."""
        try:
            self._answer.close()
        finally:
            self._session.close()


def format_size(size: float | None) -> str:
    """Write a number of bytes for people: `1.5 MB`; `N/A` for None."""
    if size is None:
        return "N/A"
    if size < _KILOBYTE:
        return f"{size:.0f} B"
    for unit in ("KB", "MB"):
        size /= _KILOBYTE
        if size < _KILOBYTE:
            return f"{size:.1f} {unit}"
    return f"{size / _KILOBYTE:.1f} GB"


_KILOBYTE: Final = 1024
