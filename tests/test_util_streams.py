"""request_url: streams, whose client is closed when, and the pace of many threads."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from typing import Any
from unittest.mock import MagicMock

import httpx
import pytest

from occystrap import util
from occystrap.server.doors.in_process import InProcessTransport
from occystrap.server.doors.listener import serve
from occystrap.server.registry import Registry
from tests.support.clock import FakeClock
from tests.support.handlers import Front, status
from tests.support.scripted import Script

URL = "https://registry.example/v2/"


@pytest.fixture
def own_clients(monkeypatch: pytest.MonkeyPatch) -> list[httpx.Client]:
    """The clients that are made because none was given."""
    made: list[httpx.Client] = []

    def note(**options: Any) -> httpx.Client:
        made.append(util.create_client(**options))
        return made[-1]

    monkeypatch.setattr("occystrap.client.session.create_client", note)
    return made


def scripted(*steps: Any, **options: Any) -> tuple[httpx.Client, Script]:
    """Make a client that follows a script."""
    script = Script(*steps)
    return httpx.Client(transport=httpx.MockTransport(script), **options), script


READERS: dict[str, Callable[[httpx.Response], Iterator[bytes]]] = {
    "raw": lambda response: response.iter_raw(3),
    "bytes": lambda response: response.iter_bytes(3),
}


@pytest.mark.parametrize("read", READERS.values(), ids=READERS)
@pytest.mark.parametrize("whole", [True, False])
def test_a_stream_is_open_until_it_is_closed(
    whole: bool, read: Callable[[httpx.Response], Iterator[bytes]]
) -> None:
    """The caller iterates, raw or decoded, over a mock as over a wire, and then closes."""
    answer = (
        httpx.Response(206, content=b"abcdef")
        if whole
        else httpx.Response(206, stream=httpx.ByteStream(b"abcdef"))
    )
    client, _ = scripted(answer)
    response = util.request_url("GET", URL, stream=True, client=client)
    assert response.status_code == 206
    assert not response.is_closed
    assert list(read(response)) == [b"abc", b"def"]
    response.close()


def test_a_stream_that_fails_to_open_is_an_error() -> None:
    """Streams have their retries and errors, too."""
    client, script = scripted(httpx.Response(503))
    with pytest.raises(util.APIException):
        util.request_url("GET", URL, stream=True, retries=0, client=client)
    assert len(script.requests) == 1


def test_a_client_of_its_own_is_closed_with_the_answer(own_clients: list[httpx.Client]) -> None:
    """Read whole: at once. Streamed: when the caller closes, or has read all. Failed: at once."""
    with serve(Front(Registry(), {"GET other": [status(404)]})) as listener:
        url = f"{listener.url}/v2/"
        assert util.request_url("GET", url).status_code == 200
        assert own_clients[-1].is_closed

        response = util.request_url("GET", url, stream=True)
        assert not own_clients[-1].is_closed
        response.close()
        assert own_clients[-1].is_closed

        response = util.request_url("GET", url, stream=True)
        response.read()
        assert own_clients[-1].is_closed

        with pytest.raises(util.APIException):
            util.request_url("GET", f"{listener.url}/other")
        assert own_clients[-1].is_closed
    assert len(own_clients) == 4


def test_a_client_that_was_given_stays_open(own_clients: list[httpx.Client]) -> None:
    """Whatever becomes of the request."""
    transport = InProcessTransport(Front(Registry(), {"GET other": [status(404)]}))
    with httpx.Client(transport=transport) as client:
        util.request_url("GET", URL, client=client)
        util.request_url("GET", URL, stream=True, client=client).close()
        with pytest.raises(util.APIException):
            util.request_url("GET", "https://registry.example/other", client=client)
        assert not client.is_closed
    assert own_clients == []


def test_a_session_that_fails_to_close_is_closed_nevertheless(
    own_clients: list[httpx.Client], monkeypatch: pytest.MonkeyPatch
) -> None:
    """An answer that can't be closed keeps no client open."""

    class Stuck(httpx.SyncByteStream):
        """A body that can't be closed."""

        def __iter__(self) -> Iterator[bytes]:
            """Yield nothing."""
            yield b""

        def close(self) -> None:
            """Fail."""
            raise OSError("stuck")

    transport = httpx.MockTransport(lambda _: httpx.Response(200, stream=Stuck()))
    own = httpx.Client(transport=transport)
    monkeypatch.setattr("occystrap.client.session.create_client", lambda **_: own)
    response = util.request_url("GET", URL, stream=True)
    with pytest.raises(OSError, match="stuck"):
        response.close()
    assert own.is_closed


def test_a_double_is_asked_and_its_answer_returned() -> None:
    """A mock gets method and URL by position, and what it returns comes back as it is."""
    client = MagicMock()
    client.request.return_value.status_code = 200
    for stream in (False, True):
        answer = util.request_url("GET", URL, {"A": "b"}, stream=stream, client=client)
        assert answer is client.request.return_value
    assert client.request.call_args.args == ("GET", URL)
    client.close.assert_not_called()


def test_a_rate_limiter_holds_every_attempt() -> None:
    """W-2: it is acquired once a request, redirects and retries included."""
    clock = FakeClock()
    limiter = util.RateLimiter(4, clock=clock, sleep=clock.sleep)
    client, script = scripted(
        httpx.Response(302, headers={"Location": "/x"}), httpx.Response(503), httpx.Response(200)
    )
    util.request_url("GET", URL, client=client, rate_limiter=limiter)
    assert len(script.requests) == 3
    assert clock.slept == [0.25, 0.25]


def test_a_rate_limit_holds_for_all_threads_together() -> None:
    """W-2: a server that notes arrivals sees no two requests closer than the limit allows."""
    arrivals: list[float] = []

    class Noting:
        """Notes when requests come."""

        def handle(self, request: Any) -> Any:
            """Take note, and answer."""
            arrivals.append(time.monotonic())
            return Registry().handle(request)

    limiter = util.RateLimiter(50)
    with serve(Noting()) as listener, util.create_client() as client:
        url = f"{listener.url}/v2/"

        def ask() -> None:
            for _ in range(3):
                util.request_url("GET", url, client=client, rate_limiter=limiter)

        threads = [threading.Thread(target=ask) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert len(arrivals) == 12
    # 11 intervals of 20 ms, less what a busy machine may delay the first arrival.
    assert max(arrivals) - min(arrivals) > 11 * 0.02 / 2
