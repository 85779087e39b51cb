"""httpx transports of one concern each.

Rule: a transport here changes how a request travels, never what happens when it fails: retries
and authentication live in `session.py`.
"""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Final, final

import httpx

from occystrap.errors import InvalidDigest, InvalidReference
from occystrap.oci.routes import RouteKind, parse_route

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from occystrap.client.limiter import RateLimiter

__all__ = ["LARGE", "ByRoute", "ByScheme", "Exclusive", "Late", "Lent", "Paced"]

#: The extension of a request whose answer may be large although its URL doesn't tell.
LARGE: Final = "occystrap.large"
_LARGE_KINDS: Final = (RouteKind.BLOB, RouteKind.UPLOADS, RouteKind.UPLOAD)


@final
class Paced(httpx.BaseTransport):
    """Hold every request, redirects included, to a rate limit."""

    def __init__(self, inner: httpx.BaseTransport, limiter: RateLimiter) -> None:
        self._inner = inner
        self._limiter = limiter

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """Wait for a place, then pass the request on."""
        self._limiter.acquire()
        return self._inner.handle_request(request)

    def close(self) -> None:
        """Close what is inside."""
        self._inner.close()


@final
class Late(httpx.BaseTransport):
    """Make a transport when the first request needs it."""

    def __init__(self, make: Callable[[], httpx.BaseTransport]) -> None:
        self._make = make
        self._made: httpx.BaseTransport | None = None
        self._lock = threading.Lock()

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """Pass the request on."""
        with self._lock:
            made = self._made = self._made or self._make()
        return made.handle_request(request)

    def close(self) -> None:
        """Close it, if it was made."""
        with self._lock:
            made, self._made = self._made, None
        if made is not None:
            made.close()


@final
class ByScheme(httpx.BaseTransport):
    """Send what is in the clear one way, and all else, https above all, the other way."""

    def __init__(self, plain: httpx.BaseTransport, secure: httpx.BaseTransport) -> None:
        self._plain = plain
        self._secure = secure

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """Pass the request to its side."""
        side = self._plain if request.url.scheme == "http" else self._secure
        return side.handle_request(request)

    def close(self) -> None:
        """Close both sides."""
        self._plain.close()
        self._secure.close()


@final
class Exclusive(httpx.BaseTransport):
    """Lend a transport of its own to every exchange, until its body has been read or given up.

    Measured with httpx 0.28: a shared HTTP/2 pool under 8 uploading threads failed a third to half
    of its requests, pools of their own failed none. There are as many as were ever needed at once.
    """

    def __init__(self, make: Callable[[], httpx.BaseTransport]) -> None:
        self._make = make
        self._idle: list[httpx.BaseTransport] = []
        self._made: list[httpx.BaseTransport] = []
        self._lock = threading.Lock()

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """Pass the request to a transport that nobody uses, the last one first."""
        with self._lock:
            transport = self._idle.pop() if self._idle else self._add()
        try:
            response = transport.handle_request(request)
        except BaseException:
            self._give_back(transport)
            raise
        stream = response.stream
        assert isinstance(stream, httpx.SyncByteStream)  # noqa: S101 - narrows the type

        def give_back() -> None:
            try:
                stream.close()
            finally:
                self._give_back(transport)

        response.stream = Lent(stream, give_back)
        return response

    def close(self) -> None:
        """Close all of them."""
        with self._lock:
            made, self._made, self._idle = self._made, [], []
        for transport in made:
            transport.close()

    def _add(self) -> httpx.BaseTransport:
        transport = self._make()
        self._made.append(transport)
        return transport

    def _give_back(self, transport: httpx.BaseTransport) -> None:
        with self._lock:
            if transport in self._made:
                self._idle.append(transport)


@final
class Lent(httpx.SyncByteStream):
    """The body of an answer; with its end, or its failure, what it came over is given back once."""

    def __init__(self, body: Iterable[bytes], give_back: Callable[[], None]) -> None:
        self._body = body
        self._give_back: Callable[[], None] | None = give_back

    def __iter__(self) -> Iterator[bytes]:
        try:
            yield from self._body
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        """Give back what was lent."""
        give_back, self._give_back = self._give_back, None
        if give_back is not None:
            give_back()


@final
class ByRoute(httpx.BaseTransport):
    """Send small questions one way, and blobs and whatever writes another way.

    Measured with httpx 0.28: a body moves at 1.0-1.5 GB/s over HTTP/1.1 and 0.2 over HTTP/2, where
    an upload can also hang; but many small answers share one HTTP/2 connection. An origin where the
    small way breaks down is asked the other way from then on: it may be HTTP/2 that is the trouble.
    """

    def __init__(self, small: httpx.BaseTransport, large: httpx.BaseTransport) -> None:
        self._small = small
        self._large = large
        self._troubled: set[tuple[str, str, int | None]] = set()
        self._lock = threading.Lock()

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """Pass the request to the side that it belongs to."""
        url = request.url
        origin = url.scheme, url.host, url.port
        with self._lock:
            troubled = origin in self._troubled
        if troubled or _is_large(request):
            return self._large.handle_request(request)
        try:
            return self._small.handle_request(request)
        except httpx.ProtocolError:
            with self._lock:
                self._troubled.add(origin)
            raise

    def close(self) -> None:
        """Close both sides."""
        self._small.close()
        self._large.close()


def _is_large(request: httpx.Request) -> bool:
    if request.method not in ("GET", "HEAD") or LARGE in request.extensions:
        return True
    try:
        route = parse_route(request.url.raw_path.partition(b"?")[0].decode("ascii"))
    except (InvalidDigest, InvalidReference):
        return False
    return route is not None and route.kind in _LARGE_KINDS
