"""What is under way is waited for, and nothing new begins."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import httpx
import pytest

from occystrap.proxy.turns import Turns
from occystrap.proxy.work import Work
from occystrap.server.doors.listener import serve
from occystrap.server.message import Headers, Request, Response
from tests.support.wire import error_code


class Slow:
    """Answers in two pieces, the second when it is let to."""

    def __init__(self) -> None:
        self.go_on = threading.Event()
        self.begun = threading.Event()

    def handle(self, request: Request) -> Response:
        """Answer, or fail."""
        if request.path == "/bug":
            raise ZeroDivisionError
        return Response(200, Headers({"Content-Length": "2"}), self._pieces())

    def _pieces(self) -> Iterator[bytes]:
        yield b"a"
        self.begun.set()
        assert self.go_on.wait(20)
        yield b"b"


def test_an_answer_under_way_is_waited_for() -> None:
    """To its last byte; who comes meanwhile is asked to come again."""
    slow = Slow()
    work = Work(slow)
    with serve(work) as listener, httpx.Client(base_url=listener.url, trust_env=False) as client:
        with client.stream("GET", "/") as response:
            assert slow.begun.wait(20)
            assert not work.end(0)
            refused = httpx.get(f"{listener.url}/", trust_env=False)
            assert (refused.status_code, error_code(refused)) == (503, "UNAVAILABLE")
            assert refused.headers["Retry-After"] == "10"
            slow.go_on.set()
            assert response.read() == b"ab"
        assert work.end(20)


def test_nothing_under_way_is_nothing_to_wait_for() -> None:
    """Also after answers without a body, and after a bug."""
    work = Work(Slow())
    with serve(work) as listener:
        assert httpx.head(f"{listener.url}/", trust_env=False).status_code == 200
        assert httpx.get(f"{listener.url}/bug", trust_env=False).status_code == 500
    assert work.end(20)


def test_turns_are_forgotten() -> None:
    """A name costs nothing when nobody is at it, however that has ended."""
    turns = Turns()
    with pytest.raises(ZeroDivisionError), turns.alone("a"), turns.alone("b"):
        raise ZeroDivisionError
    assert turns.names == []
