"""The HTTP/1.1 door, met with bytes rather than with a client that behaves."""

from __future__ import annotations

import logging
import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest

from occystrap.server.doors.listener import Listener, serve
from occystrap.server.message import (
    Headers,
    Request,
    RequestAborted,
    ResetConnection,
    Response,
    Stall,
)
from tests.server.doors.scripts import Script, body_then, echo, text

GET = b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"
LAST = b"GET /last HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"


@contextmanager
def connected(listener: Listener) -> Iterator[socket.socket]:
    """Connect to a listener."""
    host, _, port = listener.host.rpartition(":")
    with socket.create_connection((host, int(port)), timeout=20) as connection:
        yield connection


def read_all(connection: socket.socket) -> bytes:
    """Read until the server ends the connection."""
    return b"".join(iter(lambda: connection.recv(65536), b""))


def talk(function: Callable[[Request], Response], *sent: bytes) -> bytes:
    """Send bytes and return all that the server says."""
    with serve(Script(function)) as listener, connected(listener) as connection:
        for piece in sent:
            connection.sendall(piece)
        return read_all(connection)


def test_a_connection_serves_many_requests() -> None:
    """Requests may even come in one packet; the answers come in their order."""
    answers = talk(lambda request: text(request.path.encode()), GET * 3 + LAST)
    assert answers.count(b"HTTP/1.1 200 OK\r\n") == 4
    assert answers.endswith(b"\r\n\r\n/last")
    assert answers.count(b"Connection: close") == 1


def test_http_1_0_is_answered_and_closed() -> None:
    """A body of unknown length ends with the connection."""
    answer = talk(lambda _: Response(200, body=(b"ab", b"c")), b"GET / HTTP/1.0\r\n\r\n")
    head, _, body = answer.partition(b"\r\n\r\n")
    assert body == b"abc"
    assert b"chunked" not in head


def test_a_chunked_request_is_put_together() -> None:
    """Chunks, their extensions and trailers are HTTP's business, not the handler's."""
    head = b"PATCH / HTTP/1.1\r\nHost: x\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n"
    answer = talk(echo, head, b"3\r\nabc\r\n", b"2;x=y\r\nde\r\n", b"0\r\nTrailer: t\r\n\r\n")
    assert answer.endswith(b"\r\n\r\nabcde")


def test_a_proxy_form_of_the_target_is_understood() -> None:
    """Who takes the server for a proxy asks with a whole URL."""
    request = b"GET http://x/v2/?n=1 HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
    answer = talk(lambda request: text(f"{request.path} {request.query}".encode()), request)
    assert answer.endswith(b"/v2/ (('n', '1'),)")


@pytest.mark.parametrize(
    "nonsense",
    [
        b"this is not HTTP\r\n\r\n",
        b"GET / HTTP/1.1\r\n\r\n",  # without a Host
        b"GET / HTTP/1.1\r\nHost: x\r\nBroken\r\n\r\n",
        b"PUT / HTTP/1.1\r\nHost: x\r\nContent-Length: ten\r\n\r\n",
        b"\x00\x01\x02\x03",
    ],
)
def test_nonsense_is_refused(nonsense: bytes) -> None:
    """400, and the connection ends."""
    answer = talk(echo, nonsense)
    assert answer.startswith(b"HTTP/1.1 400 Bad Request\r\n")
    assert b"Connection: close" in answer


def test_an_endless_head_is_refused() -> None:
    """431 rather than endless memory."""
    head = b"GET / HTTP/1.1\r\nHost: x\r\n" + b"X-Header: 0123456789\r\n" * 10_000
    assert talk(echo, head).startswith(b"HTTP/1.1 431 ")


def test_a_tls_client_is_told_that_this_is_http(caplog: pytest.LogCaptureFixture) -> None:
    """Docker tries TLS first, and takes plain HTTP only after an answer that begins like it."""
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    client = ssl.create_default_context().wrap_bio(incoming, outgoing, server_hostname="x.test")
    with pytest.raises(ssl.SSLWantReadError):
        client.do_handshake()
    with caplog.at_level(logging.DEBUG, "occystrap.server.doors.opening"):
        answer = talk(echo, outgoing.read())
    assert answer.startswith(b"HTTP/1.0 400 Bad Request\r\n")
    assert "speaks TLS to a plain port" in caplog.text
    incoming.write(answer)
    with pytest.raises(ssl.SSLError, match="WRONG_VERSION_NUMBER"):
        client.do_handshake()


EXPECTING = (
    b"PUT / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n"
    b"Content-Length: 5\r\nExpect: 100-continue\r\n\r\n"
)


def test_a_client_that_waits_to_be_asked_is_asked() -> None:
    """100 comes when the handler begins to read, and the body after it."""
    with serve(Script(echo)) as listener, connected(listener) as connection:
        connection.sendall(EXPECTING)
        assert connection.recv(65536) == b"HTTP/1.1 100 Continue\r\n\r\n"
        connection.sendall(b"abcde")
        assert read_all(connection).endswith(b"\r\n\r\nabcde")


def test_a_client_that_waits_to_be_asked_may_be_refused() -> None:
    """Who isn't asked for the body doesn't send it, and the connection ends."""
    request = EXPECTING.replace(b"Connection: close\r\n", b"")
    answer = talk(lambda _: text(b"no", 403), request)
    assert answer.startswith(b"HTTP/1.1 403 Forbidden\r\n")
    assert b"Connection: close" in answer
    assert b"100 Continue" not in answer


