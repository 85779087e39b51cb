"""How a connection opens: with TLS or without, and in which version of HTTP.

Rule: the client's first bytes decide, unless somebody who greets it has decided before. Who speaks
TLS to a plain port, or the other way round, is told so in HTTP/1.0.
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
from occystrap.server.doors.endings import arm_reset, linger
from occystrap.server.doors.handshakes import be_silent
from occystrap.server.doors.http1 import Http1Connection
from occystrap.server.doors.http2 import Http2Connection
from occystrap.server.doors.tls import TestAuthority, shared_authority
from occystrap.server.message import (
    CloseConnection,
    FailHandshake,
    Handler,
    Handshake,
    ResetConnection,
)

__all__ = ["Connection", "Greet", "Terms"]

#: Told of each client's address as its connection begins. It may raise FailHandshake,
#: RefuseConnection or any ResetConnection, and CloseConnection.
Greet = Callable[[str], None]

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
    """How a server talks to clients: `tls` to those that shake hands, `http2` to those that can.

    `authority` is asked for the certificates of handshakes that are to fail.
    """

    tls: ssl.SSLContext | None = None
    http2: bool = True
    greet: Greet | None = None
    authority: TestAuthority | None = None


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
            channel = self._meet()
            if channel is None:
                return
            speaks_http2 = self._terms.http2 and _begins_http2(channel)
            self._socket.settimeout(None)
        except ResetConnection:
            arm_reset(self._socket, self._sleep)
            return
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

    def _meet(self) -> Channel | None:
        """Let the connection begin as it is to; None if nothing is to be said on it."""
        try:
            tls = self._welcome()
        except CloseConnection:
            linger(Channel(self._socket))
            return None
        self._socket.settimeout(_PATIENCE_SECONDS)
        return self._open(tls)

    def _welcome(self) -> ssl.SSLContext | None:
        """Let who greets say how the connection begins; return what to shake hands with.

        Raises:
            ResetConnection, CloseConnection: not at all.
        """
        tls = self._terms.tls
        try:
            if self._terms.greet is not None:
                self._terms.greet(self._client)
        except FailHandshake as signal:
            if signal.kind is Handshake.SILENT:
                be_silent(self._socket, signal.seconds)
                raise CloseConnection from signal
            if tls is not None:
                authority = self._terms.authority or shared_authority()
                return authority.misfit_context(signal.kind, http2=self._terms.http2)
        return tls

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

    def _open(self, tls: ssl.SSLContext | None) -> Channel | None:
        """Make a channel of the kind that the server wants; None if the client wants another."""
        plain = Channel(self._socket)
        first = plain.receive()
        shakes_hands = first.startswith(_TLS_HANDSHAKE)
        if first and shakes_hands != (tls is not None):
            spoken, port = ("TLS", "a plain port") if shakes_hands else ("no TLS", "a port of TLS")
            _LOG.debug("%s speaks %s to %s", self._client, spoken, port)
            plain.send(_NO_TLS if shakes_hands else _ONLY_TLS)
            linger(plain)
            return None
        if tls is None:
            plain.put_back(first)
            return plain
        encrypted = TlsChannel(self._socket, tls)
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
