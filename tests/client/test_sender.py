"""How a question is put to a client, be it one of httpx or a double."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from unittest.mock import MagicMock, Mock, create_autospec, patch

import httpx
import pytest

from occystrap.client.ask import BODY_LIMIT, Ask
from occystrap.client.sender import sender_for
from occystrap.client.transports import LARGE

URL = "https://registry.example/v2/a/blobs/x"


@dataclass
class Content:
    """A body of some size, and how often it was opened."""

    size: int
    opened: int = 0

    def open(self) -> Iterator[bytes]:
        """Yield it."""
        self.opened += 1
        yield bytes(self.size)


class Wire(httpx.MockTransport):
    """Answers every request, and keeps it."""

    def __init__(self) -> None:
        super().__init__(self.answer)
        self.requests: list[httpx.Request] = []

    def answer(self, request: httpx.Request) -> httpx.Response:
        """Say where to go on; nobody goes there."""
        request.read()
        self.requests.append(request)
        return httpx.Response(307, headers={"Location": "/elsewhere"})


def sent(ask: Ask, *, foreign: bool = False, **client: Any) -> httpx.Request:
    """Send a question through a client of httpx, and return what left."""
    wire = Wire()
    with httpx.Client(transport=wire, follow_redirects=True, **client) as http:
        assert sender_for(http).send(ask, foreign=foreign).status == 307
    (request,) = wire.requests
    return request


def test_at_home_the_client_adds_what_it_has() -> None:
    """Its headers, cookies and login go to the host that was asked for, and its timeouts count."""
    request = sent(
        Ask("GET", URL, {"Accept": "x/y"}),
        headers={"X-Api-Key": "k"},
        cookies={"c": "1"},
        auth=("alice", "sesame"),
        timeout=7,
    )
    assert request.headers["X-Api-Key"] == "k"
    assert request.headers["Cookie"] == "c=1"
    assert request.headers["Accept"] == "x/y"
    assert request.headers["Authorization"].startswith("Basic ")
    assert request.extensions["timeout"]["read"] == 7


@pytest.mark.parametrize(
    "ask",
    [
        Ask("GET", URL, {"authorization": "Bearer t"}),
        Ask("GET", URL, basic=("bob", "other")),
    ],
)
def test_a_login_of_the_question_beats_that_of_the_client(ask: Ask) -> None:
    """Only one Authorization leaves."""
    request = sent(ask, auth=("alice", "sesame"))
    expected = "Bearer t" if ask.basic is None else "Basic Ym9iOm90aGVy"
    assert request.headers.get_list("Authorization") == [expected]


def test_elsewhere_only_the_name_of_the_client_is_known() -> None:
    """To another origin go the headers of the question, and what the program is called."""
    request = sent(
        Ask("GET", "https://cdn.example/b", {"Range": "bytes=1-"}),
        foreign=True,
        headers={"X-Api-Key": "k", "User-Agent": "me/1"},
        cookies={"c": "1"},
        auth=("alice", "sesame"),
        timeout=7,
    )
    assert dict(request.headers) == {
        "host": "cdn.example",
        "range": "bytes=1-",
        "user-agent": "me/1",
    }
    assert request.extensions["timeout"]["read"] == 7
    assert LARGE in request.extensions


def test_a_body_is_streamed_with_its_length() -> None:
    """A body that can be opened is sent with Content-Length, not in chunks."""
    body = Content(10_000_000)
    request = sent(Ask("PUT", URL, content=body))
    assert request.headers["Content-Length"] == "10000000"
    assert "Transfer-Encoding" not in request.headers
    assert body.opened == 1


DOUBLES = {
    "MagicMock": MagicMock,
    "Mock": Mock,
    "spec": lambda: Mock(spec=httpx.Client),
    "autospec": lambda: create_autospec(httpx.Client, instance=True),
}


@pytest.mark.parametrize("make", DOUBLES.values(), ids=DOUBLES)
def test_a_double_gets_method_and_url_by_position(make: Any) -> None:
    """Mocks of every kind are driven through `request`, tokens through `get`."""
    client = make()
    for method in (client.request, client.get):
        method.return_value.status_code = 202
        method.return_value.headers = {"location": "/x"}
    answer = sender_for(client).send(Ask("POST", URL, {"A": "b"}, b"x"), foreign=False)
    client.request.assert_called_once_with("POST", URL, headers={"A": "b"}, content=b"x")
    assert answer.headers["Location"] == "/x"
    ask = Ask("GET", "https://auth.example/token", basic=("alice", "sesame"), for_token=True)
    sender_for(client).send(ask, foreign=False)
    client.get.assert_called_once_with("https://auth.example/token", auth=("alice", "sesame"))


def test_a_token_that_has_to_be_posted_is() -> None:
    """Only the GET for a token goes through `get`."""
    client = MagicMock()
    sender_for(client).send(Ask("POST", URL, for_token=True), foreign=False)
    client.get.assert_not_called()


@pytest.mark.parametrize("size", [0, 10, BODY_LIMIT])
def test_a_double_gets_a_small_body_as_bytes(size: int) -> None:
    """A test can look at it after the call."""
    client = MagicMock()
    sender_for(client).send(Ask("PUT", URL, content=Content(size)), foreign=False)
    assert client.request.call_args.kwargs["content"] == bytes(size)


def test_a_double_gets_a_large_body_to_iterate() -> None:
    """It is opened each time anew, and not held in memory."""
    client, body = MagicMock(), Content(BODY_LIMIT + 1)
    sender_for(client).send(Ask("PUT", URL, content=body), foreign=False)
    content = client.request.call_args.kwargs["content"]
    assert body.opened == 0
    assert [sum(map(len, content)) for _ in range(2)] == [BODY_LIMIT + 1] * 2
    assert body.opened == 2


def test_a_client_whose_request_was_patched_is_a_double() -> None:
    """`mock.patch.object(httpx.Client, "request")` sees every request, by class or by instance."""
    with httpx.Client() as client:
        with patch.object(httpx.Client, "request") as request:
            sender_for(client).send(Ask("GET", URL), foreign=False)
            request.assert_called_once()
        with patch.object(client, "request") as request:
            sender_for(client).send(Ask("GET", URL), foreign=False)
            request.assert_called_once()


def test_a_client_with_a_request_of_its_own_is_asked_through_it() -> None:
    """A subclass that changes `request` keeps its say; one that changes nothing is like httpx."""

    class Plain(httpx.Client):
        """Nothing changed."""

    class Own(httpx.Client):
        """Answers by itself."""

        def request(self, method: Any, url: Any, **options: Any) -> httpx.Response:
            """Answer."""
            return httpx.Response(299)

    wire = Wire()
    with Own(transport=wire) as own, Plain(transport=wire) as plain:
        assert sender_for(own).send(Ask("GET", URL), foreign=False).status == 299
        assert sender_for(plain).send(Ask("GET", URL), foreign=False).status == 307
