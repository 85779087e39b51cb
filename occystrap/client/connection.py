"""One connection of HTTP/1.1: a request goes out, an answer comes in.

Rule: h11 decides what is HTTP, driven as httpcore drives it; only the bytes of a body whose length
is known go past it, straight from the socket. What goes wrong is what httpx would raise.
Spec: https://www.rfc-editor.org/rfc/rfc9112
"""

from __future__ import annotations

import contextlib
import logging
import select
import socket
import ssl
import threading
from typing import TYPE_CHECKING, Final, final

import h11
import httpx

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["Connection", "connect"]

_LOGGER: Final = logging.getLogger(__name__)

#: Of a body. Measured: half of it takes a tenth more, twice of it saves nothing.
_RECEIVE: Final = 128 * 1024
#: The most that a record of TLS holds.
_RECORD: Final = 16 * 1024
# Both as in httpcore: how much is received at once decides whether a long head is too long.
_RECEIVE_FOR_H11: Final = 64 * 1024
_LONGEST_HEAD: Final = 100 * 1024
_SWITCHING_PROTOCOLS: Final = 101
_NO_ANSWER: Final = "Server disconnected without sending a response."
_CLOSED: Final = "The client was closed."
_DEFAULT_PORTS: Final = {"http": 80, "https": 443}
_NO_CONTENT: Final = (204, 304)


def connect(url: httpx.URL, context: ssl.SSLContext | None, timeout: float | None) -> Connection:
    """Connect to the host of a URL, with TLS if there is a context for it.

    Raises:
        httpx.ConnectTimeout: connecting, or the handshake of TLS, takes longer than the timeout.
        httpx.ConnectError: the host isn't known, or can't be one, doesn't listen, or isn't trusted.
    """
    host, port = url.raw_host.decode("ascii"), url.port or _DEFAULT_PORTS[url.scheme]
    _LOGGER.debug("connecting to %s, port %s", host, port)
    try:
        wire = socket.create_connection((host, port), timeout)
        try:
            wire.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            if context is not None:
                wire = context.wrap_socket(wire, server_hostname=host)
        except BaseException:
            wire.close()
            raise
    except TimeoutError as error:
        raise httpx.ConnectTimeout(str(error)) from error
    except (OSError, UnicodeError) as error:
        raise httpx.ConnectError(str(error)) from error
    version = wire.version() if isinstance(wire, ssl.SSLSocket) else "in the clear"
    with contextlib.suppress(OSError):  # it may have been reset already: asking will tell
        _LOGGER.debug("connected to %s, port %s, %s", *wire.getpeername()[:2], version)
    return Connection(wire)


