"""The way of requests that need neither a proxy nor HTTP/2.

Rule: a connection belongs to one exchange until its body has been read or given up; there are as
many as are needed at once.
"""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING, Final, final

import httpx

from occystrap.client.connection import Connection
from occystrap.client.transports import Lent
from occystrap.client.wire import connect

if TYPE_CHECKING:
    import ssl
    from collections.abc import Callable


__all__ = ["Direct"]

#: Scheme, host and port.
Origin = tuple[str, bytes, int | None]

#: As many seconds, and connections, as httpx keeps by default.
_KEEP_SECONDS: Final = 5.0
_KEEP_CONNECTIONS: Final = 20


@final
class Direct(httpx.BaseTransport):
    """Ask over connections that are kept for the next request to the same origin.

    Not `httpx.HTTPTransport`, since that takes a second for a gigabyte where this takes a quarter,
    and 20 ms more to import. Answers have all but the extension `network_stream`.
    """

    def __init__(
        self,
        context: Callable[[], ssl.SSLContext],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._context = context
        self._clock = clock
        self._lock = threading.Lock()
        #: The connection that was used last is at the end.
        self._idle: list[tuple[Origin, Connection, float]] = []
        self._busy: set[Connection] = set()
        self._closed = False

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """Ask over a connection of its own.

        Raises:
            httpx.TransportError: there was no answer.
        """
        url = request.url
        origin = url.scheme, url.raw_host, url.port
        connection = self._take(origin) or self._connect(request)
        try:
            head = connection.ask(request)
        except BaseException:
            self._give_back(origin, connection)
            raise
        return httpx.Response(
            head.status_code,
            headers=head.headers.raw_items(),
            stream=Lent(connection.body(), lambda: self._give_back(origin, connection)),
            extensions={
                "http_version": b"HTTP/" + head.http_version,
                "reason_phrase": head.reason,
            },
        )

    def close(self) -> None:
        """Close all connections, also those in use; of later ones none is kept."""
        with self._lock:
            self._closed = True
            connections = [*self._busy, *(connection for _, connection, _ in self._idle)]
            self._busy.clear()
            self._idle.clear()
        for connection in connections:
            connection.wire.close()

    def _connect(self, request: httpx.Request) -> Connection:
        url = request.url
        timeout: float | None = request.extensions.get("timeout", {}).get("connect")
        context = self._context() if url.scheme == "https" else None
        connection = Connection(connect(url, context, timeout))
        with self._lock:
            self._busy.add(connection)
        return connection

    def _take(self, origin: Origin) -> Connection | None:
        """Take the connection that was used last, if it is still good; close those that aren't."""
        with self._lock:
            now = self._clock()
            old = [idle for idle in self._idle if idle[2] < now or idle[1].wire.is_stale()]
            self._idle = [idle for idle in self._idle if idle not in old]
            found = next((idle for idle in reversed(self._idle) if idle[0] == origin), None)
            if found is not None:
                self._idle.remove(found)
                self._busy.add(found[1])
        for _, connection, _ in old:
            connection.wire.close()
        return None if found is None else found[1]

    def _give_back(self, origin: Origin, connection: Connection) -> None:
        with self._lock:
            kept = connection.reusable and not self._closed
            self._busy.discard(connection)
            if kept:
                self._idle.append((origin, connection, self._clock() + _KEEP_SECONDS))
            surplus = self._idle[:-_KEEP_CONNECTIONS]
            del self._idle[:-_KEEP_CONNECTIONS]
        for _, each, _ in surplus:
            each.wire.close()
        if not kept:
            connection.wire.close()
