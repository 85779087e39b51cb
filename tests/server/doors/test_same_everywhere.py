"""What a handler does to a client is the same through every door."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import pytest

from occystrap.server.message import (
    CloseConnection,
    Handler,
    Headers,
    Request,
    ResetConnection,
    Response,
    Stall,
)
from tests.server.doors.scripts import Answer, Script, body_then, echo, raises, text
from tests.server.doors.ways import WAYS, Error, Way, ask

BODY = b"0123456789" * 10_000
LENGTH = {"Content-Length": str(len(BODY))}
TOO_LONG = len(BODY) + 1
NOTHING = Error.NOTHING
Reach = Callable[[Handler], httpx.Client]


def answers(*pieces: bytes, then: Exception | None = None, length: int | None = None) -> Answer:
    """Make a handler that answers 200 with these pieces."""
    fields = {} if length is None else {"Content-Length": str(length)}
    return lambda _request: Response(200, Headers(fields), body_then(pieces, then))


#: What a handler does, and what the client meets: status, bytes, and what is wrong.
CASES: dict[str, tuple[Answer, int | None, bytes, Error]] = {
    "whole": (answers(BODY, length=len(BODY)), 200, BODY, NOTHING),
    "whole, in pieces": (answers(BODY[:7], b"", BODY[7:], length=len(BODY)), 200, BODY, NOTHING),
    "whole, of unknown length": (answers(BODY[:7], b"", BODY[7:]), 200, BODY, NOTHING),
    "nothing, of unknown length": (answers(), 200, b"", NOTHING),
    "longer than it says": (answers(BODY, length=5), 200, BODY[:5], NOTHING),
    "longer than it says, in pieces": (answers(b"abc", BODY, length=5), 200, b"abc01", NOTHING),
    "shorter than it says": (answers(BODY, length=TOO_LONG), 200, BODY, Error.TOO_SHORT),
    "closed in the middle": (
        answers(BODY, then=CloseConnection(), length=TOO_LONG),
        200,
        BODY,
        Error.CLOSED,
    ),
    "closed in the middle, of unknown length": (
        answers(BODY, then=CloseConnection()),
        200,
        BODY,
        Error.CLOSED,
    ),
    "reset in the middle": (
        answers(BODY, then=ResetConnection(), length=TOO_LONG),
        200,
        BODY,
        Error.RESET,
    ),
    "reset behind the head": (
        answers(then=ResetConnection(), length=1),
        200,
        b"",
        Error.RESET,
    ),
    "closed behind the head": (answers(then=CloseConnection(), length=1), 200, b"", Error.CLOSED),
    "reset without an answer": (raises(ResetConnection()), None, b"", Error.RESET_WITHOUT_ANSWER),
    "closed without an answer": (raises(CloseConnection()), None, b"", Error.CLOSED_WITHOUT_ANSWER),
    "stalled for too long": (
        answers(BODY, Stall(60.0), BODY, length=2 * len(BODY)),
        200,
        BODY,
        Error.SILENT,
    ),
    "stalled for a moment": (
        answers(BODY[:5], Stall(0.001), BODY[5:], length=len(BODY)),
        200,
        BODY,
        NOTHING,
    ),
    "no content": (lambda _request: Response(204), 204, b"", NOTHING),
    "not modified": (
        lambda _request: Response(304, Headers(LENGTH), body_then((BODY,))),
        304,
        b"",
        NOTHING,
    ),
}


@pytest.fixture(params=WAYS, ids=lambda way: way.name)
def way(request: pytest.FixtureRequest) -> Way:
    """A door."""
    found: Way = request.param
    return found


@pytest.fixture
def reach(way: Way, tmp_path: Path) -> Iterator[Reach]:
    """Put a handler behind the door; return a client at that door."""
    with contextlib.ExitStack() as stack:
        yield lambda handler: stack.enter_context(way.to(handler, tmp_path))


@pytest.mark.parametrize("case", CASES)
def test_what_a_client_meets(way: Way, reach: Reach, case: str) -> None:
    """The status, the bytes that came, and the exception with its words."""
    answer, status, received, error = CASES[case]
    length = answer(Request("GET", "/")).headers.get("Content-Length") if status else None
    expected = None if length is None else int(length)
    patience = 0.2 if error is Error.SILENT else 20
    met = ask(reach(Script(answer)), timeout=patience)
    assert met == (status, received, *way.says(error, len(received), expected))


@pytest.mark.parametrize("case", ["whole", "shorter than it says", "reset in the middle"])
def test_head_has_no_body_to_break(reach: Reach, case: str) -> None:
    """A HEAD never touches the body, whatever there is to come."""
    assert ask(reach(Script(CASES[case][0])), "HEAD") == (200, b"", "", "")


def test_the_handler_sees_the_request(way: Way, reach: Reach) -> None:
    """Method, path and query, headers with duplicates, body and host."""
    script = Script(echo)
    client = reach(script)
    headers = [("X-Name", "one"), ("x-name", "two")]
    url = "/v2/a%2Fb/?n=1&last=%C3%A4+b&empty="
    response = client.put(url, headers=headers, content=iter([b"ab", b"c"]))
    (request,) = script.requests
    assert response.content == b"abc"
    assert (request.method, request.path) == ("PUT", "/v2/a%2Fb/")
    assert request.query == (("n", "1"), ("last", "ä b"), ("empty", ""))
    assert request.headers.get_all("X-NAME") == ("one", "two")
    assert request.headers.get("Transfer-Encoding") == (None if way.http2 else "chunked")
    assert request.host == request.headers.get("Host") == client.base_url.netloc.decode()
    assert request.scheme == client.base_url.scheme
    assert request.door == way.name.partition(" ")[0]


def test_the_handler_can_see_the_target_letter_by_letter(reach: Reach) -> None:
    """Also what httpx would have written otherwise, and what decoding loses."""
    script = Script(echo)
    target = '/v2/../a%2fb?sig=a+b%2f%2F&&x&q="1"'
    reach(script).get("/", extensions={"target": target.encode()})
    (request,) = script.requests
    assert request.target == target
    assert request.path == "/v2/../a%2fb"
    assert request.query == (("sig", "a b//"), ("x", ""), ("q", '"1"'))


def test_every_header_of_an_answer_arrives(reach: Reach) -> None:
    """In their order, duplicates and all that is in Latin-1."""
    fields = [("Link", "<a>"), ("X-Umlaut", "\xe4"), ("Link", "<b>"), ("Content-Length", "0")]
    response = reach(Script(lambda _: Response(200, Headers(fields)))).get("/")
    assert response.headers.get_list("Link") == ["<a>", "<b>"]
    assert response.headers.raw[1][1] == b"\xe4"


@pytest.mark.parametrize("size", [0, 1, 5_000_000])
def test_bodies_of_every_size_go_both_ways(reach: Reach, size: int) -> None:
    """What is sent is what comes back."""
    content = (b"0123456789abcde\n" * (size // 16 + 1))[:size]
    assert reach(Script(echo)).post("/", content=content).content == content


@pytest.mark.parametrize(("sent", "declared"), [(b"ab", 3), (b"abcd", 3)])
def test_a_request_has_to_be_as_long_as_it_says(
    way: Way, reach: Reach, sent: bytes, declared: int
) -> None:
    """The client breaks off by itself or is told so; the handler isn't told that all is well."""
    finished = []

    def read(request: Request) -> Response:
        finished.append(b"".join(request.body))
        return text(b"")

    client = reach(Script(read))
    said = "error_code:1," if way.http2 else "data for declared Content-Length"
    with pytest.raises(Exception, match=said) as caught:
        client.post("/", content=iter([sent]), headers={"Content-Length": str(declared)})
    assert type(caught.value).__module__.startswith("httpx" if way.http2 else "h11")
    assert finished == []


