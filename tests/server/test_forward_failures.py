"""A registry that fails, and what becomes of that behind a proxy."""

from __future__ import annotations

import json
import socket
import socketserver
import threading
import time
from collections.abc import Callable, Iterator

import httpx
import pytest

from occystrap.server.doors.in_process import InProcessTransport
from occystrap.server.doors.listener import serve
from occystrap.server.forward import Forward
from occystrap.server.message import (
    CloseConnection,
    Headers,
    Request,
    ResetConnection,
    Response,
    Stall,
)
from tests.server.doors.scripts import Script, body_then

BODY = b"0123456789" * 5_000
Answer = Callable[[Request], Response]


def raises(error: Exception) -> Answer:
    """Give no answer."""

    def answer(_request: Request) -> Response:
        raise error

    return answer


def breaks(error: Exception | None, length: int | None = None) -> Answer:
    """Answer with a body that doesn't end well."""
    fields = {} if length is None else {"Content-Length": str(length)}
    return lambda _: Response(200, Headers(fields), body_then([BODY], error))


#: What a registry does, and the exception that its client meets, with the bytes before.
BROKEN: dict[str, tuple[Answer, str, bytes]] = {
    "reset without an answer": (raises(ResetConnection()), "ReadError", b""),
    "closed without an answer": (raises(CloseConnection()), "RemoteProtocolError", b""),
    "reset in the middle": (breaks(ResetConnection(), 99_999), "ReadError", BODY),
    "reset between chunks": (breaks(ResetConnection()), "ReadError", BODY),
    "closed in the middle": (breaks(CloseConnection(), 99_999), "RemoteProtocolError", BODY),
    "closed between chunks": (breaks(CloseConnection()), "RemoteProtocolError", BODY),
    "too short": (breaks(None, 99_999), "RemoteProtocolError", BODY),
}


def met(client: httpx.Client, url: str) -> tuple[str, str, bytes]:
    """Tell what a client meets: the exception, its words, and the bytes before."""
    received = b""
    try:
        with client.stream("GET", url) as response:
            for piece in response.iter_raw():
                received += piece
    except httpx.HTTPError as error:
        return type(error).__name__, str(error), received
    return "", "", received


@pytest.mark.parametrize("case", BROKEN)
@pytest.mark.parametrize("door", ["socket", "in-process"])
def test_what_breaks_is_broken(case: str, door: str) -> None:
    """The client meets at the proxy what it would have met at the registry, to the word."""
    answer, error, received = BROKEN[case]
    with serve(Script(answer)) as up, Forward(up.url) as forward, serve(forward) as listener:
        with httpx.Client() as client:
            expected = met(client, up.url)
        assert (expected[0], expected[2]) == (error, received)
        transport = InProcessTransport(forward) if door == "in-process" else None
        with httpx.Client(transport=transport) as client:
            assert met(client, listener.url) == expected


@pytest.mark.parametrize("case", ["reset in the middle", "closed without an answer"])
def test_the_proxy_goes_on(case: str) -> None:
    """One broken exchange says nothing about the next."""

    def answer(request: Request) -> Response:
        first = len(upstream.requests) == 1
        return BROKEN[case][0](request) if first else Response(200, Headers(), (b"ok",))

    upstream = Script(answer)
    with (
        serve(upstream) as up,
        Forward(up.url) as forward,
        serve(forward) as listener,
        httpx.Client() as client,
    ):
        assert met(client, listener.url)[0]
        assert met(client, listener.url) == ("", "", b"ok")
    assert len(upstream.requests) == 2


@pytest.fixture
def closed_port() -> Iterator[int]:
    """A port that nobody listens on, and nobody else gets."""
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        yield held.getsockname()[1]


def said(response: Response) -> str:
    """Return the message of an error answer, which is one of the specification."""
    body = b"".join(response.body)
    assert response.headers.get("Content-Type") == "application/json"
    assert response.headers.get("Content-Length") == str(len(body))
    (error,) = json.loads(body)["errors"]
    return f"{error['code']} {error['message']}"


def test_nobody_listens(closed_port: int) -> None:
    """The client has reached the proxy: it is told who couldn't be reached, without secrets."""
    query = (("sig", "secret"), ("n", "1"))
    with Forward(f"http://127.0.0.1:{closed_port}") as forward:
        response = forward.handle(Request("GET", "/v2/", query))
    assert response.status == 502
    message = said(response)
    assert message.startswith("UNAVAILABLE the proxy got no answer: GET http://127.0.0.1:")
    assert f":{closed_port}/v2/?n=1&***: connection refused" in message


def test_a_registry_that_never_answers() -> None:
    """It is given so much time as the proxy has."""
    asked_enough = threading.Event()

    def wait(_request: Request) -> Response:
        asked_enough.wait(60)
        raise CloseConnection

    timeout, begin = httpx.Timeout(0.2), time.monotonic()
    with serve(Script(wait)) as up, Forward(up.url, timeout=timeout) as forward:
        response = forward.handle(Request("GET", "/v2/"))
        asked_enough.set()
    assert time.monotonic() - begin < 20
    assert response.status == 504
    assert "timed out (ReadTimeout)" in said(response)


def test_a_registry_that_falls_silent() -> None:
    """Its body can only be cut short when that time is over."""
    answer = Response(200, Headers(), (b"abc", Stall(60.0), b"def"))
    timeout = httpx.Timeout(0.2)
    with serve(Script(lambda _: answer)) as up, Forward(up.url, timeout=timeout) as forward:
        pieces = iter(forward.handle(Request("GET", "/v2/")).body)
        assert next(pieces) == b"abc"
        with pytest.raises(CloseConnection):
            next(pieces)


class Garbling(socketserver.BaseRequestHandler):
    """Says something to whoever has sent the head of a request, and hangs up."""

    garbage = b""

    def handle(self) -> None:
        """Speak."""
        head = b""
        while b"\r\n\r\n" not in head:
            head += self.request.recv(65536)
        self.request.sendall(self.garbage)


@pytest.mark.parametrize(
    ("garbage", "words"),
    [
        (b"hello\r\n\r\n", "RemoteProtocolError"),
        (b"HTTP/1.1 101 Switching Protocols\r\n\r\n", "SWITCH"),
        (b"HTTP/1.1 302 Found\r\nLocation: http://a:b/\r\nContent-Length: 0\r\n\r\n", "location"),
    ],
)
def test_an_answer_that_is_none(garbage: bytes, words: str) -> None:
    """What isn't HTTP can't be passed on as that."""
    speaker = type("Speaker", (Garbling,), {"garbage": garbage})
    with socketserver.TCPServer(("127.0.0.1", 0), speaker) as server:
        thread = threading.Thread(target=server.handle_request)
        thread.start()
        with Forward(f"http://127.0.0.1:{server.server_address[1]}") as forward:
            response = forward.handle(Request("GET", "/v2/"))
        thread.join()
    assert response.status == 502
    assert words in said(response)


@pytest.mark.parametrize(
    "request_",
    [
        Request("CONNECT", "registry.example:443"),
        Request("OPTIONS", "*"),
        Request("GET", "/", headers=Headers({"X": "a\nb"})),
        Request("GET", "/\x01"),
    ],
    ids=["CONNECT", "OPTIONS", "line break", "control character"],
)
def test_a_request_that_cannot_be_passed_on(request_: Request) -> None:
    """It is the client's fault, who is told; the registry hears nothing of it."""
    upstream = Script(lambda _: Response(200))
    with serve(upstream) as up, Forward(up.url) as forward:
        response = forward.handle(request_)
    assert response.status == 400
    assert said(response)
    assert upstream.requests == []
