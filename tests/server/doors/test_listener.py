"""Listening: begun and ended at once, with nothing left over."""

from __future__ import annotations

import gc
import socket
import threading
import time
from pathlib import Path

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from occystrap.errors import InvalidOption
from occystrap.server.doors.listener import parse_address, serve
from occystrap.server.message import Headers, Request, Response, Stall
from tests.server.doors.scripts import Script, echo, text


def descriptors() -> int:
    """Count the open files of this process."""
    return len(list(Path("/proc/self/fd").iterdir()))


def test_a_listener_says_where_it_is() -> None:
    """Port 0 becomes a real one."""
    with serve(Script(echo)) as listener:
        assert listener.host.startswith("127.0.0.1:")
        assert listener.url == f"http://{listener.host}"
        assert httpx.get(listener.url, trust_env=False).status_code == 200


def test_ipv6_and_names_are_addresses() -> None:
    """A host may be written in any way that the system understands."""
    with serve(Script(echo), ("::1", 0)) as listener:
        assert listener.host.startswith("[::1]:")
        assert httpx.get(listener.url, trust_env=False).status_code == 200
    with serve(Script(echo), ("localhost", 0)) as listener:
        assert httpx.get(listener.url, trust_env=False).status_code == 200


def test_an_address_in_use_is_an_error() -> None:
    """And no socket is left open over it."""
    with serve(Script(echo)) as listener:
        host, _, port = listener.host.rpartition(":")
        with pytest.raises(OSError, match="Address already in use"):
            serve(Script(echo), (host, int(port)))


def test_an_address_can_be_used_again_at_once() -> None:
    """Connections that it has just dropped don't hold the port."""
    with httpx.Client(trust_env=False) as client, serve(Script(echo)) as listener:
        client.get(listener.url)
    host, _, port = listener.host.rpartition(":")
    with serve(Script(echo), (host, int(port))) as again:
        assert httpx.get(again.url, trust_env=False).status_code == 200


def test_starting_and_stopping_take_no_time() -> None:
    """Under 10 ms each, at least once in some tries on a busy machine."""
    times = []
    for _ in range(10):
        begun = time.perf_counter()
        listener = serve(Script(echo))
        up = time.perf_counter()
        httpx.get(listener.url, trust_env=False)
        asked = time.perf_counter()
        listener.close()
        times.append((up - begun, time.perf_counter() - asked))
    assert min(start for start, _ in times) < 0.01
    assert min(stop for _, stop in times) < 0.01


def test_nothing_is_left_of_a_listener() -> None:
    """Neither threads nor sockets, with connections open and idle."""
    gc.collect()
    threads, files = set(threading.enumerate()), descriptors()
    for _ in range(5):
        with serve(Script(echo)) as listener, httpx.Client(trust_env=False) as client:
            client.get(listener.url)
    assert set(threading.enumerate()) == threads
    assert descriptors() == files


def test_closing_drops_every_connection() -> None:
    """Those that wait, those that never asked, and those in the middle of a stalled body."""
    fields = Headers({"Content-Length": "2"})
    stalled = Script(lambda _: Response(200, fields, (b"a", Stall(3600.0), b"b")))
    listener = serve(stalled)
    host, _, port = listener.host.rpartition(":")
    silent = socket.create_connection((host, int(port)))
    with silent, httpx.Client(trust_env=False, timeout=20) as client:
        with client.stream("GET", listener.url) as response:
            pieces = response.iter_raw()
            assert next(pieces) == b"a"
            begun = time.monotonic()
            listener.close()
            assert time.monotonic() - begun < 2
            with pytest.raises(httpx.TransportError):
                next(pieces)
        assert silent.recv(1) == b""
        with pytest.raises(httpx.ConnectError):
            client.get(listener.url)


def test_closing_twice_is_closing_once() -> None:
    """Who isn't sure may close again."""
    listener = serve(Script(echo))
    listener.close()
    listener.close()


def test_a_handler_that_is_busy_does_not_hold_the_others_up() -> None:
    """Every connection has a thread of its own."""
    busy, release = threading.Event(), threading.Event()

    def wait(request: Request) -> Response:
        if request.path == "/busy":
            busy.set()
            release.wait(20)
        return text(b"done")

    with serve(Script(wait)) as listener:
        url = f"{listener.url}/busy"
        thread = threading.Thread(target=httpx.get, args=(url,), kwargs={"trust_env": False})
        thread.start()
        assert busy.wait(20)
        assert httpx.get(listener.url, trust_env=False).text == "done"
        release.set()
        thread.join()


def test_many_clients_at_once() -> None:
    """Every one of them gets its own bytes back."""
    equal: list[bool] = []

    def exchange(number: int) -> None:
        content = bytes([number]) * 300_000
        with httpx.Client(trust_env=False, timeout=60) as client:
            answers = (client.post(listener.url, content=content) for _ in range(5))
            equal.extend(answer.content == content for answer in answers)

    with serve(Script(echo)) as listener:
        threads = [threading.Thread(target=exchange, args=(number,)) for number in range(16)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert equal == [True] * 80


def test_the_handler_knows_the_client() -> None:
    """Its address and port."""
    script = Script(echo)
    with serve(script) as listener:
        httpx.get(listener.url, trust_env=False)
    (request,) = script.requests
    assert request.client.startswith("127.0.0.1:")
    assert request.door == "http/1.1"


@pytest.mark.parametrize(
    ("text_", "address"),
    [
        ("127.0.0.1:5000", ("127.0.0.1", 5000)),
        ("localhost:0", ("localhost", 0)),
        ("[::1]:65535", ("::1", 65535)),
    ],
)
def test_addresses(text_: str, address: tuple[str, int]) -> None:
    """A host and a port."""
    assert parse_address(text_) == address


@pytest.mark.parametrize(
    "text_", ["", "localhost", ":5000", "a:b", "a:-1", "a:65536", "::1:80", "a:", "[]:1", "a:²"]
)
def test_what_is_no_address(text_: str) -> None:
    """The message shows how one is written."""
    with pytest.raises(InvalidOption, match=r"127\.0\.0\.1:5000"):
        parse_address(text_)


@given(st.text())
def test_any_text_is_an_address_or_an_error(text_: str) -> None:
    """Nothing else comes out of it."""
    try:
        host, port = parse_address(text_)
    except InvalidOption:
        return
    assert host
    assert 0 <= port <= 65535


def test_a_shortage_of_files_is_survived(monkeypatch: pytest.MonkeyPatch) -> None:
    """A connection that can't be taken waits until it can."""
    with serve(Script(echo)) as listener:
        started = threading.Thread.start
        refused: list[threading.Thread] = []

        def start(thread: threading.Thread) -> None:
            if thread.name.startswith("serve ") and not refused:
                refused.append(thread)
                raise RuntimeError("can't start new thread")
            started(thread)

        monkeypatch.setattr(threading.Thread, "start", start)
        with pytest.raises(httpx.TransportError):
            httpx.get(listener.url, trust_env=False)
        assert httpx.get(listener.url, trust_env=False).status_code == 200
