"""One connection over TLS, which comes in records."""

from __future__ import annotations

import contextlib
import socket
import ssl
import threading
from collections.abc import Callable, Iterator

import httpx
import pytest

from occystrap.client.connection import Connection
from occystrap.client.wire import Wire
from occystrap.server.doors.tls import shared_authority
from tests.client.test_connection import HEAD, SIZED, of_connection, request


class Records:
    """The other end of TLS, whose records go out one at a time."""

    def __init__(self, wire: socket.socket, context: ssl.SSLContext) -> None:
        self._wire = wire
        self._in, self._out = ssl.MemoryBIO(), ssl.MemoryBIO()
        self.secure = context.wrap_bio(self._in, self._out, server_side=True)
        self.drive(self.secure.do_handshake)

    def drive(self, action: Callable[[], object]) -> None:
        """Do something, and have the other end send what it takes."""
        while True:
            try:
                action()
            except ssl.SSLWantReadError:
                self._wire.sendall(self._out.read())
                self._in.write(self._wire.recv(9999))
            else:
                self._wire.sendall(self._out.read())
                return

    def send(self, content: bytes, most: int | None = None) -> None:
        """Send a record, or the beginning of it."""
        self.secure.write(content)
        self._wire.sendall(self._out.read()[:most])


@contextlib.contextmanager
def secured(answer: Callable[[Records], None]) -> Iterator[Connection]:
    """Connect to somebody over TLS, who answers a request record by record."""
    authority = shared_authority()
    ours, theirs = socket.socketpair()

    def serve() -> None:
        with theirs:
            records = Records(theirs, authority.server_context(http2=False))
            records.drive(lambda: records.secure.read(9999))
            answer(records)

    server = threading.Thread(target=serve)
    server.start()
    wire = authority.client_context().wrap_socket(ours, server_hostname="localhost")
    connection = Connection(Wire(wire))
    try:
        yield connection
    finally:
        connection.wire.close()
        server.join()


def test_no_connection_is_asked_twice_whose_record_holds_more() -> None:
    """TLS comes in records: of one that was read in part, the rest is no longer in the socket."""
    read = threading.Event()

    def answer(records: Records) -> None:
        records.send(SIZED)
        records.send(b"abc" + SIZED + b"not")
        read.wait(20)

    with secured(answer) as connection:
        assert of_connection(connection, "GET") == (200, b"abc", "")
        fresh = connection.reusable and not connection.wire.is_stale()
        read.set()
    assert not fresh


def test_records_that_have_arrived_come_together() -> None:
    """Each by itself is small, and costs a turn of everything that is done with it."""
    sent, read = threading.Event(), threading.Event()

    def answer(records: Records) -> None:
        records.send(HEAD + b"Content-Length: 90000\r\n\r\n")
        for number in range(9):
            records.send(bytes([number]) * 10_000)
        sent.set()
        read.wait(20)

    with secured(answer) as connection:
        connection.ask(request())
        assert sent.wait(20)
        pieces = list(connection.body())
        read.set()
    assert pieces == [b"".join(bytes([number]) * 10_000 for number in range(9))]


def test_a_record_that_does_not_end_takes_none_before_it_along() -> None:
    """What has arrived is passed on, and then it is said what became of the rest."""
    sent, read = threading.Event(), threading.Event()

    def answer(records: Records) -> None:
        records.send(HEAD + b"Content-Length: 20000\r\n\r\n")
        records.send(b"a" * 10_000)
        records.send(b"b" * 10_000, 5000)
        sent.set()
        read.wait(20)

    with secured(answer) as connection:
        connection.ask(request())
        assert sent.wait(20)
        body = connection.body()
        assert next(body) == b"a" * 10_000
        with pytest.raises(httpx.ReadTimeout):
            next(body)
        read.set()
