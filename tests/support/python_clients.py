"""HTTP libraries of Python, each as one function: `requests`, the standard library's, aiohttp.

They are used as their manuals say, so that what passes is what users' code does.
"""

from __future__ import annotations

import asyncio
import base64
import urllib.error
import urllib.request
from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Protocol
from urllib.parse import quote, urlsplit

import aiohttp
import httpx
import requests
import requests_unixsocket

from pytest_occystrap.fake import FakeRegistry

__all__ = ["CLIENTS", "Answer", "Asked"]

_PATIENCE_SECONDS = 60
_PIECE = 50_000


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back."""

    status: int
    headers: httpx.Headers
    body: bytes


@dataclass(frozen=True, slots=True)
class Asked:
    """A request to a registry; `streamed` sends the body in pieces, its length not told."""

    method: str
    url: str
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict[str, str])
    streamed: bool = False
    login: tuple[str, str] | None = None

    @property
    def authorization(self) -> dict[str, str]:
        """The login as a header, for libraries that make none of it themselves."""
        if self.login is None:
            return {}
        encoded = base64.b64encode(":".join(self.login).encode()).decode()
        return {"Authorization": f"Basic {encoded}"}

    @property
    def content(self) -> bytes | Iterator[bytes] | None:
        """The body in a form that libraries take; None if there is none."""
        return self._pieces() if self.streamed else self.body or None

    def _pieces(self) -> Iterator[bytes]:
        for start in range(0, len(self.body), _PIECE):
            yield self.body[start : start + _PIECE]


class _HasItems(Protocol):
    def items(self) -> Iterable[tuple[str, str]]: ...


def _headers(found: _HasItems) -> httpx.Headers:
    """Make one kind of headers out of everybody's own."""
    return httpx.Headers(list(found.items()))


def with_requests(registry: FakeRegistry, way: str, asked: Asked) -> Answer:
    """Ask with requests, or with requests-unixsocket."""
    url = asked.url
    if way == "unix":
        parts = urlsplit(url)
        url = f"http+unix://{quote(str(registry.socket_path), safe='')}{parts.path}?{parts.query}"
    with requests_unixsocket.Session() if way == "unix" else requests.Session() as session:
        response = session.request(
            asked.method,
            url,
            data=asked.content,
            headers=dict(asked.headers),
            auth=asked.login,
            verify=str(registry.ca_file),
            timeout=_PATIENCE_SECONDS,
        )
    return Answer(response.status_code, _headers(response.headers), response.content)


def with_urllib(registry: FakeRegistry, way: str, asked: Asked) -> Answer:
    """Ask with urllib.request."""
    request = urllib.request.Request(  # noqa: S310 - the scheme is the test's own
        asked.url,
        asked.content,
        dict(asked.headers),
        method=asked.method,
    )
    for name, value in asked.authorization.items():
        request.add_unredirected_header(name, value)
    context = registry.ssl_context if way == "https" else None
    try:
        with urllib.request.urlopen(  # noqa: S310
            request, timeout=_PATIENCE_SECONDS, context=context
        ) as response:
            return Answer(response.status, _headers(response.headers), response.read())
    except urllib.error.HTTPError as error:
        with error:
            return Answer(error.code, _headers(error.headers), error.read())


async def _with_aiohttp(registry: FakeRegistry, way: str, asked: Asked) -> Answer:
    connector = (
        aiohttp.UnixConnector(str(registry.socket_path))
        if way == "unix"
        else aiohttp.TCPConnector(ssl=registry.ssl_context)
    )
    content = asked.content
    async with (
        aiohttp.ClientSession(connector=connector) as session,
        session.request(
            asked.method,
            asked.url,
            data=_asynchronous(content) if isinstance(content, Iterator) else content,
            headers={**asked.headers, **asked.authorization},
        ) as response,
    ):
        return Answer(response.status, _headers(response.headers), await response.read())


async def _asynchronous(pieces: Iterator[bytes]) -> AsyncIterator[bytes]:
    for piece in pieces:
        yield piece


def with_aiohttp(registry: FakeRegistry, way: str, asked: Asked) -> Answer:
    """Ask with aiohttp."""
    return asyncio.run(_with_aiohttp(registry, way, asked))


Send = Callable[[FakeRegistry, str, Asked], Answer]

#: Name -> how it asks, and the ways ("http", "https", "unix") that it knows.
CLIENTS: dict[str, tuple[Send, tuple[str, ...]]] = {
    "requests": (with_requests, ("http", "https", "unix")),
    "urllib": (with_urllib, ("http", "https")),
    "aiohttp": (with_aiohttp, ("http", "https", "unix")),
}
