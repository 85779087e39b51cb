"""The HTTP/2 door, met with frames rather than with a client that behaves."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Iterator

import h2.events
import h2.settings
import pytest

from occystrap.server.message import (
    CloseConnection,
    GoAway,
    Headers,
    Request,
    RequestAborted,
    ResetConnection,
    Response,
    Stall,
)
from tests.server.doors.frames import Talk, talking
from tests.server.doors.scripts import Script, body_then, echo, text

PROTOCOL_ERROR = 1
INTERNAL_ERROR = 2
REFUSED_STREAM = 7
CANCEL = 8
ENHANCE_YOUR_CALM = 11


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


def test_streams_answer_side_by_side(talk_to: TalkTo) -> None:
    """One that waits for the rest of its request holds up none."""
    talk = talk_to(echo)
    slow = talk.ask(method="PUT", end=False)
    assert talk.finish(talk.ask(method="GET")) == b""
    talk.send(slow, b"abc", end=True)
    assert talk.finish(slow) == b"abc"


def test_trailers_are_ignored(talk_to: TalkTo) -> None:
    """They end the request, and that is all."""
    talk = talk_to(echo)
    number = talk.ask(method="PUT", end=False)
    talk.send(number, b"abc")
    talk.h2.send_headers(number, [("digest", "x")], end_stream=True)
    talk.flush()
    assert talk.finish(number) == b"abc"


def test_padding_is_no_part_of_a_body(talk_to: TalkTo) -> None:
    """Nor are empty frames."""
    talk = talk_to(echo)
    number = talk.ask(method="PUT", end=False)
    talk.h2.send_data(number, b"", pad_length=200)
    talk.h2.send_data(number, b"abc", pad_length=100)
    talk.send(number, b"", end=True)
    assert talk.finish(number) == b"abc"


def test_a_client_that_waits_to_be_asked_is_asked(talk_to: TalkTo) -> None:
    """100 comes when the handler begins to read, once, and the body after it."""
    talk = talk_to(echo)
    number = talk.ask(method="PUT", end=False, expect="100-continue")
    talk.until(lambda: bool(talk.heard(h2.events.InformationalResponseReceived)))
    talk.send(number, b"ab")
    talk.send(number, b"c", end=True)
    assert talk.finish(number) == b"abc"
    assert len(talk.heard(h2.events.InformationalResponseReceived)) == 1


def test_a_client_that_waits_to_be_asked_may_be_refused(talk_to: TalkTo) -> None:
    """Who isn't asked for the body needn't send it."""
    talk = talk_to(lambda _: text(b"no", 403))
    number = talk.ask(method="PUT", end=False, expect="100-continue")
    assert talk.finish(number) == b"no"
    assert talk.heard(h2.events.InformationalResponseReceived) == []


def test_a_client_that_waits_to_be_asked_may_be_reset(talk_to: TalkTo) -> None:
    """Without being asked first, and without waiting."""
    talk = talk_to(raises(ResetConnection()))
    number = talk.ask(method="PUT", end=False, expect="100-continue")
    assert talk.reset_code(number) == INTERNAL_ERROR


def test_head_has_a_length_and_no_body(talk_to: TalkTo) -> None:
    """END_STREAM comes with the head."""
    talk = talk_to(lambda _: text(b"abc"))
    number = talk.ask(method="HEAD")
    assert talk.finish(number) == b""
    (head,) = talk.heard(h2.events.ResponseReceived)
    assert isinstance(head, h2.events.ResponseReceived)
    assert (b"content-length", b"3") in head.headers


def test_what_speaks_of_connections_is_left_out(talk_to: TalkTo) -> None:
    """HTTP/2 forbids it."""
    fields = Headers({"Connection": "close", "Transfer-Encoding": "chunked", "X-Name": "value"})
    talk = talk_to(lambda _: Response(200, fields, (b"abc",)))
    assert talk.finish(talk.ask()) == b"abc"
    (head,) = talk.heard(h2.events.ResponseReceived)
    assert isinstance(head, h2.events.ResponseReceived)
    assert [(bytes(n), bytes(v)) for n, v in head.headers] == [
        (b":status", b"200"),
        (b"x-name", b"value"),
    ]


def too_short(talk: Talk, number: int) -> None:
    """Send two bytes of three."""
    talk.send(number, b"ab", end=True)


def too_long(talk: Talk, number: int) -> None:
    """Send four bytes of three, and no end."""
    talk.send(number, b"abcd")


def ended_by_trailers(talk: Talk, number: int) -> None:
    """Send two bytes of three, and trailers."""
    talk.send(number, b"ab")
    talk.h2.send_headers(number, [("digest", "x")], end_stream=True)
    talk.flush()


@pytest.mark.parametrize("send", [too_short, too_long, ended_by_trailers])
def test_a_request_of_the_wrong_length_ends_its_stream_only(
    talk_to: TalkTo, send: Callable[[Talk, int], None]
) -> None:
    """RST_STREAM with PROTOCOL_ERROR; the handler learns of it, and other streams go on."""
    aborted = threading.Event()

    def read(request: Request) -> Response:
        if request.method == "PUT":
            with pytest.raises(RequestAborted):
                list(request.body)
            aborted.set()
        return text(b"fine")

    talk = talk_to(read)
    number = talk.ask(method="PUT", end=False, content_length="3")
    send(talk, number)
    assert talk.reset_code(number) == PROTOCOL_ERROR
    assert talk.finish(talk.ask()) == b"fine"
    assert aborted.wait(20)


def test_a_client_that_resets_its_request(talk_to: TalkTo) -> None:
    """The handler learns that the rest won't come; the connection goes on."""
    aborted = threading.Event()

    def read(request: Request) -> Response:
        if request.method == "PUT":
            with pytest.raises(RequestAborted):
                list(request.body)
            aborted.set()
        return text(b"fine")

    talk = talk_to(read)
    number = talk.ask(method="PUT", end=False)
    talk.send(number, b"abc")
    talk.h2.reset_stream(number, CANCEL)
    talk.flush()
    assert aborted.wait(20)
    assert talk.finish(talk.ask()) == b"fine"


