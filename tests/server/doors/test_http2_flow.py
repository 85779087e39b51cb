"""The HTTP/2 door under load: windows, many streams, limits, and clients that mean no good."""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import h2.events
import h2.settings
import httpx
import pytest

from occystrap.server.doors.channel import Channel
from occystrap.server.doors.http2_session import MOST_STREAMS, Session
from occystrap.server.doors.listener import Listener, serve
from occystrap.server.message import Headers, Request, Response, Stall
from tests.server.doors.frames import talking
from tests.server.doors.scripts import Script, echo, text

MEBIBYTE = 1024 * 1024
PROTOCOL_ERROR = 1
REFUSED_STREAM = 7
ENHANCE_YOUR_CALM = 11


@contextlib.contextmanager
def client_of(listener: Listener) -> Iterator[httpx.Client]:
    """Speak HTTP/2 without asking first."""
    transport = httpx.HTTPTransport(http1=False, http2=True)
    with httpx.Client(base_url=listener.url, transport=transport, timeout=60) as client:
        yield client


def blob(size: int) -> Iterator[bytes]:
    """Give a body of so many mebibytes."""
    piece = bytes(MEBIBYTE)
    return (piece for _ in range(size))


def test_small_requests_pass_a_large_body() -> None:
    """A client that has 100 MB in one stream and doesn't read it gets others in the meantime."""
    fields = Headers({"Content-Length": str(100 * MEBIBYTE)})

    def answer(request: Request) -> Response:
        return Response(200, fields, blob(100)) if request.path == "/blob" else text(b"small")

    with talking(Script(answer)) as (talk, _):
        talk.h2.increment_flow_control_window(200 * MEBIBYTE)
        number = talk.ask("/blob")
        talk.until(lambda: len(talk.body(number)) == 65535)
        for _ in range(50):
            assert talk.finish(talk.ask()) == b"small"
        assert len(talk.body(number)) == 65535
        talk.h2.increment_flow_control_window(99 * MEBIBYTE, number)
        talk.flush()
        received = 65535 + 99 * MEBIBYTE
        count = 0

        def all_came() -> bool:
            nonlocal count
            for event in talk.events:
                if isinstance(event, h2.events.DataReceived) and event.stream_id == number:
                    count += len(event.data)
            talk.events.clear()
            return count == received

        talk.until(all_came)


def test_a_window_of_the_connection_is_shared() -> None:
    """All streams wait for it, and go on when it opens."""
    with talking(Script(lambda _: text(bytes(40_000)))) as (talk, _):
        numbers = [talk.ask() for _ in range(3)]
        talk.until(lambda: sum(len(talk.body(number)) for number in numbers) == 65535)
        talk.h2.increment_flow_control_window(MEBIBYTE)
        talk.flush()
        assert [len(talk.finish(number)) for number in numbers] == [40_000] * 3


def test_a_client_may_change_its_window() -> None:
    """With a setting, for streams that are waiting, too."""
    codes = h2.settings.SettingCodes
    with talking(Script(lambda _: text(b"abcdef"))) as (talk, _):
        talk.h2.update_settings({codes.INITIAL_WINDOW_SIZE: 3})
        talk.flush()
        number = talk.ask()
        talk.until(lambda: talk.body(number) == b"abc")
        talk.h2.update_settings({codes.INITIAL_WINDOW_SIZE: 6})
        talk.flush()
        assert talk.finish(number) == b"abcdef"


def test_a_handler_that_reads_slowly_slows_the_client_down() -> None:
    """What it hasn't read fills the window of its stream; other streams have theirs."""
    go_on = threading.Event()

    def slow(request: Request) -> Response:
        if request.path == "/slow":
            go_on.wait(60)
        return echo(request)

    with talking(Script(slow)) as (talk, _):
        talk.until(lambda: bool(talk.heard(h2.events.RemoteSettingsChanged)))
        number = talk.ask("/slow", "PUT", end=False)
        sent = 0
        while room := min(talk.h2.local_flow_control_window(number), 16384):
            talk.send(number, bytes(room))
            sent += room
        assert sent == MEBIBYTE
        other = talk.ask(method="PUT", end=False)
        talk.send(other, bytes(10_000), end=True)
        assert talk.finish(other) == bytes(10_000)
        assert talk.h2.local_flow_control_window(number) == 0
        go_on.set()
        talk.until(lambda: talk.h2.local_flow_control_window(number) > 0)
        talk.h2.increment_flow_control_window(4 * MEBIBYTE)
        talk.h2.increment_flow_control_window(4 * MEBIBYTE, number)
        talk.send(number, b"", end=True)
        assert len(talk.finish(number)) == MEBIBYTE


def test_many_streams_at_once() -> None:
    """Every one of them gets its own bytes back, through one connection."""
    barrier = threading.Barrier(10)
    equal: list[bool] = []

    def meet(request: Request) -> Response:
        content = b"".join(request.body)
        barrier.wait(20)
        return text(content)

    with talking(Script(meet)) as (talk, _):
        for turn in range(5):
            numbers = [talk.ask(method="PUT", end=False) for _ in range(10)]
            for number in numbers:
                talk.send(number, b"%d" % (number * turn), end=True)
            equal += [talk.finish(number) == b"%d" % (number * turn) for number in numbers]
    assert equal == [True] * 50


