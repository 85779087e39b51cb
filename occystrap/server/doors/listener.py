"""A listener: it takes connections and gives each a thread of its own.

Rule: closing it ends every connection and every thread that it began.
"""

from __future__ import annotations

import contextlib
import logging
import socket
import ssl
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import Final, Self

from occystrap.errors import InvalidOption
from occystrap.server.doors.opening import Connection, Greet, Terms
from occystrap.server.doors.sockets import Address, Entrance, name_client
from occystrap.server.doors.tls import TestAuthority
from occystrap.server.message import CloseConnection, Handler

__all__ = ["Listener", "parse_address", "serve"]

_LOG: Final = logging.getLogger(__name__)

_STOP_SECONDS: Final = 5.0
_HIGHEST_PORT: Final = 65535
#: How long to wait when the system can't give another connection or thread.
_SHORTAGE_SECONDS: Final = 0.1


class Listener:
    """A handler within reach of sockets, until it is closed; made by `serve`."""

    def __init__(self, handler: Handler, entrance: Entrance, terms: Terms) -> None:
        self._handler = handler
        self._entrance = entrance
        self._terms = terms
        #: Where it listens, if that is a unix socket.
        self.socket_path: Path | None = entrance.path
        #: Where it listens, as in a URL or in the name of an image: `127.0.0.1:5000`. Clients of a
        #: unix socket say `localhost`.
        self.host = entrance.host
        self._lock = threading.Lock()
        self._connections: set[Connection] = set()
        #: Also those that have let go of their connection. Only the accepting thread changes it.
        self._threads: list[threading.Thread] = []
        self._closing = threading.Event()
        name = f"listen {self.socket_path or self.host}"
        self._thread = threading.Thread(target=self._accept, name=name, daemon=True)
        self._thread.start()

    @property
    def url(self) -> str:
        """Base URL, without a slash at the end."""
        return f"http://{self.host}" if self._terms.tls is None else f"https://{self.host}"

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def close(self, patience: float = _STOP_SECONDS) -> None:
        """Stop listening, drop every connection, and wait so many seconds for their threads.

        May be called twice; the second time there is nothing to wait for.
        """
        self._closing.set()
        self._entrance.stop()
        self._thread.join()
        self._entrance.close()
        self._stop_connections()
        deadline = time.monotonic() + patience
        threads, self._threads = self._threads, []
        for thread in threads:
            thread.join(max(deadline - time.monotonic(), 0))
            if thread.is_alive():
                _LOG.warning("%s is still busy with a request", thread.name)

    @contextlib.contextmanager
    def down(self) -> Iterator[None]:
        """Drop every connection and have all others refused, until the context ends.

        The address stays taken. One context at a time.

        Raises:
            OSError: the address can't be listened on again.
        """
        self._entrance.shut()
        self._stop_connections()
        try:
            yield
        finally:
            self._entrance.reopen()

    def _stop_connections(self) -> None:
        with self._lock:
            connections = list(self._connections)
        for connection in connections:
            connection.stop()

    def _accept(self) -> None:
        while not self._closing.is_set():
            try:
                connection, address = self._entrance.accept()
                self._begin(connection, name_client(connection, address))
            except (OSError, RuntimeError) as error:
                if not self._closing.is_set():
                    _LOG.warning("%s can't take a connection: %s", self.host, error)
                    self._closing.wait(_SHORTAGE_SECONDS)

    def _begin(self, accepted: socket.socket, client: str) -> None:
        if self.socket_path is None:
            accepted.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            accepted.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        connection = Connection(self._handler, accepted, client, self._sleep, self._terms)
        thread = threading.Thread(
            target=self._serve, args=(connection, client), name=f"serve {client}", daemon=True
        )
        with self._lock:
            self._connections.add(connection)
        try:
            thread.start()
        except RuntimeError:
            self._end(connection)
            raise
        self._threads = [one for one in self._threads if one.is_alive()]
        self._threads.append(thread)

    def _serve(self, connection: Connection, client: str) -> None:
        try:
            connection.serve()
        except Exception:  # noqa: BLE001 - any bug of a handler
            _LOG.exception("the connection of %s broke down", client)
        finally:
            self._end(connection)

    def _sleep(self, seconds: float) -> None:
        if self._closing.wait(seconds):
            raise CloseConnection

    def _end(self, connection: Connection) -> None:
        with self._lock:
            self._connections.remove(connection)
        connection.close()


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


def serve(
    handler: Handler,
    address: Address = ("127.0.0.1", 0),
    *,
    tls: ssl.SSLContext | None = None,
    http2: bool = True,
    greet: Greet | None = None,
    authority: TestAuthority | None = None,
) -> Listener:
    """Put a handler on a TCP port, where 0 takes any that is free, or on a unix socket.

    With `tls` clients have to speak TLS. They choose between HTTP/1.1 and, unless `http2` is false,
    HTTP/2: by ALPN if the context offers it (`set_alpn_protocols`), or by knowing beforehand.

    `greet` is called with the address of each client as its connection begins, before TLS, in the
    connection's thread. It may raise FailHandshake, RefuseConnection or CloseConnection. Handshakes
    that are to fail take their certificates from `authority` (`shared_authority`).

    with serve(Registry()) as listener:
        httpx.get(f"{listener.url}/v2/")

    Raises:
        OSError: the address can't be listened on.
    """
    return Listener(handler, Entrance(address), Terms(tls, http2, greet, authority))
