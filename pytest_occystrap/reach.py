"""The ways to a fake registry: clients in process, and sockets that open when they are asked for.

Rule: what isn't used isn't started, and what was started ends with `close`. The storage that blobs
are redirected to is another host on every way.
"""

from __future__ import annotations

import contextlib
import threading
from functools import cached_property
from typing import TYPE_CHECKING, Final

import httpx

from occystrap.server.doors.in_process import InProcessTransport
from occystrap.server.doors.listener import Listener, serve
from occystrap.server.hosts import Hosts
from occystrap.server.message import Handler, Request
from pytest_occystrap.exchange import ANY_HOST, hostname

if TYPE_CHECKING:
    from occystrap.server.doors.in_process_async import AsyncInProcessTransport

__all__ = ["Reach"]

_BASE_URL: Final = f"https://{ANY_HOST}"
#: What the storage is called where any name leads to the fake.
_STORAGE_HOST: Final = "storage.test"


class Reach:
    """Two handlers within reach, in process and over sockets."""

    def __init__(self, handler: Handler, storage: Handler) -> None:
        self._handler = Hosts({_STORAGE_HOST: storage}, handler)
        self._storage = storage
        self._open = contextlib.ExitStack()
        self._listeners: dict[str, Listener] = {}
        self._lock = threading.Lock()

    @property
    def handler(self) -> Handler:
        """What answers, for a door of one's own (`occystrap.server.doors`)."""
        return self._handler

    @property
    def other_hosts(self) -> tuple[str, ...]:
        """Hosts beside its own that the registry sends clients to, for tokens and for blobs."""
        return (_STORAGE_HOST,)

    @cached_property
    def transport(self) -> InProcessTransport:
        """A transport for `httpx.Client(transport=...)` that needs no socket."""
        return InProcessTransport(self._handler)

    @cached_property
    def async_transport(self) -> AsyncInProcessTransport:
        """A transport for `httpx.AsyncClient(transport=...)` that needs no socket."""
        from occystrap.server.doors.in_process_async import AsyncInProcessTransport

        return AsyncInProcessTransport(self._handler)

    @cached_property
    def client(self) -> httpx.Client:
        """A client that reaches the registry under any host name, without a socket."""
        return self._open.enter_context(httpx.Client(transport=self.transport, base_url=_BASE_URL))

    @cached_property
    def async_client(self) -> httpx.AsyncClient:
        """An asynchronous client that reaches the registry under any host name."""
        return httpx.AsyncClient(transport=self.async_transport, base_url=_BASE_URL)

    @property
    def url(self) -> str:
        """Base URL of the plain socket, such as `http://127.0.0.1:41234`; opened on first use."""
        return self._listener("http", self._handler).url

    @property
    def host(self) -> str:
        """Where the plain socket listens, as in the name of an image: `127.0.0.1:41234`."""
        return self._listener("http", self._handler).host

    def _listener(self, name: str, handler: Handler) -> Listener:
        with self._lock:
            if name not in self._listeners:
                self._listeners[name] = self._open.enter_context(serve(handler))
            return self._listeners[name]

    def _storage_url(self, request: Request, path: str) -> str:
        """Make the URL of something on the storage host, for the client that has asked.

        Over TCP it has a port and a name of its own: some clients compare the one to see whether
        a redirect leads elsewhere, some the other.
        """
        if not request.client:
            return f"{request.scheme}://{_STORAGE_HOST}{path}"
        listener = self._listener(f"storage {request.scheme}", self._storage)
        name = "127.0.0.1" if hostname(request.host) == "localhost" else "localhost"
        return f"{request.scheme}://{name}:{listener.host.rpartition(':')[2]}{path}"

    def close(self) -> None:
        """End every socket and client."""
        self._open.close()
