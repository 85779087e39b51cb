"""The in-process door and time: what costs none, who is told, and what is kept of the cause."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Iterator

import httpx
import pytest

from occystrap.server.doors.in_process import InProcessTransport
from occystrap.server.doors.in_process_async import AsyncInProcessTransport
from occystrap.server.message import (
    FailHandshake,
    Garble,
    Handshake,
    Headers,
    RefuseConnection,
    Response,
    Stall,
    StopReading,
)
from tests.server.doors.scripts import Answer, Script, raises, text

TIMEOUT = httpx.Timeout(connect=1.0, read=2.0, write=3.0, pool=4.0)


class Clock:
    """What a transport is told of time."""

    def __init__(self) -> None:
        self.slept: list[float] = []
        self.passed: list[float] = []

    def client(self, answer: Answer) -> httpx.Client:
        """Make a client whose time this is."""
        transport = InProcessTransport(
            Script(answer), sleep=self.slept.append, passed=self.passed.append
        )
        return httpx.Client(transport=transport, timeout=TIMEOUT)


def stalled(*pieces: bytes) -> Answer:
    """Answer 200 with a body."""
    return lambda _: Response(200, Headers(), pieces)


@pytest.mark.parametrize(
    ("answer", "content", "error", "slept", "passed"),
    [
        (stalled(Stall(60.0)), b"", httpx.ReadTimeout, [], [2.0]),
        (stalled(Stall(1.5), Stall(60.0)), b"", httpx.ReadTimeout, [1.5], [0.5]),
        (stalled(Stall(1.5), b"a", Stall(2.0)), b"", httpx.ReadTimeout, [1.5], [2.0]),
        (lambda _: Response(200, delay=60.0), b"", httpx.ReadTimeout, [], [2.0]),
        (lambda _: Response(200, delay=60.0), b"abc", httpx.ReadTimeout, [], [2.0]),
        (raises(Garble([b"HT", Stall(60.0)])), b"", httpx.ReadTimeout, [], [2.0]),
        (raises(StopReading(60.0)), b"", httpx.ReadTimeout, [], [2.0]),
        (raises(StopReading(60.0)), b"abc", httpx.WriteTimeout, [], [3.0]),
        (raises(StopReading(60.0), reading=1), b"abc", httpx.ReadTimeout, [], [2.0]),
        (raises(StopReading(1.0)), b"", httpx.ReadError, [1.0], []),
        (raises(StopReading(2.5)), b"abc", httpx.WriteError, [2.5], []),
        (
            raises(FailHandshake(Handshake.SILENT, 60.0)),
            b"",
            httpx.ConnectTimeout,
            [],
            [1.0],
        ),
        (raises(FailHandshake(Handshake.SILENT, 0.5)), b"", httpx.ConnectError, [0.5], []),
    ],
)
def test_what_a_client_outlasts_is_slept_through_and_nothing_else(
    answer: Answer, content: bytes, error: type[Exception], slept: list[float], passed: list[float]
) -> None:
    """The clock of a test can go on by what passed, though nobody slept."""
    clock = Clock()
    with clock.client(answer) as client, pytest.raises(error):
        client.put("http://x/", content=content)
    assert (clock.slept, clock.passed) == (slept, passed)


def test_a_delay_is_slept_through_before_the_head() -> None:
    """And doesn't count against the body."""
    clock = Clock()
    answer = Response(200, Headers(), (Stall(1.5), b"abc"), delay=1.5)
    with clock.client(lambda _: answer) as client:
        assert client.get("http://x/").content == b"abc"
    assert (clock.slept, clock.passed) == ([1.5, 1.5], [])


def test_a_client_without_timeouts_waits() -> None:
    """As long as the server makes it."""
    clock = Clock()
    signal = FailHandshake(Handshake.SILENT, 3600.0)
    with clock.client(raises(signal)) as client, pytest.raises(httpx.ConnectError):
        client.get("http://x/", timeout=None)
    assert clock.slept == [3600.0]


def test_an_answer_that_nobody_waits_for_is_closed() -> None:
    """Whatever it holds is let go of."""
    closed: list[str] = []

    class Body:
        def __iter__(self) -> Iterator[bytes]:
            return iter((b"abc",))

        def close(self) -> None:
            closed.append("closed")

    answer = Response(200, Headers(), Body(), delay=60.0)
    with Clock().client(lambda _: answer) as client, pytest.raises(httpx.ReadTimeout):
        client.get("http://x/")
    assert closed == ["closed"]


@pytest.mark.parametrize(
    ("kind", "said"),
    [
        (Handshake.UNKNOWN_AUTHORITY, "unable to get local issuer certificate"),
        (Handshake.WRONG_NAME, "Hostname mismatch, certificate is not valid for 'ghcr.io'."),
        (Handshake.EXPIRED, "certificate has expired"),
    ],
)
def test_a_certificate_is_refused_by_openssl_itself(kind: Handshake, said: str) -> None:
    """Who looks for the cause finds it, with OpenSSL's words for the host."""
    refused = pytest.raises(httpx.ConnectError, match="CERTIFICATE_VERIFY_FAILED")
    with Clock().client(raises(FailHandshake(kind))) as client, refused as caught:
        client.get("https://ghcr.io/v2/")
    cause = caught.value.__cause__
    assert isinstance(cause, ssl.SSLCertVerificationError)
    assert said in cause.verify_message


@pytest.mark.parametrize(
    "signal",
    [RefuseConnection(), FailHandshake(Handshake.EXPIRED), FailHandshake(Handshake.SILENT)],
)
def test_nothing_is_sent_without_a_connection(signal: Exception) -> None:
    """A body that can be sent only once still can."""
    sent: list[bytes] = []

    def content() -> Iterator[bytes]:
        sent.append(b"abc")
        yield b"abc"

    with Clock().client(raises(signal)) as client, pytest.raises(httpx.ConnectError):
        client.put("http://x/", content=content())
    assert sent == []


def test_a_client_that_fails_while_nobody_reads_gets_its_own_error() -> None:
    """What the request's body raises counts more."""

    def content() -> Iterator[bytes]:
        yield b""
        raise ValueError("the file is gone")

    gone = pytest.raises(ValueError, match="the file is gone")
    with Clock().client(raises(StopReading(60.0))) as client, gone:
        client.put("http://x/", content=content())


def test_an_event_loop_has_the_same_time() -> None:
    """Slept and passed are told from its threads."""
    slept: list[float] = []
    passed: list[float] = []
    answer = Response(200, text(b"abc").headers, (Stall(1.0), b"a", Stall(60.0)), delay=0.5)

    async def get() -> None:
        transport = AsyncInProcessTransport(
            Script(lambda _: answer), sleep=slept.append, passed=passed.append
        )
        async with httpx.AsyncClient(transport=transport, timeout=TIMEOUT) as client:
            await client.get("http://x/")

    with pytest.raises(httpx.ReadTimeout):
        asyncio.run(get())
    assert (slept, passed) == ([0.5, 1.0], [2.0])
