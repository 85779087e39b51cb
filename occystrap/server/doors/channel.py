"""A channel: bytes both ways between the server and one client, encrypted or not.

Rule: one thread receives, and one at a time sends. What `offer` can't send at once it keeps, so
that nobody has to wait with a lock held.
Spec: https://www.rfc-editor.org/rfc/rfc8446#section-6.1 (how TLS ends)
"""

from __future__ import annotations

import contextlib
import socket
import ssl
import threading
from typing import Final

__all__ = ["Channel", "TlsChannel"]

_RECEIVE: Final = 256 * 1024
_RECORD: Final = 16 * 1024


class Channel:
    """A connected socket; the caller closes it."""

    scheme = "http"

    def __init__(self, connection: socket.socket) -> None:
        self.socket = connection
        #: Whether to end without the farewell of TLS, as if the connection had been cut.
        self.abrupt = False
        self._unread = b""
        self._kept = b""

    def settimeout(self, seconds: float | None) -> None:
        """Choose how long receiving and sending may take."""
        self.socket.settimeout(seconds)

    def receive(self) -> bytes:
        """Wait for bytes; none are the end."""
        if self._unread:
            data, self._unread = self._unread, b""
            return data
        return self._receive()

    def put_back(self, data: bytes) -> None:
        """Let these bytes be received again, before all others."""
        self._unread = data + self._unread

    def send(self, data: bytes) -> None:
        """Send all of it, however long it takes."""
        self.socket.sendall(self._wrapped(data))

    def offer(self, data: bytes) -> bool:
        """Send what can be sent at once, and keep the rest; False when something is kept."""
        wrapped = self._wrapped(data)
        waiting = memoryview(self._kept + wrapped if self._kept else wrapped)
        while waiting:
            try:
                waiting = waiting[self.socket.send(waiting, socket.MSG_DONTWAIT) :]
            except BlockingIOError:
                break
        self._kept = bytes(waiting)
        return not self._kept

    @property
    def kept(self) -> int:
        """How many bytes `offer` still has to send."""
        return len(self._kept)

    def drain(self, seconds: float) -> None:
        """Send what `offer` has kept.

        Raises:
            TimeoutError: the client doesn't take it.
        """
        self.socket.settimeout(seconds)
        kept, self._kept = self._kept, b""
        self.socket.sendall(kept)

    def finish(self) -> None:
        """Tell the client that nothing more comes."""
        self.send(b"")
        self.socket.shutdown(socket.SHUT_WR)

    def _receive(self) -> bytes:
        return self.socket.recv(_RECEIVE)

    def _wrapped(self, data: bytes) -> bytes:
        return data


class TlsChannel(Channel):
    """A channel behind TLS.

    The bytes go through memory: an SSLSocket must not be read by one thread while another writes.
    """

    scheme = "https"

    def __init__(self, connection: socket.socket, context: ssl.SSLContext) -> None:
        super().__init__(connection)
        self._incoming, self._outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        self._tls = context.wrap_bio(self._incoming, self._outgoing, server_side=True)
        self._lock = threading.Lock()

    def shake_hands(self, received: bytes) -> None:
        """Agree on keys; `received` is what the client has said already.

        Raises:
            ssl.SSLError: the client doesn't want to; it has been told if the fault is its own.
            OSError: the client is gone, or says nothing.
        """
        while received:
            self._incoming.write(received)
            try:
                self._tls.do_handshake()
                return
            except ssl.SSLWantReadError:
                pass
            finally:
                self.socket.sendall(self._outgoing.read())
            received = self.socket.recv(_RECEIVE)
        raise ConnectionAbortedError("the client left in the middle of the TLS handshake")

    def finish(self) -> None:
        """Tell the client that nothing more comes, in the words of TLS."""
        if not self.abrupt:
            with self._lock, contextlib.suppress(ssl.SSLError):
                self._tls.unwrap()
        super().finish()

    def _receive(self) -> bytes:
        while True:
            with self._lock:
                pieces, ended = self._decrypted()
            if pieces or ended:
                return b"".join(pieces)
            received = self.socket.recv(_RECEIVE)
            if not received:
                return b""
            with self._lock:
                self._incoming.write(received)

    def _decrypted(self) -> tuple[list[bytes], bool]:
        """Take all that can be read, so that what is left to come is on the socket."""
        pieces: list[bytes] = []
        try:
            while piece := self._tls.read(_RECORD):
                pieces.append(piece)
        except ssl.SSLWantReadError:
            return pieces, False
        except ssl.SSLZeroReturnError:
            pass
        return pieces, True

    def _wrapped(self, data: bytes) -> bytes:
        left = memoryview(data)
        with self._lock:
            while left:
                left = left[self._tls.write(left) :]
            return self._outgoing.read()
