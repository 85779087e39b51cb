"""The in-process door, where it is more than a socket: time, threads, event loops."""

from __future__ import annotations

import asyncio
import gc
from collections.abc import AsyncIterator, Iterator
from contextlib import suppress

import httpx
import pytest

from occystrap.server.doors.in_process import InProcessTransport
from occystrap.server.doors.in_process_async import AsyncInProcessTransport
from occystrap.server.message import (
    CloseConnection,
    Headers,
    Request,
    RequestAborted,
    ResetConnection,
    Response,
    Stall,
)
from tests.server.doors.scripts import Script, body_then, echo, text


def client_of(script: Script, slept: list[float] | None = None) -> httpx.Client:
    """Make a client whose server notes how long it would have slept."""
    waits = [] if slept is None else slept
    return httpx.Client(transport=InProcessTransport(script, sleep=waits.append), timeout=5)


def test_any_host_is_reached() -> None:
    """The handler learns what the client called it, and over which scheme."""
    script = Script(echo)
    with client_of(script) as client:
        client.get("https://registry-1.docker.io/v2/")
        client.get("http://localhost:5000/v2/")
    seen = [(request.scheme, request.host, request.door) for request in script.requests]
    assert seen == [
        ("https", "registry-1.docker.io", "in-process"),
        ("http", "localhost:5000", "in-process"),
    ]


def test_a_stall_beyond_the_timeout_costs_no_time() -> None:
    """An hour of silence is a ReadTimeout at once."""
    slept: list[float] = []
    answer = Response(200, Headers(), (b"abc", Stall(3600.0), b"def"))
    with client_of(Script(lambda _: answer), slept) as client:
        with pytest.raises(httpx.ReadTimeout):
            client.get("http://x/")
        assert slept == []


def test_stalls_add_up_until_a_byte_comes() -> None:
    """Three seconds twice are more than five, unless there is something between."""
    slept: list[float] = []
    apart = Response(200, Headers(), (Stall(3.0), b"a", Stall(3.0), b"b"))
    with client_of(Script(lambda _: apart), slept) as client:
        assert client.get("http://x/").content == b"ab"
    assert slept == [3.0, 3.0]
    together = Response(200, Headers(), (Stall(3.0), b"", Stall(3.0), b"b"))
    with client_of(Script(lambda _: together)) as client, pytest.raises(httpx.ReadTimeout):
        client.get("http://x/")


def test_a_client_without_a_timeout_waits() -> None:
    """As long as it takes."""
    slept: list[float] = []
    answer = Response(200, Headers(), (Stall(3600.0), b"abc"))
    with client_of(Script(lambda _: answer), slept) as client:
        assert client.get("http://x/", timeout=None).content == b"abc"
    assert slept == [3600.0]


def test_bodies_are_streamed() -> None:
    """The first bytes of an answer are there before the last are made, and those may never be."""
    made: list[int] = []

    def endless() -> Iterator[bytes]:
        while True:
            made.append(len(made))
            yield b"x"

    answer = Response(200, Headers(), endless())
    with client_of(Script(lambda _: answer)) as client, client.stream("GET", "http://x/") as got:
        pieces = got.iter_raw()
        assert [next(pieces), next(pieces)] == [b"x", b"x"]
    assert len(made) == 2


def test_a_body_is_closed_even_if_nobody_reads_it() -> None:
    """A handler can hold something open for as long as the client does."""
    closed: list[str] = []

    class Body:
        def __iter__(self) -> Iterator[bytes]:
            return iter((b"abc",))

        def close(self) -> None:
            closed.append("closed")

    answer = Response(200, Headers({"Content-Length": "3"}), Body())
    with client_of(Script(lambda _: answer)) as client, client.stream("GET", "http://x/"):
        assert closed == []
    assert closed


def test_a_bug_of_a_handler_is_seen_as_it_is() -> None:
    """In process there is no need for a 500."""

    def fail(request: Request) -> Response:
        raise ZeroDivisionError

    with client_of(Script(fail)) as client, pytest.raises(ZeroDivisionError):
        client.get("http://x/")


def test_a_handler_that_says_that_the_request_broke_off_without_reason() -> None:
    """Its exception is a bug, and seen."""

    def fail(request: Request) -> Response:
        raise RequestAborted

    with client_of(Script(fail)) as client, pytest.raises(RequestAborted):
        client.get("http://x/")


def test_a_client_that_fails_behind_an_answer_gets_its_own_error() -> None:
    """The answer is closed, and the error of the request's body is what counts."""

    def pieces() -> Iterator[bytes]:
        yield b"abc"
        raise ValueError("the file is gone")

    def answer_anyway(request: Request) -> Response:
        with suppress(RequestAborted):
            list(request.body)
        return text(b"fine")

    for handler in (answer_anyway, lambda _: text(b"fine")):
        with client_of(Script(handler)) as client, pytest.raises(ValueError, match="gone"):
            client.post("http://x/", content=pieces())


async def _pieces() -> AsyncIterator[bytes]:
    for number in range(3):
        await asyncio.sleep(0)
        yield b"%d" % number


def run_async(script: Script, method: str = "GET", *, content: bool = False) -> httpx.Response:
    """Make one request from an event loop."""

    async def ask() -> httpx.Response:
        transport = AsyncInProcessTransport(script)
        async with httpx.AsyncClient(transport=transport) as client:
            body = _pieces() if content else None
            return await client.request(method, "http://x/", content=body)

    return asyncio.run(ask())


def test_an_event_loop_sends_and_receives_pieces() -> None:
    """Both bodies cross between the loop and the handler's thread."""
    assert run_async(Script(echo), "POST", content=True).content == b"012"


def test_an_event_loop_meets_the_same_exceptions() -> None:
    """The same words, too."""
    length = Headers({"Content-Length": "9"})

    def broken(error: Exception | None) -> Script:
        return Script(lambda _: Response(200, length, body_then((b"abc",), error)))

    with pytest.raises(httpx.ReadError, match="Connection reset by peer"):
        run_async(broken(ResetConnection()))
    for error in (CloseConnection(), None):
        with pytest.raises(httpx.RemoteProtocolError, match=r"received 3 bytes, expected 9"):
            run_async(broken(error))
    stalled = Script(lambda _: Response(200, Headers(), (Stall(60.0),)))
    with pytest.raises(httpx.ReadTimeout):
        run_async(stalled)


def test_an_event_loop_goes_on_while_a_handler_works() -> None:
    """Two requests that wait for each other both come to an end."""

    async def ask() -> list[bytes]:
        barrier = asyncio.Barrier(2)

        async def content() -> AsyncIterator[bytes]:
            await barrier.wait()
            yield b"abc"

        transport = AsyncInProcessTransport(Script(echo))
        async with httpx.AsyncClient(transport=transport) as client:
            both = [client.post("http://x/", content=content()) for _ in range(2)]
            return [response.content for response in await asyncio.gather(*both)]

    assert asyncio.run(ask()) == [b"abc", b"abc"]


def test_an_answer_that_an_event_loop_leaves_is_closed() -> None:
    """Leaving the block closes the body in its thread."""
    closed: list[str] = []

    def body() -> Iterator[bytes]:
        try:
            while True:
                yield b"x"
        finally:
            closed.append("closed")

    async def ask() -> None:
        transport = AsyncInProcessTransport(Script(lambda _: Response(200, Headers(), body())))
        async with (
            httpx.AsyncClient(transport=transport) as client,
            client.stream("GET", "http://x/") as response,
        ):
            assert await anext(response.aiter_raw()) == b"x"

    asyncio.run(ask())
    gc.collect()
    assert closed == ["closed"]
