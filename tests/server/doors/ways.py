"""Every way to a handler: the doors, with a client at each, and what errors are called there."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from typing import Final

import httpx
import pytest

from occystrap.client.direct import Direct
from occystrap.server.doors.in_process import InProcessTransport
from occystrap.server.doors.listener import Listener, serve
from occystrap.server.doors.opening import Greet
from occystrap.server.doors.tls import shared_authority
from occystrap.server.message import Handler

__all__ = ["LEFT_BY_SSL", "SOCKETS", "WAYS", "Error", "Outcome", "Way", "ask"]

#: Python's ssl leaves a socket open whose peer has reset it just before the handshake; httpx can't
#: close it.
LEFT_BY_SSL: Final = pytest.mark.filterwarnings(
    "ignore:Exception ignored in. <ssl.SSLSocket:pytest.PytestUnraisableExceptionWarning"
)

Content = Iterable[bytes] | bytes | None
#: What a client met: the answer if there was one, its bytes, and the error if there was one.
Outcome = tuple[int | None, bytes, str, str]


def ask(
    client: httpx.Client, method: str = "GET", timeout: float = 20, content: Content = None
) -> Outcome:
    """Make a request and tell all that came of it."""
    status, received = None, b""
    try:
        with client.stream(method, "/path?a=b", timeout=timeout, content=content) as response:
            status = response.status_code
            for piece in response.iter_raw():
                received += piece
    except httpx.HTTPError as error:
        return status, received, type(error).__name__, str(error)
    return status, received, "", ""


class Error(Enum):
    """What goes wrong."""

    NOTHING = "nothing"
    RESET = "reset"
    RESET_WITHOUT_ANSWER = "reset without an answer"
    CLOSED = "closed"
    CLOSED_WITHOUT_ANSWER = "closed without an answer"
    TOO_SHORT = "too short"
    SILENT = "silent"


_RESETS = (Error.RESET, Error.RESET_WITHOUT_ANSWER)


@dataclass(frozen=True, slots=True)
class Way:
    """A door, and the protocol that is spoken there."""

    name: str
    http2: bool = False
    tls: bool = False
    unix: bool = False
    in_process: bool = False
    direct: bool = False  # asked by our own connections, not by httpx's

    @contextlib.contextmanager
    def to(self, handler: Handler, directory: Path) -> Iterator[httpx.Client]:
        """Put a handler behind the door; give a client at that door."""
        if self.in_process:
            transport: httpx.BaseTransport = InProcessTransport(handler)
            with httpx.Client(base_url="http://registry.test", transport=transport) as client:
                yield client
            return
        with self.listen(handler, directory) as listener, self.client(listener) as client:
            yield client

    def listen(self, handler: Handler, directory: Path, greet: Greet | None = None) -> Listener:
        """Put a handler on a socket of this kind."""
        address = directory / "socket" if self.unix else ("127.0.0.1", 0)
        tls = shared_authority().server_context(http2=self.http2) if self.tls else None
        return serve(handler, address, tls=tls, greet=greet)

    def client(self, listener: Listener) -> httpx.Client:
        """Make a client of a socket of this kind."""
        verify = shared_authority().client_context()
        uds = str(listener.socket_path) if self.unix else None
        transport: httpx.BaseTransport
        if self.direct:
            transport = Direct(lambda: verify)
        else:
            transport = httpx.HTTPTransport(verify, http1=not self.http2, http2=self.http2, uds=uds)
        return httpx.Client(base_url=listener.url, transport=transport)

    def says(self, error: Error, received: int, expected: int | None) -> tuple[str, str]:
        """Return the class and the words of the exception that httpx raises."""
        if error is Error.NOTHING:
            return "", ""
        if error is Error.SILENT:
            return "ReadTimeout", "The read operation timed out" if self.tls else "timed out"
        if self.http2:
            return "RemoteProtocolError", self._says_of_streams(error)
        if error in _RESETS and not self._hides_resets:
            return "ReadError", "[Errno 104] Connection reset by peer"
        return "RemoteProtocolError", _says_of_ends(error, received, expected)

    def _says_of_streams(self, error: Error) -> str:
        if error in (*_RESETS, Error.TOO_SHORT):
            return "<StreamReset stream_id:1, error_code:2, remote_reset:True>"
        return "Server disconnected"

    @property
    def _hides_resets(self) -> bool:
        """A unix socket knows no reset, and Python's ssl took it for an end until 3.12.3."""
        return self.unix or (self.tls and sys.version_info < (3, 12, 3))


def _says_of_ends(error: Error, received: int, expected: int | None) -> str:
    if error in (Error.CLOSED_WITHOUT_ANSWER, Error.RESET_WITHOUT_ANSWER):
        return "Server disconnected without sending a response."
    detail = f"received {received} bytes, expected {expected}"
    if expected is None:
        detail = "incomplete chunked read"
    return f"peer closed connection without sending complete message body ({detail})"


WAYS = (
    Way("http/1.1"),
    Way("http/1.1 tls", tls=True),
    Way("http/1.1 direct", direct=True),
    Way("http/1.1 tls direct", tls=True, direct=True),
    Way("http/1.1 unix", unix=True),
    Way("http/2", http2=True),
    Way("http/2 tls", http2=True, tls=True),
    Way("http/2 unix", http2=True, unix=True),
    Way("in-process", in_process=True),
)

SOCKETS = tuple(way for way in WAYS if not way.in_process)
