"""Questions that hide what may be secret, and answers of any kind of response."""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterator
from types import MappingProxyType, SimpleNamespace
from typing import Any
from unittest.mock import MagicMock

import httpx
import pytest

from occystrap.client.ask import BODY_LIMIT, Answer, Ask
from occystrap.errors import InvalidManifest

URL = "https://registry.example/v2/a/blobs/x?sig=secret"


class Stream(httpx.SyncByteStream):
    """A body that says whether it was closed, and may break."""

    def __init__(self, *chunks: bytes, error: Exception | None = None) -> None:
        self.chunks = chunks
        self.error = error
        self.closed = False

    def __iter__(self) -> Iterator[bytes]:
        """Yield the chunks, then fail."""
        yield from self.chunks
        if self.error is not None:
            raise self.error

    def close(self) -> None:
        """Take note."""
        self.closed = True


def test_the_repr_of_a_question_holds_no_secret() -> None:
    """Headers, URL, body and login stay out of tracebacks."""
    ask = Ask("GET", URL, {"Authorization": "secret"}, b"secret", basic=("alice", "secret"))
    assert "secret" not in repr(ask)


def test_an_answer_is_read_raw_and_closed() -> None:
    """What was sent is what is read, encoded or not, and kept."""
    raw = gzip.compress(b"text")
    stream = Stream(raw[:5], raw[5:])
    answer = Answer(httpx.Response(200, headers={"Content-Encoding": "gzip"}, stream=stream), URL)
    assert answer.read() == raw
    assert answer.read() == raw
    assert stream.closed
    assert answer.headers["Content-Encoding"] == "gzip"


def test_an_answer_made_whole_is_read_as_httpx_decoded_it() -> None:
    """What httpx has decoded already no longer counts as encoded."""
    headers = {"Content-Encoding": "gzip", "X": "y"}
    response = httpx.Response(200, headers=headers, content=gzip.compress(b"text"))
    answer = Answer(response, URL)
    assert answer.read() == b"text"
    assert dict(answer.headers)["x"] == "y"
    assert "Content-Encoding" not in answer.headers
    assert "Content-Encoding" in response.headers


def test_an_answer_that_is_too_long_is_refused_and_closed() -> None:
    """The message names the URL without its secrets."""
    stream = Stream(b"x" * 10, b"x" * 10)
    with pytest.raises(InvalidManifest, match="over 15 bytes") as caught:
        Answer(httpx.Response(200, stream=stream), URL).read(15)
    assert stream.closed
    assert "secret" not in str(caught.value)


def test_an_answer_that_breaks_is_closed() -> None:
    """The connection isn't kept for a body that will never end."""
    stream = Stream(b"x", error=httpx.ReadError("reset"))
    with pytest.raises(httpx.ReadError):
        Answer(httpx.Response(200, stream=stream), URL).read()
    assert stream.closed


@pytest.mark.parametrize("error", [None, httpx.ReadError("reset")])
def test_of_an_error_so_much_is_read_as_there_is(error: Exception | None) -> None:
    """A body that breaks is quoted as far as it came, a long one up to the limit."""
    stream = Stream(b"abc", b"def", error=error)
    answer = Answer(httpx.Response(500, stream=stream), URL)
    assert answer.peek_error() == b"abcdef"
    assert answer.peek_error() == answer.read() == b"abcdef"
    assert stream.closed
    long = Stream(b"x" * 10, b"y" * 10, b"z" * 10)
    assert Answer(httpx.Response(500, stream=long), URL).peek_error(12) == b"x" * 10 + b"yy"
    assert long.closed


def test_leaving_the_block_closes_the_answer() -> None:
    """Also when its body wasn't read."""
    stream = Stream(b"x")
    with Answer(httpx.Response(204, stream=stream), URL) as answer:
        assert answer.ok
    assert stream.closed


@pytest.mark.parametrize(("status", "ok"), [(199, False), (200, True), (206, True), (300, False)])
def test_every_2xx_is_a_success(status: int, ok: bool) -> None:
    """W-22: 201, 202 and 206 are no errors."""
    assert Answer(httpx.Response(status), URL).ok is ok


@pytest.mark.parametrize(
    ("attributes", "body"),
    [
        ({"content": b"bytes", "text": "text"}, b"bytes"),
        ({"text": "text"}, b"text"),
        ({"json": lambda: {"token": "t"}}, b'{"token": "t"}'),
        ({"json": MagicMock()}, b""),
        ({"json": MagicMock(side_effect=ValueError("no JSON"))}, b""),
        ({}, b""),
    ],
)
def test_the_body_of_a_double_is_found(attributes: dict[str, Any], body: bytes) -> None:
    """Bytes, else text, else what it says is its JSON; a double needs none of them, nor close."""
    double = SimpleNamespace(status_code=201, headers={}, **attributes)
    with Answer(double, URL) as answer:
        assert answer.read() == body
        assert answer.status == 201


def test_a_mock_with_json_is_read_as_json() -> None:
    """All other attributes of a mock are mocks, and count as absent."""
    double = MagicMock()
    double.json.return_value = {"token": "t"}
    answer = Answer(double, URL)
    assert json.loads(answer.read()) == {"token": "t"}
    assert answer.ok
    assert not answer.headers
    double.close.assert_called()


@pytest.mark.parametrize(
    "headers",
    [
        {"LOCATION": "/x", "n": 1},
        MappingProxyType({"location": "/x"}),
        httpx.Headers({"Location": "/x"}),
    ],
)
def test_headers_are_found_in_any_case(headers: Any) -> None:
    """In a plain dict, too; what is no text is left out."""
    double = SimpleNamespace(status_code=202, headers=headers)
    assert dict(Answer(double, URL).headers) == {"location": "/x"}


def test_a_limit_is_large_enough_for_manifests() -> None:
    """A manifest of 4 MiB, the largest that registries take, is read."""
    content = bytes(BODY_LIMIT)
    assert Answer(httpx.Response(200, content=content), URL).read() == content
