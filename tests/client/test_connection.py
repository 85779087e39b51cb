"""One connection: what h11 would make of the bytes, without most of them passing through it."""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Iterator
from typing import Any

import h11
import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from occystrap.client.connection import Connection
from occystrap.client.wire import Wire
from occystrap.server.doors.raw_answers import RawAnswer

URL = "http://registry.example/v2/"
HEAD = b"HTTP/1.1 200 OK\r\n"
SIZED = HEAD + b"Content-Length: 3\r\n\r\n"

#: Status or none, the body as far as it came, and the words of an error.
Outcome = tuple[int | None, bytes, str]


@contextlib.contextmanager
def between(*pieces: bytes, stays: bool = False) -> Iterator[Connection]:
    """Connect to somebody who says this whatever is asked, and then no more, or ends."""
    ours, theirs = socket.socketpair()

    def say() -> None:
        with contextlib.suppress(OSError):  # it may have heard enough
            for piece in pieces:
                theirs.sendall(piece)
            if not stays:
                theirs.shutdown(socket.SHUT_WR)

    connection = Connection(Wire(ours))
    speaker = threading.Thread(target=say)
    speaker.start()
    try:
        yield connection
    finally:
        connection.wire.close()
        speaker.join()
        theirs.close()


def request(method: str = "GET") -> httpx.Request:
    """Make a question without patience."""
    return httpx.Request(method, URL, extensions={"timeout": {"read": 0.1, "write": 0.1}})


def of_connection(connection: Connection, method: str) -> Outcome:
    """Ask, and tell all that came of it."""
    status, received = None, b""
    try:
        head = connection.ask(request(method))
        status = head.status_code
        for piece in connection.body():
            received += piece
    except httpx.TransportError as error:
        return status, received, f"{type(error).__name__}: {error}"
    return status, received, ""


def of_h11(sent: bytes, method: str) -> Outcome:
    """Let h11 read all of it."""
    status, received = None, b""
    answer = RawAnswer(request(method), [sent] if sent else [])
    try:
        status = answer.head().status_code
        for piece in answer.body():
            received += piece
    except httpx.TransportError as error:
        return status, received, f"{type(error).__name__}: {error}"
    return status, received, ""


FIELDS = st.sampled_from(
    [
        b"Content-Length: 0",
        b"Content-Length: 3",
        b"content-length:  3 ",
        b"Content-Length: 3, 3",
        b"Content-Length: 200000",
        b"Content-Length: -3",
        b"Content-Length: +3",
        b"Content-Length: x",
        b"Transfer-Encoding: chunked",
        b"Transfer-Encoding: gzip",
        b"Connection: close",
        b"Connection: keep-alive",
        b"Docker-Content-Digest: sha256:0",
        b"no field",
    ]
)
STARTS = st.sampled_from(
    [
        *(b"HTTP/1.1 %d OK" % status for status in (200, 204, 206, 304, 404, 500)),
        b"HTTP/1.0 200 OK",
        b"HTTP/1.1 103 Early Hints\r\n\r\nHTTP/1.1 200 OK",
        b"HTTP/1.1 101 Switching Protocols",
        b"HTTP/2 200 OK",
        b"junk",
    ]
)
BODIES = st.sampled_from(
    [b"", b"ab", b"abc", b"abcdef", b"3\r\nabc\r\n0\r\n\r\n", b"3\r\nab", bytes(200_000)]
)


@given(
    start=STARTS,
    fields=st.lists(FIELDS, max_size=3),
    body=BODIES,
    method=st.sampled_from(["GET", "HEAD", "PUT"]),
    cut=st.integers(0, 400),
)
def test_bytes_mean_what_they_mean_to_h11(
    start: bytes, fields: list[bytes], body: bytes, method: str, cut: int
) -> None:
    """Heads good and bad, with bodies that fit or don't, in one piece or in two, cut or whole."""
    sent = b"\r\n".join([start, *fields, b"", body])
    with between(sent[:cut], sent[cut:]) as connection:
        assert of_connection(connection, method) == of_h11(sent, method)


@pytest.mark.parametrize("length", [90_000, 300_000])
def test_a_head_may_be_long(length: int) -> None:
    """But not without end."""
    sent = HEAD + b"X-Long: " + b"x" * length + b"\r\nContent-Length: 3\r\n\r\nabc"
    with between(sent[:60_000], sent[60_000:]) as connection:
        assert of_connection(connection, "GET") == of_h11(sent, "GET")


@given(start=STARTS, fields=st.lists(FIELDS, max_size=2), body=BODIES)
def test_no_connection_is_asked_twice_that_holds_more(
    start: bytes, fields: list[bytes], body: bytes
) -> None:
    """One that is used again holds nothing of the last answer: that would begin the next."""
    sent = b"\r\n".join([start, *fields, b"", body])
    with between(sent, stays=True) as connection:
        _, received, error = of_connection(connection, "GET")
        if connection.reusable:
            assert not error
            assert sent.endswith(received) or b"chunked" in sent
            assert not connection.wire.is_stale() or sent.startswith(b"HTTP/1.1 103")


