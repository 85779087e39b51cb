"""Raw bytes in place of an answer: what a client makes of them, on a socket and in process."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import ssl
from collections.abc import Iterable
from pathlib import Path

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from occystrap.server.doors.in_process import InProcessTransport
from occystrap.server.doors.in_process_async import AsyncInProcessTransport
from occystrap.server.doors.listener import serve
from occystrap.server.doors.tls import shared_authority
from occystrap.server.message import CloseConnection, Garble, ResetConnection, Stall
from tests.server.doors.scripts import Script, body_then, raises
from tests.server.doors.ways import WAYS, Outcome, Way, ask

HEAD = b"HTTP/1.1 200 OK\r\n"
NOBODY = "Server disconnected without sending a response."
CUT = "peer closed connection without sending complete message body "
BROKEN = "RemoteProtocolError"

#: What is sent, and what a client of HTTP/1.1 makes of it.
CASES: dict[str, tuple[bytes, Outcome]] = {
    "nothing": (b"", (None, b"", BROKEN, NOBODY)),
    "an answer": (HEAD + b"Content-Length: 3\r\n\r\nabc", (200, b"abc", "", "")),
    "more than it says": (HEAD + b"Content-Length: 3\r\n\r\nabcdef", (200, b"abc", "", "")),
    "less than it says": (
        HEAD + b"Content-Length: 5\r\n\r\nabc",
        (200, b"abc", BROKEN, f"{CUT}(received 3 bytes, expected 5)"),
    ),
    "until the end": (HEAD + b"\r\nabc", (200, b"abc", "", "")),
    "half a head": (HEAD + b"Content-Le", (None, b"", BROKEN, NOBODY)),
    "two lengths": (
        HEAD + b"Content-Length: 3\r\nContent-Length: 4\r\n\r\nabc",
        (None, b"", BROKEN, "conflicting Content-Length headers"),
    ),
    "no field": (HEAD + b"Broken\r\n\r\n", (None, b"", BROKEN, "illegal header line")),
    "another protocol": (b"SSH-2.0-x\r\n\r\n", (None, b"", BROKEN, "illegal status line")),
    "an alert of TLS": (b"\x15\x03\x01\x00\x02\x02\x46", (None, b"", BROKEN, "illegal request")),
    "no size of a chunk": (
        HEAD + b"Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\nsize\r\n",
        (200, b"abc", BROKEN, "illegal chunk header"),
    ),
    "no last chunk": (
        HEAD + b"Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n",
        (200, b"abc", BROKEN, f"{CUT}(incomplete chunked read)"),
    ),
    "an endless head": (
        HEAD + b"X: " + bytes(200_000),
        (None, b"", BROKEN, "Receive buffer too long"),
    ),
    "hints before": (
        b"HTTP/1.1 103 Early Hints\r\nLink: <x>\r\n\r\n" + HEAD + b"Content-Length: 0\r\n\r\n",
        (200, b"", "", ""),
    ),
    "no content, but some": (
        b"HTTP/1.1 204 No Content\r\nContent-Length: 3\r\n\r\nabc",
        (204, b"", "", ""),
    ),
    "bare line ends": (b"HTTP/1.1 200 OK\nContent-Length: 2\n\nab", (200, b"ab", "", "")),
    "a protocol that nobody asked for": (
        b"HTTP/1.1 101 Switching Protocols\r\n\r\n",
        (None, b"", BROKEN, "Received server _SWITCH_UPGRADE event without a pending proposal"),
    ),
    "of old": (b"HTTP/1.0 200 OK\r\n\r\nabc", (200, b"abc", "", "")),
}

OF_HTTP1 = [way for way in WAYS if not way.http2]
OF_HTTP2 = [way for way in WAYS if way.http2]


def garble(pieces: Iterable[bytes], *, abrupt: bool = False) -> Script:
    """Make a handler that sends raw bytes, once."""
    return Script(raises(Garble(pieces, abrupt=abrupt)))


def in_process(pieces: Iterable[bytes], method: str = "GET") -> Outcome:
    """Ask a handler that sends raw bytes, without a socket."""
    with httpx.Client(transport=InProcessTransport(garble(pieces)), base_url="http://x") as client:
        return ask(client, method, timeout=5)


@pytest.mark.parametrize("way", OF_HTTP1, ids=lambda way: way.name)
@pytest.mark.parametrize("name", CASES)
def test_what_is_made_of_bytes(way: Way, name: str, tmp_path: Path) -> None:
    """The bytes that count, and the exception with the beginning of its words."""
    sent, (status, received, error, words) = CASES[name]
    with way.to(garble([sent]), tmp_path) as client:
        met = ask(client)
    assert met[:3] == (status, received, error)
    assert met[3].startswith(words)


@pytest.mark.parametrize("way", OF_HTTP1, ids=lambda way: way.name)
def test_the_method_counts(way: Way, tmp_path: Path) -> None:
    """A HEAD has no body, whatever comes."""
    with way.to(garble([HEAD + b"Content-Length: 3\r\n\r\nabc"]), tmp_path) as client:
        assert ask(client, "HEAD") == (200, b"", "", "")


@pytest.mark.parametrize("way", OF_HTTP1, ids=lambda way: way.name)
def test_bytes_may_be_reset(way: Way, tmp_path: Path) -> None:
    """Those before arrive."""
    sent = HEAD + b"Content-Length: 9\r\n\r\nabc"
    hidden = f"{CUT}(received 3 bytes, expected 9)"
    with way.to(garble(body_then([sent], ResetConnection())), tmp_path) as client:
        status, received, *error = ask(client)
    assert (status, received) == (200, b"abc")
    expected = [BROKEN, hidden], ["ReadError", "[Errno 104] Connection reset by peer"]
    assert error in expected
    assert way.unix or way.tls or error == expected[1]


@pytest.mark.parametrize("way", OF_HTTP1, ids=lambda way: way.name)
def test_bytes_may_end_early(way: Way, tmp_path: Path) -> None:
    """By a signal, or because the handler has a bug."""
    sent = HEAD + b"Content-Length: 9\r\n\r\nabc"
    with way.to(garble(body_then([sent], CloseConnection())), tmp_path) as client:
        assert ask(client)[:3] == (200, b"abc", BROKEN)
    if way.in_process:
        return
    with way.to(garble(body_then([sent], ZeroDivisionError())), tmp_path) as client:
        assert ask(client)[:3] == (200, b"abc", BROKEN)


@pytest.mark.parametrize("way", WAYS, ids=lambda way: way.name)
def test_bytes_may_wait(way: Way, tmp_path: Path) -> None:
    """For too long, in the middle of a head."""
    with way.to(garble([b"" if way.http2 else HEAD[:9], Stall(60.0)]), tmp_path) as client:
        assert ask(client, timeout=0.2)[:3] == (None, b"", "ReadTimeout")


@pytest.mark.parametrize("way", OF_HTTP1, ids=lambda way: way.name)
def test_bytes_may_come_late(way: Way, tmp_path: Path) -> None:
    """But soon enough."""
    whole = [HEAD, Stall(0.01), b"", b"Content-Length: 3\r\n\r\na", Stall(0.01), b"bc"]
    with way.to(garble(whole), tmp_path) as client:
        assert ask(client) == (200, b"abc", "", "")


@pytest.mark.parametrize("way", OF_HTTP1, ids=lambda way: way.name)
def test_a_request_is_sent_before_bytes_are_read(way: Way, tmp_path: Path) -> None:
    """The client sends everything, and reads then."""
    sent = []

    def pieces() -> Iterable[bytes]:
        for number in range(100):
            sent.append(number)
            yield bytes(10_000)

    with way.to(garble([HEAD + b"Content-Length: 3\r\n\r\nabc"]), tmp_path) as client:
        assert ask(client, "PUT", content=pieces()) == (200, b"abc", "", "")
    assert len(sent) == 100


@pytest.mark.parametrize("way", OF_HTTP2, ids=lambda way: way.name)
@pytest.mark.parametrize(
    ("sent", "errors"),
    [
        (b"", [(BROKEN, "Server disconnected")]),
        # Three letters are the length of a frame that never comes.
        (HEAD + b"Content-Length: 3\r\n\r\nabc", [(BROKEN, "Server disconnected")]),
        # DATA on a stream that isn't there: h2 and httpx take it for a fault of their own.
        (b"\0\0\5\0\0\0\0\0\x63hello", [("LocalProtocolError", "")]),
    ],
)
def test_what_http2_makes_of_bytes(
    way: Way, sent: bytes, errors: list[tuple[str, str]], tmp_path: Path
) -> None:
    """No answer of HTTP/1.1 is one here."""
    with way.to(garble([sent]), tmp_path) as client:
        status, received, error, words = ask(client)
    assert (status, received) == (None, b"")
    ((expected, beginning),) = errors
    assert error == expected
    assert words.startswith(beginning)


@pytest.mark.parametrize("way", OF_HTTP2, ids=lambda way: way.name)
def test_bytes_of_http2_may_be_reset(way: Way, tmp_path: Path) -> None:
    """The connection is, whatever the code says and whatever the client is about to do."""
    with way.to(garble(body_then([], ResetConnection())), tmp_path) as client:
        assert ask(client)[2] in ("ReadError", "RemoteProtocolError", "WriteError")


def read_over_tls(script: Script) -> bytes:
    """Read an answer with a client that minds whether TLS is ended properly."""
    context = shared_authority().client_context()
    context.options &= ~ssl.OP_IGNORE_UNEXPECTED_EOF  # which Python 3.11.2 sets by itself
    with serve(script, tls=shared_authority().server_context()) as listener:
        host, _, port = listener.host.rpartition(":")
        with (
            socket.create_connection((host, int(port)), timeout=20) as plain,
            context.wrap_socket(
                plain, server_hostname="localhost", suppress_ragged_eofs=False
            ) as wrapped,
        ):
            wrapped.sendall(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
            return b"".join(iter(lambda: wrapped.recv(65536), b""))


def test_tls_may_end_without_a_farewell() -> None:
    """Who minds it can tell that something is missing."""
    assert read_over_tls(garble([HEAD + b"\r\nabc"])) == HEAD + b"\r\nabc"
    with pytest.raises(ssl.SSLError, match=r"(?i)eof"):
        read_over_tls(garble([HEAD + b"\r\nabc"], abrupt=True))


@pytest.mark.parametrize("way", OF_HTTP1, ids=lambda way: way.name)
def test_httpx_does_not_miss_the_farewell(way: Way, tmp_path: Path) -> None:
    """A body that lasts until the end of the connection may be cut, and nobody knows."""
    with way.to(garble([HEAD + b"\r\nabc"], abrupt=True), tmp_path) as client:
        assert ask(client) == (200, b"abc", "", "")


def test_an_event_loop_makes_the_same_of_bytes() -> None:
    """An answer, and an error."""

    async def get(sent: bytes) -> httpx.Response:
        transport = AsyncInProcessTransport(garble([sent]))
        async with httpx.AsyncClient(transport=transport) as client:
            return await client.get("http://x/")

    answer = asyncio.run(get(b"HTTP/1.0 200 OK\r\n\r\nabc"))
    assert (answer.content, answer.http_version) == (b"abc", "HTTP/1.0")
    with pytest.raises(httpx.RemoteProtocolError, match="illegal status line"):
        asyncio.run(get(b"SSH-2.0-x\r\n\r\n"))


def test_a_request_that_is_none_is_the_clients_fault() -> None:
    """h11 doesn't send it."""
    with httpx.Client(transport=InProcessTransport(garble([HEAD]))) as client:
        request = client.build_request("GET", "http://x/", headers={"X": "a\nb"})
        with pytest.raises(httpx.LocalProtocolError):
            client.send(request)


@given(st.sampled_from([sent for sent, _ in CASES.values()]), st.data())
def test_pieces_make_no_difference(sent: bytes, data: st.DataObject) -> None:
    """Bytes mean the same however they are cut, once they are all there."""
    cut = data.draw(st.integers(0, len(sent)))
    whole, halves = in_process([sent]), in_process([sent[:cut], sent[cut:]])
    assert (whole[0], whole[1], whole[2]) == (halves[0], halves[1], halves[2])


@given(st.binary(max_size=200))
def test_any_bytes_are_an_answer_or_an_error(sent: bytes) -> None:
    """Nothing else comes out of them."""
    for pieces in ([sent], [HEAD + sent], [HEAD + b"Transfer-Encoding: chunked\r\n\r\n" + sent]):
        with contextlib.suppress(httpx.RemoteProtocolError):
            in_process(pieces)
