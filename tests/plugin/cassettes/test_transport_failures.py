"""Exchanges that go wrong: how they ended is kept, and what the client has spoiled is not."""

from __future__ import annotations

import socket
from collections.abc import Iterator

import httpx
import pytest

from occystrap.server.doors.in_process import InProcessTransport
from occystrap.server.doors.listener import serve
from occystrap.server.doors.tls import shared_authority
from occystrap.server.message import (
    CloseConnection,
    Garble,
    Headers,
    RefuseConnection,
    Request,
    ResetConnection,
    Response,
    Stall,
)
from pytest_occystrap.cassettes.form import Ending
from pytest_occystrap.cassettes.recorder import Recorder
from tests.server.doors.scripts import Script, echo, text
from tests.support.recorded import client_of, only

LARGE = bytes(range(256)) * 1000


def cut(signal: Exception) -> Script:
    """Answer with a part of a body, and then that."""

    def pieces() -> Iterator[bytes]:
        yield b"abc"
        raise signal

    return Script(lambda _: Response(200, Headers({"Content-Length": "9"}), pieces()))


@pytest.mark.parametrize("socket_between", [False, True])
@pytest.mark.parametrize(
    ("signal", "ending"),
    [(ResetConnection(), Ending.RESET), (CloseConnection(), Ending.CLOSED)],
    ids=["reset", "closed"],
)
def test_an_answer_that_breaks_off(
    recorder: Recorder, signal: Exception, ending: Ending, socket_between: bool
) -> None:
    """The client meets what it would have met, and what came before is kept."""
    script = cut(signal)
    with serve(script) as listener:
        inner = httpx.HTTPTransport() if socket_between else InProcessTransport(script)
        with (
            client_of(recorder, inner) as client,
            pytest.raises((httpx.ReadError, httpx.RemoteProtocolError)),
        ):
            client.get(listener.url)
    kept = only(recorder)
    assert kept.ending is ending
    assert kept.response is not None
    assert kept.response.status == 200
    assert kept.response.body.read() == b"abc"


@pytest.mark.parametrize(
    ("signal", "error", "ending"),
    [
        (ResetConnection(), httpx.ReadError, Ending.RESET),
        (CloseConnection(), httpx.RemoteProtocolError, Ending.CLOSED),
        (RefuseConnection(), httpx.ConnectError, Ending.REFUSED),
        (Garble([b"nonsense\r\n\r\n"]), httpx.RemoteProtocolError, Ending.CLOSED),
    ],
    ids=["reset", "closed", "refused", "garbled"],
)
def test_no_answer(
    recorder: Recorder, signal: Exception, error: type[Exception], ending: Ending
) -> None:
    """How it failed is kept, and the request with it."""

    def fail(_: Request) -> Response:
        raise signal

    with (
        client_of(recorder, InProcessTransport(Script(fail))) as client,
        pytest.raises(error),
    ):
        client.put("https://r.test/v2/", content=b"abc")
    kept = only(recorder)
    assert (kept.response, kept.ending) == (None, ending)
    assert kept.request.headers.get("Content-Length") == "3"


def test_a_port_where_nobody_listens(recorder: Recorder) -> None:
    """Is one that refuses."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    with client_of(recorder) as client, pytest.raises(httpx.ConnectError):
        client.get(f"http://127.0.0.1:{port}/v2/")
    assert only(recorder).ending is Ending.REFUSED


@pytest.mark.parametrize("begun", [False, True])
def test_silence(recorder: Recorder, begun: bool) -> None:
    """That outlasts the client's patience is a timeout, before an answer and within it."""

    def pieces() -> Iterator[bytes]:
        yield b"abc"
        yield Stall(60)

    headers = Headers({"Content-Length": "9"})
    script = Script(lambda _: Response(200, headers, pieces(), delay=0 if begun else 60))
    inner = InProcessTransport(script, sleep=lambda _: None)
    with client_of(recorder, inner) as client, pytest.raises(httpx.ReadTimeout):
        client.get("https://r.test/v2/")
    kept = only(recorder)
    assert kept.ending is Ending.TIMEOUT
    assert (None if kept.response is None else kept.response.body.read()) == (
        b"abc" if begun else None
    )


def test_what_the_client_breaks_off_is_left_out(recorder: Recorder) -> None:
    """A download that it has had enough of, and an upload that it can't go on with."""

    def broken() -> Iterator[bytes]:
        yield b"abc"
        raise ValueError("no more")

    script = Script(lambda request: Response(200, Headers(), (*request.body, *[LARGE] * 9)))
    with client_of(recorder, InProcessTransport(script)) as client:
        with client.stream("GET", "https://r.test/down") as response:
            next(response.iter_raw())
        with pytest.raises(ValueError, match="no more"):
            client.put("https://r.test/up", content=broken())
    assert recorder.interactions == ()
    assert [str(each) for each in recorder.left_out] == [
        "GET https://r.test/down: the client broke off",
        "PUT https://r.test/up: the client broke off",
    ]


@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_an_answer_that_nobody_reads_is_kept_if_it_is_short(
    recorder: Recorder, method: str
) -> None:
    """Clients close errors unread; what they said is worth keeping."""
    script = Script(lambda _: text(b"unknown", 404))
    with (
        client_of(recorder, InProcessTransport(script)) as client,
        client.stream(method, "https://r.test/v2/"),
    ):
        pass
    kept = only(recorder)
    assert kept.response is not None
    assert kept.response.body.read() == (b"unknown" if method == "GET" else b"")


def test_what_never_reached_the_registry_is_left_out(recorder: Recorder) -> None:
    """A certificate that isn't trusted is the client's affair."""
    tls = shared_authority().server_context()
    with (
        serve(Script(echo), tls=tls) as listener,
        client_of(recorder) as client,
        pytest.raises(httpx.ConnectError),
    ):
        client.get(listener.url)
    assert recorder.interactions == ()
    (left,) = recorder.left_out
    assert left.reason == "TLS could not be agreed on"


def test_an_answer_before_the_request_was_sent(recorder: Recorder) -> None:
    """Is kept with the part that was sent, and says so."""

    class Hasty(httpx.BaseTransport):
        def handle_request(self, request: httpx.Request) -> httpx.Response:
            assert isinstance(request.stream, httpx.SyncByteStream)
            next(iter(request.stream))
            return httpx.Response(413)

    with client_of(recorder, Hasty()) as client:
        client.put("https://r.test/v2/", content=iter([b"abc", b"def"]))
    kept = only(recorder)
    assert kept.request.body.read() == b"abc"
    assert kept.note == "3 bytes of the request's body had been sent"
