"""The HTTP/2 door in front of handlers that fail."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator

import h2.errors
import h2.events
import pytest

from occystrap.server.message import (
    Garble,
    Headers,
    Request,
    ResetConnection,
    Response,
    StopReading,
)
from tests.server.doors.frames import Talk, talking
from tests.server.doors.scripts import Script, raises, text

INTERNAL_ERROR = 2


@pytest.fixture
def talk_to() -> Iterator[Callable[[Callable[[Request], Response]], Talk]]:
    """Talk to a handler made of a function."""
    with contextlib.ExitStack() as stack:
        yield lambda function: stack.enter_context(talking(Script(function)))[0]


TalkTo = Callable[[Callable[[Request], Response]], Talk]


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


def test_a_stream_that_nobody_reads_holds_up_no_other() -> None:
    """It gets no leave to send more, and the others are served meanwhile."""

    def answer(request: Request) -> Response:
        if request.method == "PUT":
            raise StopReading(60.0)
        return text(b"abc")

    with talking(Script(answer)) as (talk, _):
        number = talk.ask(method="PUT", end=False)
        talk.send(number, bytes(10_000))
        assert talk.finish(talk.ask()) == b"abc"
        assert not talk.heard(h2.events.WindowUpdated, number)
        assert not talk.heard(h2.events.StreamReset, number)


def test_a_stream_that_nobody_reads_is_reset_in_the_end() -> None:
    """And it alone."""
    with talking(Script(raises(StopReading(0.01)))) as (talk, _):
        number = talk.ask(method="PUT", end=False)
        talk.send(number, bytes(10_000))
        assert talk.reset_code(number) == h2.errors.ErrorCodes.INTERNAL_ERROR
        assert not talk.heard(h2.events.WindowUpdated, number)
        assert talk.reset_code(talk.ask()) == h2.errors.ErrorCodes.INTERNAL_ERROR


def test_a_stream_is_reset_at_once() -> None:
    """Nobody waits for the rest of the request, nor asks for it."""
    with talking(Script(raises(ResetConnection(7, at_once=True)))) as (talk, _):
        number = talk.ask(method="PUT", end=False)
        assert talk.reset_code(number) == h2.errors.ErrorCodes.REFUSED_STREAM


def test_garbage_waits_for_a_client_that_reads_slowly() -> None:
    """It is sent as the client takes it, and other streams end with it."""
    size = 16 * 1024 * 1024
    with talking(Script(raises(Garble([bytes(size // 16)] * 16)))) as (talk, _):
        talk.ask()
        received = bytearray()
        while piece := talk.socket.recv(65536):
            received += piece
    assert received.endswith(bytes(size))
