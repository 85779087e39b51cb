"""The public face of the HTTP layer: what scripts import.

Rule: nothing is decided here; `request_url` is one question through the one loop of
`client/session.py`.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final, final

import httpx

from occystrap.client.ask import Ask
from occystrap.client.build import create_client, get_user_agent
from occystrap.client.limiter import RateLimiter
from occystrap.client.retry import MAX_RETRIES, RetryPolicy
from occystrap.client.session import Session
from occystrap.client.traffic import RequestStats, Traffic
from occystrap.errors import APIException, UnauthorizedException

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

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
) -> Session:
    """Make a session over a client, or over one of its own that it closes."""
    traffic = Traffic(limiter=rate_limiter, policy=RetryPolicy(retries), stats=stats)
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
) -> httpx.Response:
    """Ask for a URL and return the response: any 2xx, also after redirects.

    What may pass is tried `retries` more times. `data` is sent as it is when it is bytes or text,
    and as JSON otherwise. With `stream` the body is still on its way: iterate `iter_bytes` or
    `iter_raw`, then call `close`. Without `client` one is made, and closed with the response.

    Raises:
        UnauthorizedException: the answer is 401.
        APIException: the answer is another error.
        TransportError: there was no answer.
    """
    sent = dict(headers or {})
    content = _content(data, sent)
    ask = Ask(method, url, sent, content, basic=auth)
    session = open_session(client, rate_limiter=rate_limiter, retries=retries)
    try:
        answer = session.open(ask) if stream else session.request(ask)
    except BaseException:
        session.close()
        raise
    response = answer.response
    if not isinstance(response, httpx.Response):
        return response  # type: ignore[no-any-return]  # a double is returned as it is
    if stream:
        response.stream = _Closing(response, session)
        return response
    session.close()
    return httpx.Response(
        response.status_code,
        headers=response.headers,
        content=answer.read(),
        request=response.request,
        extensions=response.extensions,
        history=response.history,
    )


def _content(data: object, headers: dict[str, str]) -> bytes:
    if data is None:
        return b""
    if isinstance(data, bytes):
        return data
    if isinstance(data, str):
        return data.encode()
    headers.setdefault("Content-Type", "application/json")
    return json.dumps(data).encode()


@final
class _Closing(httpx.SyncByteStream):
    """The stream of a response, that closes the session along with itself."""

    def __init__(self, response: httpx.Response, session: Session) -> None:
        assert isinstance(response.stream, httpx.SyncByteStream)  # noqa: S101 - narrows the type
        self._stream = response.stream
        self._session = session

    def __iter__(self) -> Iterator[bytes]:
        yield from self._stream

    def close(self) -> None:
        """Close the stream and the session."""
        self._stream.close()
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
