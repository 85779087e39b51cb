"""The HTTP/2 door in front of handlers that fail."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator

import pytest

from occystrap.server.message import Headers, Request, Response
from tests.server.doors.frames import Talk, talking
from tests.server.doors.scripts import Script

INTERNAL_ERROR = 2


@pytest.fixture
def talk_to() -> Iterator[Callable[[Callable[[Request], Response]], Talk]]:
    """Talk to a handler made of a function."""
    with contextlib.ExitStack() as stack:
        yield lambda function: stack.enter_context(talking(Script(function)))[0]


TalkTo = Callable[[Callable[[Request], Response]], Talk]


def raises(error: Exception) -> Callable[[Request], Response]:
    """Make a handler that gives no answer."""

    def answer(request: Request) -> Response:
        raise error

    return answer


def test_a_failing_handler_is_500(talk_to: TalkTo, caplog: pytest.LogCaptureFixture) -> None:
    """The log has the reason, and the connection goes on."""
    talk = talk_to(raises(ZeroDivisionError()))
    for _ in range(2):
        assert b"failed" in talk.finish(talk.ask())
    assert "ZeroDivisionError" in caplog.text


@pytest.mark.parametrize("fields", [{"X": "a\r\nInjected: b"}, {"X": "\u2713"}])
def test_headers_that_can_not_be_sent(
    talk_to: TalkTo, caplog: pytest.LogCaptureFixture, fields: dict[str, str]
) -> None:
    """The stream is reset, and the log says why."""
    talk = talk_to(lambda _: Response(200, Headers(fields)))
    assert talk.reset_code(talk.ask()) == INTERNAL_ERROR
    assert "broke down" in caplog.text