@pytest.mark.parametrize(
    ("sent", "method", "reusable"),
    [
        (SIZED + b"abc", "GET", True),
        (HEAD + b"Content-Length: 0\r\n\r\n", "PUT", True),
        (HEAD + b"Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n", "GET", True),
        (SIZED, "HEAD", True),
        (b"HTTP/1.1 204 No Content\r\n\r\n", "GET", True),
        (HEAD + b"Connection: close\r\nContent-Length: 3\r\n\r\nabc", "GET", False),
        (b"HTTP/1.0 200 OK\r\nContent-Length: 3\r\n\r\nabc", "GET", False),
        (HEAD + b"\r\nabc", "GET", False),
        (SIZED + b"abcd", "GET", False),
        (SIZED + b"ab", "GET", False),
        (SIZED + b"abc", "HEAD", False),
        (b"junk\r\n\r\n", "GET", False),
    ],
)
def test_a_connection_is_used_again(sent: bytes, method: str, reusable: bool) -> None:
    """When both sides know where its answer ended, and neither said that it's the last."""
    with between(sent) as connection:
        of_connection(connection, method)
        assert connection.reusable is reusable


def test_a_body_that_was_not_read_is_in_the_way() -> None:
    """Also if it is there already."""
    with between(SIZED + b"abc") as connection:
        connection.ask(request())
        assert not connection.reusable


def test_the_next_exchange_begins_anew() -> None:
    """Of one that ended nothing is left."""
    with between(SIZED + b"abc", stays=True) as connection:
        assert of_connection(connection, "GET") == (200, b"abc", "")
        assert connection.reusable
        status, received, error = of_connection(connection, "GET")
        assert (status, received) == (None, b"")
        assert error.startswith("ReadTimeout")
        assert not connection.reusable


def test_large_bodies_come_in_large_pieces() -> None:
    """And are whole."""
    body = bytes(range(256)) * 8000
    with between(HEAD + b"Content-Length: %d\r\n\r\n" % len(body), body) as connection:
        connection.ask(request())
        pieces = list(connection.body())
    assert b"".join(pieces) == body
    assert max(map(len, pieces)) <= 128 * 1024


def test_an_answer_counts_that_comes_before_the_request_ends() -> None:
    """A server that has seen enough says so, and closes; what it said is the answer."""
    ours, theirs = socket.socketpair()
    with theirs:
        theirs.sendall(b"HTTP/1.1 413 Too Large\r\nContent-Length: 3\r\n\r\nabc")
        theirs.shutdown(socket.SHUT_RD)
        connection = Connection(Wire(ours))
        sent = httpx.Request("PUT", URL, content=iter([b"x" * 999] * 9))
        assert connection.ask(sent).status_code == 413
        assert b"".join(connection.body()) == b"abc"
        assert not connection.reusable
        connection.wire.close()


def test_a_server_that_reads_nothing_is_given_up() -> None:
    """After the patience for writing, however much of it went out."""
    with between(stays=True) as connection:
        extensions = {"timeout": {"write": 0.01}}
        sent = httpx.Request("PUT", URL, content=bytes(99_999_999), extensions=extensions)
        with pytest.raises(httpx.WriteTimeout):
            connection.ask(sent)


def test_a_connection_may_be_closed_behind_ones_back() -> None:
    """By another thread, which closes the client: that is an error like others."""
    with between(SIZED, stays=True) as connection:
        connection.wire.close()
        with pytest.raises(httpx.ReadError):
            connection.ask(request())
    ours, theirs = socket.socketpair()
    with theirs:
        connection = Connection(Wire(ours))

        def closing() -> Iterator[bytes]:
            yield b"abc"
            connection.wire.close()

        with pytest.raises(httpx.ReadError):
            connection.ask(httpx.Request("PUT", URL, content=closing()))


def test_a_request_has_to_be_http() -> None:
    """Which is the client's fault, and not the server's."""
    with between(SIZED) as connection:
        bad = httpx.Request("GET", URL, headers=[(b"X-Bad", b"a\nb")])
        with pytest.raises(httpx.LocalProtocolError):
            connection.ask(bad)
        with pytest.raises(h11.LocalProtocolError, match="Too little data"):
            connection.ask(httpx.Request("PUT", URL, headers={"Content-Length": "3"}, content=[]))


def test_what_is_sent_at_once_is_handed_over_as_bytes() -> None:
    """Stand-ins for sockets, as those of mocket, take nothing else."""
    ours, theirs = socket.socketpair()
    given: list[object] = []

    class Standin(socket.socket):
        def send(self, data: Any, flags: int = 0, /) -> int:
            given.append(data)
            return super().send(data, flags)

    with theirs:
        theirs.sendall(SIZED + b"abc")
        connection = Connection(Wire(Standin(fileno=ours.detach())))
        connection.ask(httpx.Request("PUT", URL, content=iter([b"a", b"b"])))
        connection.wire.close()
    assert [type(each) for each in given] == [bytes] * len(given)
    assert len(given) == 4
