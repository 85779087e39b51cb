"""A socket that requests go out by and answers come in by: connected, with TLS or without.

Rule: what goes wrong is what httpx would raise, by phase. Whoever closes it, no thread goes on with
a number that is no longer its socket's.
"""

from __future__ import annotations

import contextlib
import logging
import select
import socket
import ssl
import threading
from typing import Final, final

import httpx

__all__ = ["Wire", "connect"]

_LOGGER: Final = logging.getLogger(__name__)

#: The most that a record of TLS holds.
_RECORD: Final = 16 * 1024
_CLOSED: Final = "The client was closed."
_DEFAULT_PORTS: Final = {"http": 80, "https": 443}


def connect(url: httpx.URL, context: ssl.SSLContext | None, timeout: float | None) -> Wire:
    """Connect to the host of a URL, with TLS if there is a context for it.

    Raises:
        httpx.ConnectTimeout: connecting, or the handshake of TLS, takes longer than the timeout.
        httpx.ConnectError: the host isn't known, or can't be one, doesn't listen, or isn't trusted.
    """
    host, port = url.raw_host.decode("ascii"), url.port or _DEFAULT_PORTS[url.scheme]
    _LOGGER.debug("connecting to %s, port %s", host, port)
    try:
        made = socket.create_connection((host, port), timeout)
        try:
            made.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            if context is not None:
                made.getpeername()  # ssl leaves a socket open of what has been reset by now
                made = context.wrap_socket(made, server_hostname=host)
        except BaseException:
            made.close()
            raise
    except TimeoutError as error:
        raise httpx.ConnectTimeout(str(error)) from error
    except (OSError, UnicodeError) as error:
        raise httpx.ConnectError(str(error)) from error
    version = made.version() if isinstance(made, ssl.SSLSocket) else "in the clear"
    with contextlib.suppress(OSError):  # it may have been reset already: asking will tell
        _LOGGER.debug("connected to %s, port %s, %s", *made.getpeername()[:2], version)
    return Wire(made)


@final
class Wire:
    """A connected socket; its owner is one thread at a time, but any may close it."""

    def __init__(self, connected: socket.socket) -> None:
        """Own the socket from here on."""
        self._socket = connected
        self._tls = connected if isinstance(connected, ssl.SSLSocket) else None
        self._readable = select.poll()
        self._readable.register(connected, select.POLLIN)
        #: Held while bytes pass. Again by the thread that has it: a signal may make it close.
        self._passing = threading.RLock()
        self._closed = False
        self._failure: httpx.TransportError | None = None

    def wait_at_most(self, timeout: float | None) -> None:
        """Give every call from here on so many seconds, or all the time there is.

        Raises:
            httpx.ReadError: it is closed.
        """
        try:
            self._socket.settimeout(timeout)
        except OSError as error:  # another thread has closed it
            raise httpx.ReadError(str(error)) from error

    def send(self, data: bytes) -> bool:
        """Send bytes, and tell whether the server took them.

        Raises:
            httpx.WriteTimeout: it takes longer than the timeout before any more of them are taken.
        """
        # `sendall` would hold the timeout against all of them. Stand-ins for sockets want bytes.
        rest: bytes | memoryview = data
        try:
            while rest:
                with self._passing:
                    sent = self._socket.send(rest)
                rest = memoryview(rest)[sent:]
        except TimeoutError as error:
            raise httpx.WriteTimeout(str(error)) from error
        except OSError:
            return False
        return True

    def receive(self, size: int) -> bytes:
        """Receive up to so many bytes, none at the end.

        Raises:
            httpx.ReadTimeout, httpx.ReadError: there are none.
        """
        try:
            with self._passing:
                data = self._socket.recv(size)
        except TimeoutError as error:
            raise httpx.ReadTimeout(str(error)) from error
        except OSError as error:
            raise httpx.ReadError(str(error)) from error
        if not data and self._closed:  # which is no end of a body
            raise httpx.ReadError(_CLOSED)
        return data

    def gather(self, size: int) -> bytes:
        """Receive what has arrived, up to so many bytes; raises what `receive` does.

        Of TLS that comes in records of 16 KiB: one at a time, hashing, inflating and writing them
        takes a third longer.
        """
        if self._tls is None:
            return self.receive(size)
        if self._failure is not None:
            raise self._failure
        pieces = [self.receive(min(size, _RECORD))]
        left = size - len(pieces[0])
        while pieces[-1] and left and self._readable.poll(0):
            try:
                pieces.append(self.receive(min(left, _RECORD)))
            except httpx.TransportError as error:
                self._failure = error  # what came before it has arrived
                break
            left -= len(pieces[-1])
        return b"".join(pieces)

    def is_stale(self) -> bool:
        """Whether there is something to read although nothing was asked: the end, most likely.

        Of the record of TLS that a body ended in, the rest has left the socket already.
        """
        if self._tls is not None and self._tls.pending():
            return True
        return bool(self._readable.poll(0))

    def close(self) -> None:
        """Close it; who waits for it in another thread has an error at once.

        Not before they are out of it: they would go on with whatever the system gives the number
        of its socket to.
        """
        self._closed = True
        with contextlib.suppress(OSError):  # the other side may be gone
            socket.socket.shutdown(self._socket, socket.SHUT_RDWR)  # that of ssl lets go of TLS
        with self._passing:
            self._socket.close()