@final
class Connection:
    """A socket, and where its one exchange is."""

    def __init__(self, wire: socket.socket) -> None:
        self._wire = wire
        self._readable = select.poll()
        self._readable.register(wire, select.POLLIN)
        self._tls = isinstance(wire, ssl.SSLSocket)
        #: Held while bytes pass. Again by the thread that has it: a signal may make it close.
        self._passing = threading.RLock()
        self._closed = False
        self._read_timeout: float | None = None
        self._begin()

    def _begin(self) -> None:
        self._h11 = h11.Connection(h11.CLIENT, max_incomplete_event_size=_LONGEST_HEAD)
        self._length: int | None = None
        self._whole = False
        self._failure: httpx.TransportError | None = None

    def ask(self, request: httpx.Request) -> h11.Response | h11.InformationalResponse:
        """Send a request and read the head of its answer, the last before `body`.

        A server that takes no more of a request may have said why: its answer counts.

        Raises:
            httpx.TransportError: there was no answer, or the request isn't valid.
            h11.LocalProtocolError: its body isn't as long as it says, which httpcore doesn't
                translate either.
        """
        self._begin()
        timeouts: dict[str, float | None] = request.extensions.get("timeout", {})
        self._read_timeout = timeouts.get("read")
        self._send(request, timeouts.get("write"))
        head = self._head()
        self._length = _length_of(request.method, head)
        return head

    def body(self) -> Iterator[bytes]:
        """Yield the body as it arrives.

        Raises:
            httpx.TransportError: it broke off.
        """
        if self._length is not None:
            yield from self._counted(self._length)
            return
        while isinstance(event := self._next_event(), h11.Data):
            yield bytes(event.data)
        self._whole = self._h11.trailing_data == (b"", False)

    @property
    def reusable(self) -> bool:
        """Whether the exchange is over, and both sides would have another."""
        return self._whole and self._h11.our_state is h11.DONE

    def is_stale(self) -> bool:
        """Whether there is something to read although nothing was asked: the end, most likely.

        Of the record of TLS that a body ended in, the rest has left the socket already.
        """
        if isinstance(self._wire, ssl.SSLSocket) and self._wire.pending():
            return True
        return bool(self._readable.poll(0))

    def close(self) -> None:
        """Close it; who waits for it in another thread has an error at once.

        Not before they are out of it: they would go on with whatever the system gives the number
        of its socket to.
        """
        self._closed = True
        with contextlib.suppress(OSError):  # the other side may be gone
            socket.socket.shutdown(self._wire, socket.SHUT_RDWR)  # that of ssl lets go of TLS
        with self._passing:
            self._wire.close()

    def _send(self, request: httpx.Request, timeout: float | None) -> None:
        target = request.extensions.get("target", request.url.raw_path)
        try:
            asked = h11.Request(method=request.method, target=target, headers=request.headers.raw)
        except h11.LocalProtocolError as error:
            raise httpx.LocalProtocolError(str(error)) from error
        self._wait_at_most(timeout)
        if not self._write(self._h11.send(asked)):
            return
        assert isinstance(request.stream, httpx.SyncByteStream)  # noqa: S101 - narrows the type
        for piece in request.stream:
            if not self._write(self._h11.send(h11.Data(data=piece))):
                return
        self._write(self._h11.send(h11.EndOfMessage()))

    def _write(self, data: bytes | None) -> bool:
        """Send bytes, and tell whether the server took them.

        `sendall` would hold the timeout against all of them. Stand-ins for sockets want bytes.
        """
        rest: bytes | memoryview = data or b""
        try:
            while rest:
                with self._passing:
                    sent = self._wire.send(rest)
                rest = memoryview(rest)[sent:]
        except TimeoutError as error:
            raise httpx.WriteTimeout(str(error)) from error
        except OSError:
            return False
        return True

    def _wait_at_most(self, timeout: float | None) -> None:
        try:
            self._wire.settimeout(timeout)
        except OSError as error:  # another thread has closed it
            raise httpx.ReadError(str(error)) from error

    def _receive(self, size: int) -> bytes:
        try:
            with self._passing:
                data = self._wire.recv(size)
        except TimeoutError as error:
            raise httpx.ReadTimeout(str(error)) from error
        except OSError as error:
            raise httpx.ReadError(str(error)) from error
        if not data and self._closed:  # which is no end of a body
            raise httpx.ReadError(_CLOSED)
        return data

    def _gather(self, size: int) -> bytes:
        """Receive what has arrived, up to so many bytes.

        Of TLS that comes in records of 16 KiB: one at a time, hashing, inflating and writing them
        takes a third longer.
        """
        if not self._tls:
            return self._receive(size)
        if self._failure is not None:
            raise self._failure
        pieces = [self._receive(min(size, _RECORD))]
        left = size - len(pieces[0])
        while pieces[-1] and left and self._readable.poll(0):
            try:
                pieces.append(self._receive(min(left, _RECORD)))
            except httpx.TransportError as error:
                self._failure = error  # what came before it has arrived
                break
            left -= len(pieces[-1])
        return b"".join(pieces)

    def _head(self) -> h11.Response | h11.InformationalResponse:
        self._wait_at_most(self._read_timeout)
        while True:
            event = self._next_event()
            if isinstance(event, h11.Response):
                return event
            if (
                isinstance(event, h11.InformationalResponse)
                and event.status_code == _SWITCHING_PROTOCOLS
            ):
                return event

    def _next_event(self) -> object:
        try:
            while (event := self._h11.next_event()) is h11.NEED_DATA:
                data = self._receive(_RECEIVE_FOR_H11)
                if not data and self._h11.their_state is h11.SEND_RESPONSE:
                    raise httpx.RemoteProtocolError(_NO_ANSWER)
                self._h11.receive_data(data)
        except h11.RemoteProtocolError as error:
            raise httpx.RemoteProtocolError(str(error)) from error
        return event

    def _counted(self, length: int) -> Iterator[bytes]:
        """Yield a body of so many bytes, the first of which came with the head.

        Handing them through h11 as well copies each three times, at 1 GB/s in place of 4.
        """
        begun, _ = self._h11.trailing_data
        left = length - len(begun)
        if begun:
            yield begun[:length]
        while left > 0:
            data = self._gather(min(left, _RECEIVE))
            if not data:
                raise httpx.RemoteProtocolError(
                    "peer closed connection without sending complete message body"
                    f" (received {length - left} bytes, expected {length})"
                )
            left -= len(data)
            yield data
        self._whole = left == 0


def _length_of(method: str, head: h11.Response | h11.InformationalResponse) -> int | None:
    """Tell how long a body is that is nothing but its bytes.

    h11 has seen to it that there is one length, of digits.
    """
    if method in ("HEAD", "CONNECT") or head.status_code in _NO_CONTENT:
        return None
    if isinstance(head, h11.InformationalResponse):
        return None
    fields = dict(head.headers)
    if b"transfer-encoding" in fields or b"content-length" not in fields:
        return None
    return int(fields[b"content-length"])