def test_a_client_that_waits_to_be_asked_may_be_reset() -> None:
    """Without being asked first."""

    def reset(request: Request) -> Response:
        raise ResetConnection

    with pytest.raises(ConnectionResetError):
        talk(reset, EXPECTING)


def test_an_unread_body_is_skipped() -> None:
    """The next request begins behind it."""
    request = b"PUT / HTTP/1.1\r\nHost: x\r\nContent-Length: 1000000\r\n\r\n" + bytes(1_000_000)
    answers = talk(lambda request: text(request.path.encode()), request, LAST)
    assert answers.endswith(b"/last")


def test_an_unread_body_that_is_too_long_ends_the_connection() -> None:
    """The answer arrives nevertheless, though much more is sent than is ever read."""
    size = 64 * 1024 * 1024
    head = b"PUT / HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n" % size
    piece = bytes(1024 * 1024)
    answer = talk(lambda _: text(b"no", 403), head, *[piece] * 64)
    assert answer.startswith(b"HTTP/1.1 403 Forbidden\r\n")


def test_a_client_that_leaves_in_the_middle_of_its_request() -> None:
    """The handler learns that the rest won't come."""
    reasons = []

    def read(request: Request) -> Response:
        with pytest.raises(RequestAborted) as caught:
            list(request.body)
        reasons.append(str(caught.value))
        return text(b"")

    with serve(Script(read)) as listener, connected(listener) as connection:
        connection.sendall(b"PUT / HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\nabc")
        connection.shutdown(socket.SHUT_WR)
        read_all(connection)
    (reason,) = reasons
    assert "received 3 bytes, expected 10" in reason


def test_a_broken_chunk_is_refused() -> None:
    """The body can't be read, so the request is bad."""
    head = b"PUT / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"
    assert talk(echo, head, b"not a size\r\n").startswith(b"HTTP/1.1 400 Bad Request\r\n")


def test_a_failing_handler_is_500_and_a_log(caplog: pytest.LogCaptureFixture) -> None:
    """The client gets an answer and the log gets the reason, without the query."""

    def fail(request: Request) -> Response:
        raise ZeroDivisionError

    answer = talk(fail, b"GET /v2/?token=secret HTTP/1.1\r\nHost: x\r\n\r\n")
    assert answer.startswith(b"HTTP/1.1 500 Internal Server Error\r\n")
    assert "ZeroDivisionError" in caplog.text
    assert "secret" not in caplog.text


def test_a_failing_body_ends_the_connection(caplog: pytest.LogCaptureFixture) -> None:
    """It is too late for a status; the length tells the client that there was more."""
    fields = Headers({"Content-Length": "10"})
    answer = talk(lambda _: Response(200, fields, body_then((b"abc",), OSError("disk"))), GET)
    assert answer.endswith(b"\r\n\r\nabc")
    assert "OSError: disk" in caplog.text


def test_headers_that_can_not_be_sent(caplog: pytest.LogCaptureFixture) -> None:
    """A handler that puts a line break into a header is told so by the log."""
    answer = talk(lambda _: Response(200, Headers({"X": "a\r\nInjected: b"})), GET)
    assert b"Injected" not in answer
    assert "LocalProtocolError" in caplog.text


def test_a_body_is_closed_whatever_comes() -> None:
    """A handler can hold a file open for as long as it is read."""
    closed = threading.Event()

    class Body:
        def __iter__(self) -> Iterator[bytes]:
            return iter((b"abc",))

        def close(self) -> None:
            closed.set()

    response = Response(200, Headers({"Content-Length": "3"}), Body())
    talk(lambda _: response, b"HEAD / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
    assert closed.is_set()


def test_what_came_before_a_stall_is_sent_before_it() -> None:
    """A client sees the silence, not the server's buffers."""
    fields = Headers({"Content-Length": "6"})
    response = Response(200, fields, (b"abc", Stall(60.0), b"def"))
    with serve(Script(lambda _: response)) as listener, connected(listener) as connection:
        connection.sendall(GET)
        received = b""
        while not received.endswith(b"abc"):
            received += connection.recv(65536)


def test_what_came_before_a_reset_arrives() -> None:
    """A slow client gets every byte of it first, though a reset overtakes what is under way."""
    body = bytes(500_000)
    pieces = body_then((body,), ResetConnection())
    response = Response(200, Headers({"Content-Length": "1000000"}), pieces)
    received = bytearray()

    def read() -> None:
        while piece := connection.recv(1024):
            received.extend(piece)

    with serve(Script(lambda _: response)) as listener, socket.socket() as connection:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        host, _, port = listener.host.rpartition(":")
        connection.connect((host, int(port)))
        connection.sendall(GET)
        with pytest.raises(ConnectionResetError):
            read()
    assert received.endswith(body)


def test_requests_are_logged_without_secrets(caplog: pytest.LogCaptureFixture) -> None:
    """One line a request, for --verbose."""
    caplog.set_level(logging.DEBUG, "occystrap.server")
    talk(lambda _: text(b""), b"GET /v2/?token=abc HTTP/1.0\r\nAuthorization: Basic xyz\r\n\r\n")
    assert "GET /v2/ 200" in caplog.text
    assert "abc" not in caplog.text
    assert "xyz" not in caplog.text
