"""The ways to a fake registry: clients in process, and sockets that open when they are asked for.

Rule: what isn't used isn't started, and what was started ends with `close`.
"""

from __future__ import annotations

import contextlib
import threading
from functools import cached_property
from typing import TYPE_CHECKING, Final

import httpx

from occystrap.server.doors.in_process import InProcessTransport
from occystrap.server.doors.listener import Listener, serve
from occystrap.server.message import Handler
from pytest_occystrap.exchange import ANY_HOST

if TYPE_CHECKING:
    from occystrap.server.doors.in_process_async import AsyncInProcessTransport

__all__ = ["Reach"]

#: What relative URLs of the clients begin with; any other host leads to the same registry.
_BASE_URL: Final = f"https://{ANY_HOST}"


class Reach:
    """A handler within reach, in process and over sockets."""

    def __init__(self, handler: Handler) -> None:
        self._handler = handler
        self._open = contextlib.ExitStack()
        self._lock = threading.RLock()

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
        """Base URL of the plain HTTP/1.1 socket, such as `http://127.0.0.1:41234`."""
        return self._plain.url

    @property
    def host(self) -> str:
        """Where the plain socket listens, as in the name of an image: `127.0.0.1:41234`."""
        return self._plain.host

    @property
    def _plain(self) -> Listener:
        with self._lock:
            return self._plain_listener

    @cached_property
    def _plain_listener(self) -> Listener:
        return self._open.enter_context(serve(self._handler))

    def close(self) -> None:
        """End every socket and client."""
        self._open.close()