def test_an_early_answer_is_received(reach: Reach) -> None:
    """A handler may refuse without reading; the client gets to know, and sends all the same."""
    sent = []

    def pieces() -> Iterator[bytes]:
        for number in range(100):
            sent.append(number)
            yield bytes(10_000)

    client = reach(Script(lambda _: text(b"too big", 413)))
    response = client.post("/", content=pieces())
    assert (response.status_code, response.content) == (413, b"too big")
    assert len(sent) == 100
    assert client.get("/").status_code == 413


@pytest.mark.parametrize("case", ["reset without an answer", "closed without an answer"])
def test_a_request_is_sent_even_if_nobody_wants_it(way: Way, reach: Reach, case: str) -> None:
    """A body can't be sent again unless it is made again, whatever became of the first attempt."""
    sent = []

    def pieces() -> Iterator[bytes]:
        for number in range(100):
            sent.append(number)
            yield bytes(100_000)

    answer, _, _, error = CASES[case]
    with pytest.raises(httpx.TransportError) as caught:
        reach(Script(answer)).put("/", content=pieces())
    assert (type(caught.value).__name__, str(caught.value)) == way.says(error, 0, None)
    assert len(sent) == 100


def test_an_error_of_the_client_itself_reaches_it(
    reach: Reach,
) -> None:
    """What the request's body raises comes out of the client, and ends the request."""

    def pieces() -> Iterator[bytes]:
        yield b"abc"
        raise ValueError("the file is gone")

    with pytest.raises(ValueError, match="the file is gone"):
        reach(Script(echo)).post("/", content=pieces())
