"""How a connection opens: with TLS or without, and in which version of HTTP.

Rule: the client's first bytes decide. Who speaks TLS to a plain port, or the other way round, is
told so in HTTP/1.0.
Spec: https://www.rfc-editor.org/rfc/rfc9113#name-http-2-connection-preface
"""

from __future__ import annotations

import contextlib
import logging
import socket
import ssl
import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from occystrap.server.doors.channel import Channel, TlsChannel
from occystrap.server.doors.endings import linger
from occystrap.server.doors.http1 import Http1Connection
from occystrap.server.doors.http2 import Http2Connection
from occystrap.server.message import Handler

__all__ = ["Connection", "Terms"]

_LOG: Final = logging.getLogger(__name__)

_PATIENCE_SECONDS: Final = 30.0

_TLS_HANDSHAKE: Final = b"\x16"
_HTTP2: Final = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"

_REFUSAL: Final = b"HTTP/1.0 400 Bad Request\r\nConnection: close\r\n\r\n"
#: Docker tries TLS on every port, and takes plain HTTP only after an answer that begins like HTTP.
_NO_TLS: Final = _REFUSAL + b"No TLS on this port.\n"
_ONLY_TLS: Final = _REFUSAL + b"This port speaks TLS: the URL begins with https.\n"


@dataclass(frozen=True, slots=True)
class Terms:
    """How a server talks to clients: `tls` to those that shake hands, `http2` to those that can."""

    tls: ssl.SSLContext | None = None
    http2: bool = True


class Connection:
    """One connection, from its first byte to its end.

    `sleep` raises CloseConnection when it is woken because the server stops.
    """

    def __init__(
        self,
        handler: Handler,
        connection: socket.socket,
        client: str,
        sleep: Callable[[float], None],
        terms: Terms,
    ) -> None:
        self._handler = handler
        self._socket = connection
        self._client = client
        self._sleep = sleep
        self._terms = terms
        self._http2: Http2Connection | None = None
        self._lock = threading.Lock()
        self._stopped = False

    def serve(self) -> None:
        """Talk with the client until either side has had enough."""
        try:
            self._socket.settimeout(_PATIENCE_SECONDS)
            channel = self._open()
            if channel is None:
                return
            speaks_http2 = self._terms.http2 and _begins_http2(channel)
            self._socket.settimeout(None)
        except OSError as error:
            _LOG.debug("%s doesn't begin well: %s", self._client, error)
            return
        if speaks_http2:
            self._speak_http2(channel)
        else:
            Http1Connection(self._handler, channel, self._client, self._sleep).serve()

    def stop(self) -> None:
        """Let `serve` end soon; called by another thread."""
        with self._lock, contextlib.suppress(OSError):
            self._stopped = True
            if self._http2 is not None:
                self._http2.say_goodbye()
            self._socket.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        """Let go of the socket."""
        with self._lock:
            self._socket.close()

    def _speak_http2(self, channel: Channel) -> None:
        with self._lock:
            if self._stopped:
                return
            self._http2 = Http2Connection(self._handler, channel, self._client, self._sleep)
        try:
            self._http2.serve()
        finally:
            self.close()
            self._http2.join()

    def _open(self) -> Channel | None:
        """Make a channel of the kind that the server wants; None if the client wants another."""
        plain = Channel(self._socket)
        first = plain.receive()
        shakes_hands = first.startswith(_TLS_HANDSHAKE)
        if first and shakes_hands != (self._terms.tls is not None):
            spoken, port = ("TLS", "a plain port") if shakes_hands else ("no TLS", "a port of TLS")
            _LOG.debug("%s speaks %s to %s", self._client, spoken, port)
            plain.send(_NO_TLS if shakes_hands else _ONLY_TLS)
            linger(plain)
            return None
        if self._terms.tls is None:
            plain.put_back(first)
            return plain
        encrypted = TlsChannel(self._socket, self._terms.tls)
        encrypted.shake_hands(first)
        return encrypted


def _begins_http2(channel: Channel) -> bool:
    """Look at the first bytes, as many as it takes to know."""
    first = channel.receive()
    while first and len(first) < len(_HTTP2) and _HTTP2.startswith(first):
        more = channel.receive()
        if not more:
            break
        first += more
    channel.put_back(first)
    return first.startswith(_HTTP2)
