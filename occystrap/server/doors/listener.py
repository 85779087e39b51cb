"""A listener: it takes connections and gives each a thread of its own.

Rule: closing it ends every connection and every thread that it began.
"""

from __future__ import annotations

import contextlib
import logging
import socket
import threading
import time
from types import TracebackType
from typing import Final, Self

from occystrap.errors import InvalidOption
from occystrap.server.doors.http1 import Http1Connection
from occystrap.server.message import CloseConnection, Handler

__all__ = ["Listener", "parse_address", "serve"]

_LOG: Final = logging.getLogger(__name__)

_BACKLOG: Final = 1024
_STOP_SECONDS: Final = 5.0
_HIGHEST_PORT: Final = 65535
#: How long to wait when the system can't give another connection or thread.
_SHORTAGE_SECONDS: Final = 0.1


class Listener:
    """A handler within reach of sockets, until it is closed; made by `serve`."""

    def __init__(self, handler: Handler, listening: socket.socket) -> None:
        self._handler = handler
        self._listening = listening
        #: Where it listens, as in a URL or in the name of an image: `127.0.0.1:5000`.
        self.host = _authority(listening.getsockname())
        self._lock = threading.Lock()
        self._connections: dict[socket.socket, threading.Thread] = {}
        self._closing = threading.Event()
        self._thread = threading.Thread(target=self._accept, name=f"listen {self.host}")
        self._thread.daemon = True
        self._thread.start()

    @property
    def url(self) -> str:
        """Base URL, without a slash at the end."""
        return f"http://{self.host}"

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Stop listening, drop every connection, and wait for their threads."""
        self._closing.set()
        with contextlib.suppress(OSError):
            self._listening.shutdown(socket.SHUT_RDWR)
        self._thread.join()
        self._listening.close()
        with self._lock:
            threads = list(self._connections.values())
            for connection in self._connections:
                with contextlib.suppress(OSError):
                    connection.shutdown(socket.SHUT_RDWR)
        deadline = time.monotonic() + _STOP_SECONDS
        for thread in threads:
            thread.join(max(deadline - time.monotonic(), 0))
            if thread.is_alive():
                _LOG.warning("%s is still busy with a request", thread.name)

    def _accept(self) -> None:
        while not self._closing.is_set():
            try:
                connection, address = self._listening.accept()
                self._begin(connection, _authority(address))
            except (OSError, RuntimeError) as error:
                if not self._closing.is_set():
                    _LOG.warning("%s can't take a connection: %s", self.host, error)
                    self._closing.wait(_SHORTAGE_SECONDS)

    def _begin(self, connection: socket.socket, client: str) -> None:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        thread = threading.Thread(
            target=self._serve, args=(connection, client), name=f"serve {client}", daemon=True
        )
        with self._lock:
            self._connections[connection] = thread
        try:
            thread.start()
        except RuntimeError:
            self._end(connection)
            raise

    def _serve(self, connection: socket.socket, client: str) -> None:
        try:
            Http1Connection(self._handler, connection, client, self._sleep).serve()
        except Exception:  # noqa: BLE001 - any bug of a handler
            _LOG.exception("the connection of %s broke down", client)
        finally:
            self._end(connection)

    def _sleep(self, seconds: float) -> None:
        if self._closing.wait(seconds):
            raise CloseConnection

    def _end(self, connection: socket.socket) -> None:
        with self._lock:
            del self._connections[connection]
            connection.close()


def _authority(address: tuple[str, int]) -> str:
    host, port = address[:2]
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def parse_address(text: str) -> tuple[str, int]:
    """Read `host:port`; a host of IPv6 stands in brackets.

    Raises:
        InvalidOption: the text is something else.
    """
    host, colon, port = text.rpartition(":")
    if host.startswith("[") and host.endswith("]"):
        host = host[1:-1]
    elif ":" in host:
        host = ""
    if not (host and colon and port.isascii() and port.isdigit() and int(port) <= _HIGHEST_PORT):
        raise InvalidOption(
            f"not an address to listen on: {text[:100]!r} (it is HOST:PORT, such as 127.0.0.1:5000"
            " or [::1]:5000; 0.0.0.0 is every address of this machine, port 0 any that is free)"
        )
    return host, int(port)


def serve(handler: Handler, address: tuple[str, int] = ("127.0.0.1", 0)) -> Listener:
    """Put a handler on a TCP port; port 0 takes any that is free.

    with serve(Registry()) as listener:
        httpx.get(f"{listener.url}/v2/")

    Raises:
        OSError: the address can't be listened on.
    """
    host, port = address
    family, kind, protocol, _, found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
    listening = socket.socket(family, kind, protocol)
    try:
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.bind(found)
        listening.listen(_BACKLOG)
    except OSError:
        listening.close()
        raise
    return Listener(handler, listening)
