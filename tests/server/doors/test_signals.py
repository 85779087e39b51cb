"""The signals of a handler that leave the client without an answer, door by door."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest

from occystrap.server.doors.in_process_async import AsyncInProcessTransport
from occystrap.server.message import (
    CloseConnection,
    FailHandshake,
    GoAway,
    Handshake,
    RefuseConnection,
    ResetConnection,
    Response,
    StopReading,
)
from tests.server.doors.scripts import Answer, Script, body_then, raises, text
from tests.server.doors.ways import SOCKETS, WAYS, Way, ask

PIECE = bytes(1024 * 1024)
REFUSED_STREAM = 7

#: More than the system keeps of what nobody reads.
LARGE = 64


@dataclass(frozen=True, slots=True)
class Case:
    """What a handler does with a request of so many MiB, and the exception that a client meets.

    Those of sockets are the ones that can come, where the client may be about to send or to read.
    """

    answer: Answer
    in_process: str
    http1: str
    http2: str
    size: int = 0
    timeout: float = 20

    def allowed(self, way: Way) -> list[str]:
        """Return the classes that this way may raise."""
        if way.in_process:
            return [self.in_process]
        return (self.http2 if way.http2 else self.http1).split()


RESET = "ReadError RemoteProtocolError"
RESET_OF_HTTP2 = "ReadError RemoteProtocolError WriteError"
#: httpx takes leave to send for the only news that matters while it sends.
RESET_WHILE_SENDING = "LocalProtocolError ReadTimeout RemoteProtocolError"

SHORT = 0.2

CASES = {
    "refused": Case(raises(RefuseConnection()), "ConnectError", RESET, RESET_OF_HTTP2),
    "refused while it sends": Case(
        raises(RefuseConnection()), "ConnectError", RESET, RESET_OF_HTTP2, size=LARGE
    ),
    "reset at once": Case(
        raises(ResetConnection(at_once=True)), "ReadError", RESET, "RemoteProtocolError"
    ),
    "reset at once while it sends": Case(
        raises(ResetConnection(at_once=True), reading=1),
        "WriteError",
        RESET,
        RESET_WHILE_SENDING,
        size=LARGE,
        timeout=SHORT,
    ),
    "connection reset at once while it sends": Case(
        raises(ResetConnection(None, at_once=True), reading=1),
        "WriteError",
        RESET,
        RESET_OF_HTTP2,
        size=LARGE,
    ),
    "not read": Case(
        raises(StopReading(60.0)), "ReadTimeout", "ReadTimeout", "ReadTimeout", timeout=SHORT
    ),
    "not read while it sends": Case(
        raises(StopReading(60.0), reading=1),
        "WriteTimeout",
        "WriteTimeout",
        "ReadTimeout",
        size=LARGE,
        timeout=SHORT,
    ),
    "not read for a moment": Case(
        raises(StopReading(0.01)), "ReadError", RESET, "RemoteProtocolError"
    ),
    "not read for a moment while it sends": Case(
        raises(StopReading(0.01), reading=1),
        "WriteError",
        RESET,
        RESET_WHILE_SENDING,
        size=LARGE,
        timeout=SHORT,
    ),
    "delayed for too long": Case(
        lambda _: Response(200, delay=60.0),
        "ReadTimeout",
        "ReadTimeout",
        "ReadTimeout",
        timeout=SHORT,
    ),
    "delayed for too long, and not read": Case(
        lambda _: Response(200, delay=60.0),
        "ReadTimeout",
        "ReadTimeout",
        "ReadTimeout",
        size=12,
        timeout=0.5,
    ),
    "delayed for too long, whatever the method": Case(
        lambda _: Response(204, delay=60.0),
        "ReadTimeout",
        "ReadTimeout",
        "ReadTimeout",
        timeout=SHORT,
    ),
    "a handshake that fails": Case(
        raises(FailHandshake(Handshake.EXPIRED)), "ConnectError", RESET, RESET_OF_HTTP2
    ),
    "a handshake that is never answered": Case(
        raises(FailHandshake(Handshake.SILENT, 60.0)), "ConnectTimeout", RESET, RESET_OF_HTTP2
    ),
    "a handshake that ends": Case(
        raises(FailHandshake(Handshake.SILENT, 0.01)), "ConnectError", RESET, RESET_OF_HTTP2
    ),
}


def pieces(count: int) -> Iterator[bytes]:
    """Send MiBs."""
    for _ in range(count):
        yield PIECE


@pytest.mark.parametrize("way", WAYS, ids=lambda way: way.name)
@pytest.mark.parametrize("name", CASES)
def test_what_a_client_meets(way: Way, name: str, tmp_path: Path) -> None:
    """No answer, and an exception of the class that tells what has happened."""
    case = CASES[name]
    method = "PUT" if case.size else "GET"
    content = pieces(case.size) if case.size else None
    with way.to(Script(case.answer), tmp_path) as client:
        status, received, error, _ = ask(client, method, case.timeout, content)
    assert (status, received) == (None, b"")
    assert error in case.allowed(way)


@pytest.mark.parametrize("name", CASES)
def test_what_a_client_with_an_event_loop_meets(name: str) -> None:
    """The same as one without."""
    case = CASES[name]

    async def content() -> AsyncIterator[bytes]:
        for piece in pieces(case.size):
            yield piece

    async def meet() -> None:
        transport = AsyncInProcessTransport(Script(case.answer))
        async with httpx.AsyncClient(transport=transport, timeout=case.timeout) as client:
            await client.put("http://x/", content=content() if case.size else None)

    with pytest.raises(httpx.TransportError) as caught:
        asyncio.run(meet())
    assert type(caught.value).__name__ == case.in_process


@pytest.mark.parametrize("way", WAYS, ids=lambda way: way.name)
def test_a_delay_that_the_client_outlasts(way: Way, tmp_path: Path) -> None:
    """The answer comes, and so does the next one."""
    answer = Response(200, text(b"abc").headers, (b"abc",), delay=0.01)
    with way.to(Script(lambda _: answer), tmp_path) as client:
        assert [ask(client), ask(client)] == [(200, b"abc", "", "")] * 2


@pytest.mark.parametrize("way", SOCKETS, ids=lambda way: way.name)
def test_what_came_before_a_reset_at_once_arrives(way: Way, tmp_path: Path) -> None:
    """At once is said of the request, not of the answer."""
    length = text(PIECE * 2).headers
    broken = ResetConnection(at_once=True)
    script = Script(lambda _: Response(200, length, body_then((PIECE,), broken)))
    with way.to(script, tmp_path) as client:
        status, received, error, _ = ask(client)
    assert (status, len(received)) == (200, len(PIECE))
    assert error in RESET.split()


@pytest.mark.parametrize("way", [way for way in SOCKETS if way.http2], ids=lambda way: way.name)
@pytest.mark.parametrize(
    ("signal", "said"),
    [
        (ResetConnection(REFUSED_STREAM), "<StreamReset stream_id:1, error_code:7,"),
        (ResetConnection(REFUSED_STREAM, at_once=True), "<StreamReset stream_id:1, error_code:7,"),
        (
            CloseConnection(GoAway(taken=False)),
            "<ConnectionTerminated error_code:0, last_stream_id:0,",
        ),
        (
            CloseConnection(GoAway(11, taken=False)),
            "<ConnectionTerminated error_code:11, last_stream_id:0,",
        ),
        (
            CloseConnection(GoAway()),
            "<ConnectionTerminated error_code:0, last_stream_id:1,",
        ),
    ],
)
def test_http2_says_why_there_is_no_answer(
    way: Way, signal: Exception, said: str, tmp_path: Path
) -> None:
    """The client can tell that its request was never looked at."""
    with way.to(Script(raises(signal)), tmp_path) as client:
        status, _, error, words = ask(client)
    assert (status, error) == (None, "RemoteProtocolError")
    assert words.startswith(said)