def test_a_client_that_resets_an_answer(talk_to: TalkTo) -> None:
    """The body is closed, even in the middle of a stall."""
    closed = threading.Event()

    def stalled() -> Iterator[bytes]:
        try:
            yield b"abc"
            yield Stall(3600.0)
        finally:
            closed.set()

    talk = talk_to(lambda _: Response(200, Headers({"Content-Length": "9"}), stalled()))
    number = talk.ask()
    talk.until(lambda: talk.body(number) == b"abc")
    talk.h2.reset_stream(number, CANCEL)
    talk.flush()
    assert closed.wait(20)


@pytest.mark.parametrize("code", [REFUSED_STREAM, ENHANCE_YOUR_CALM])
def test_a_reset_has_a_code(talk_to: TalkTo, code: int) -> None:
    """It is the handler's to choose, before the answer and in the middle of it."""
    length = Headers({"Content-Length": "9"})

    def reset(request: Request) -> Response:
        if request.path == "/before":
            raise ResetConnection(code)
        return Response(200, length, body_then((b"abc",), ResetConnection(code)))

    talk = talk_to(reset)
    assert talk.reset_code(talk.ask("/before")) == code
    number = talk.ask("/middle")
    assert talk.reset_code(number) == code
    assert talk.body(number) == b"abc"


def test_a_reset_of_the_whole_connection(talk_to: TalkTo) -> None:
    """TCP has its own; what was sent before arrives."""
    length = Headers({"Content-Length": "9"})
    talk = talk_to(lambda _: Response(200, length, body_then((b"abc",), ResetConnection(None))))
    number = talk.ask()
    with pytest.raises(ConnectionResetError):
        talk.until(lambda: False)
    assert talk.body(number) == b"abc"


def test_closing_ends_every_stream(talk_to: TalkTo) -> None:
    """The connection ends, without a word unless there is one."""

    def close(request: Request) -> Response:
        if request.path == "/close":
            raise CloseConnection
        return Response(200, Headers(), (b"abc", Stall(3600.0)))

    talk = talk_to(close)
    other = talk.ask()
    talk.until(lambda: talk.body(other) == b"abc")
    talk.ask("/close")
    while talk.hear():
        pass
    assert talk.heard(h2.events.ConnectionTerminated) == []


@pytest.mark.parametrize(("taken", "last"), [(True, 3), (False, 1)])
def test_a_goodbye_before_closing(talk_to: TalkTo, *, taken: bool, last: int) -> None:
    """It says whether the request was looked at."""

    def close(request: Request) -> Response:
        if request.path == "/close":
            raise CloseConnection(GoAway(ENHANCE_YOUR_CALM, taken=taken))
        return text(b"fine")

    talk = talk_to(close)
    assert talk.finish(talk.ask()) == b"fine"
    talk.ask("/close")
    assert talk.goodbye() == (ENHANCE_YOUR_CALM, last)


def test_a_goodbye_is_nothing_to_other_doors() -> None:
    """They take it for a stall of no time."""
    assert GoAway().seconds == 0
    assert bytes(GoAway()) == b""


def test_closing_the_listener_says_goodbye() -> None:
    """GOAWAY with the last stream that was looked at, and then the end."""
    with talking(Script(echo)) as (talk, listener):
        talk.finish(talk.ask())
        talk.finish(talk.ask())
        listener.close()
        assert talk.goodbye() == (0, 3)