def test_a_stalled_stream_holds_up_no_other() -> None:
    """As many as a client may have, but one."""
    stalled = Response(200, Headers(), (b"abc", Stall(3600.0)))

    def answer(request: Request) -> Response:
        return stalled if request.path == "/stall" else text(b"fine")

    with talking(Script(answer)) as (talk, _):
        numbers = [talk.ask("/stall") for _ in range(MOST_STREAMS - 1)]
        assert talk.finish(talk.ask()) == b"fine"
        for number in numbers:
            talk.until(partial(lambda number: talk.body(number) == b"abc", number))


def test_a_client_learns_how_many_streams_it_may_open() -> None:
    """One more is an error of the connection once the settings are known."""
    stalled = Response(200, Headers(), (Stall(3600.0),))
    with talking(Script(lambda _: stalled)) as (talk, _):
        talk.until(lambda: bool(talk.heard(h2.events.RemoteSettingsChanged)))
        settings = talk.h2.remote_settings
        assert settings.max_concurrent_streams == MOST_STREAMS
        settings[h2.settings.SettingCodes.MAX_CONCURRENT_STREAMS] = 1000
        settings.acknowledge()
        for _ in range(MOST_STREAMS + 1):
            talk.ask()
        assert talk.goodbye()[0] == PROTOCOL_ERROR


def test_requests_that_are_reset_at_once_cost_no_more_threads() -> None:
    """A client that resets what it asks is served no faster than handlers are done."""
    release, arrived = threading.Event(), threading.Semaphore(0)

    def wait(request: Request) -> Response:
        arrived.release()
        release.wait(60)
        return text(b"")

    with talking(Script(wait)) as (talk, _):
        try:
            for _ in range(MOST_STREAMS):
                talk.h2.reset_stream(talk.ask())
            assert talk.reset_code(talk.ask()) == REFUSED_STREAM
            assert all(arrived.acquire(timeout=20) for _ in range(MOST_STREAMS))
            assert not arrived.acquire(blocking=False)
        finally:
            release.set()


@pytest.mark.parametrize("count", [2_000, 20_000])
def test_an_endless_head_is_refused(count: int) -> None:
    """The connection ends, rather than the memory."""
    head = [(":method", "GET"), (":path", "/"), (":scheme", "http"), (":authority", "x")]
    more = [(f"x-{number}", "0123456789") for number in range(count)]
    with talking(Script(echo)) as (talk, _):
        talk.h2.send_headers(1, head + more, end_stream=True)
        talk.flush()
        assert talk.goodbye()[0] in (PROTOCOL_ERROR, ENHANCE_YOUR_CALM)


@pytest.mark.parametrize(
    "nonsense",
    [
        b"\0\0\5\0\0\0\0\0\x63hello",  # data for a stream that there isn't
        b"\0\0\4\x08\0\0\0\0\0\0\0\0\0",  # a window that opens by nothing
        b"\x04\0\1\0\0\0\0\0\1" + bytes(2**18 + 1),  # a frame that is too long
        b"\0\0\1\0\x08\0\0\0\1\xff",  # more padding than there is frame
    ],
)
def test_nonsense_ends_the_connection(nonsense: bytes) -> None:
    """With a GOAWAY that says so."""
    with talking(Script(echo)) as (talk, _):
        talk.socket.sendall(nonsense)
        assert talk.goodbye()[0] != 0


def test_what_comes_for_a_closed_stream_is_no_matter() -> None:
    """The answer may overtake the request, and the client send on."""
    with talking(Script(lambda _: text(b"no", 413))) as (talk, _):
        number = talk.ask(method="PUT", end=False)
        assert talk.finish(number) == b"no"
        for _ in range(200):
            while not talk.h2.local_flow_control_window(number):
                assert talk.hear()
            talk.send(number, bytes(min(talk.h2.local_flow_control_window(number), 16384)))
        talk.send(number, b"", end=True)
        assert talk.finish(talk.ask()) == b"no"


def test_a_client_that_reads_nothing_can_not_fill_the_memory(tmp_path: Path) -> None:
    """Who asks for answers of PING and never reads them isn't heard any longer."""
    pings = (b"\0\0\x08\x06\0\0\0\0\0" + bytes(8)) * 1000
    with talking(Script(echo), tmp_path / "socket") as (talk, _):
        talk.until(lambda: bool(talk.heard(h2.events.RemoteSettingsChanged)))
        talk.socket.settimeout(0.5)
        with pytest.raises(TimeoutError):
            talk.socket.sendall(pings * 1000)


def test_httpx_shares_a_connection_between_threads() -> None:
    """Downloads and small requests side by side, as occystrap itself makes them."""
    fields = Headers({"Content-Length": str(10 * MEBIBYTE)})

    def answer(request: Request) -> Response:
        return Response(200, fields, blob(10)) if request.path == "/blob" else text(b"small")

    sizes: list[int] = []
    with serve(Script(answer)) as listener:

        def ask(path: str) -> None:
            with client_of(listener) as client:
                sizes.extend(len(client.get(path).content) for _ in range(3))

        threads = [threading.Thread(target=ask, args=(path,)) for path in ("/blob", "/") * 3]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert sorted(sizes) == [5] * 9 + [10 * MEBIBYTE] * 9


def test_whoever_makes_room_tells_those_that_wait_for_it() -> None:
    """Any flush may be the one with which the client takes the last of what it didn't."""
    told: list[str] = []
    ours, theirs = socket.socketpair()
    session = Session(Channel(ours), lambda: told.append("room"))
    with ours, theirs, contextlib.closing(session):
        session.begin()
        with session.lock:
            session.flush(bytes(16 * MEBIBYTE))
            assert session.full
            while session.full:
                assert told == []
                theirs.recv(MEBIBYTE)
                session.flush()
    assert told == ["room"]
