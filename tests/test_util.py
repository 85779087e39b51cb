"""The public face of the HTTP layer keeps its names, its signatures and its promises."""

from __future__ import annotations

import gzip
import inspect
from typing import Any

import httpx
import pytest

from occystrap import errors, util
from tests.support.scripted import Script

URL = "https://registry.example/v2/"


def scripted(*steps: Any, **options: Any) -> tuple[httpx.Client, Script]:
    """Make a client that follows a script."""
    script = Script(*steps)
    return httpx.Client(transport=httpx.MockTransport(script), **options), script


def test_every_public_name_is_there() -> None:
    """Scripts import these."""
    assert all(getattr(util, name) is not None for name in util.__all__)
    assert util.MAX_RETRIES == 3
    assert util.APIException is errors.APIException
    assert util.UnauthorizedException is errors.UnauthorizedException


def test_the_signatures_are_the_public_ones() -> None:
    """Names, order and defaults are what scripts lean on; new parameters are keyword-only."""
    asked = list(inspect.signature(util.request_url).parameters.values())
    assert {p.kind for p in asked[9:]} == {inspect.Parameter.KEYWORD_ONLY}
    assert [(p.name, p.default) for p in asked[:9]] == [
        ("method", inspect.Parameter.empty),
        ("url", inspect.Parameter.empty),
        ("headers", None),
        ("data", None),
        ("stream", False),
        ("auth", None),
        ("retries", 3),
        ("client", None),
        ("rate_limiter", None),
    ]
    parameters = list(inspect.signature(util.create_client).parameters.values())
    assert [(p.name, p.default) for p in parameters[:2]] == [("http2", True), ("rate_limit", None)]
    assert {p.kind for p in parameters[2:]} == {inspect.Parameter.KEYWORD_ONLY}
    assert next(iter(inspect.signature(util.RateLimiter).parameters)) == "rate"


@pytest.mark.parametrize(
    ("data", "headers", "body", "content_type"),
    [
        (None, None, b"", None),
        (b"\x00", None, b"\x00", None),
        ("t\u00e9xt", {"Content-Type": "text/plain"}, "t\u00e9xt".encode(), "text/plain"),
        ({"a": [1]}, None, b'{"a": [1]}', "application/json"),
        ([], {"content-type": "x/y"}, b"[]", "x/y"),
    ],
)
def test_data_is_sent_as_it_is_or_as_json(
    data: object, headers: dict[str, str] | None, body: bytes, content_type: str | None
) -> None:
    """Bytes and text stay, all else is JSON; a Content-Type of one's own counts, in any case."""
    client, script = scripted(httpx.Response(200))
    given = dict(headers or {})
    util.request_url("POST", URL, headers, data, client=client)
    assert script.bodies == [body]
    (request,) = script.requests
    assert request.headers.get_list("Content-Type") == ([content_type] if content_type else [])
    assert (headers or {}) == given


def test_an_answer_can_be_looked_at_like_any_of_httpx() -> None:
    """Status, headers, bytes, text, JSON, URL and request are there; nothing is open any more."""
    client, script = scripted(
        httpx.Response(302, headers={"Location": "/moved"}),
        httpx.Response(201, json={"a": 1}, headers={"X": "y"}),
    )
    response = util.request_url("GET", URL, {"A": "b"}, client=client)
    assert (response.status_code, response.headers["x"]) == (201, "y")
    assert (response.json(), response.content) == ({"a": 1}, b'{"a":1}')
    assert str(response.url) == "https://registry.example/moved"
    assert response.request is script.requests[1]
    assert response.is_closed


def test_a_login_goes_out_as_basic() -> None:
    """`auth` is a pair of user name and password."""
    client, script = scripted(httpx.Response(200))
    util.request_url("GET", URL, auth=("alice", "sesame"), client=client)
    assert script.requests[0].headers["Authorization"] == "Basic YWxpY2U6c2VzYW1l"


@pytest.mark.parametrize("trouble", [httpx.Response(503), httpx.ReadTimeout("slow")])
def test_what_may_pass_is_tried_again(trouble: Any) -> None:
    """`retries` more times, and not once more."""
    client, script = scripted(trouble)
    with pytest.raises(errors.ExchangeError):
        util.request_url("GET", URL, retries=1, client=client)
    assert len(script.requests) == 2
    client, script = scripted(trouble, httpx.Response(200))
    assert util.request_url("GET", URL, retries=1, client=client).status_code == 200


@pytest.mark.parametrize(
    ("code", "kind"), [(401, util.UnauthorizedException), (404, util.APIException)]
)
def test_an_error_has_six_args_and_attributes(code: int, kind: type[errors.APIException]) -> None:
    """Message, method, url, status, text, headers: unpacked or by name."""
    body = {"errors": [{"code": "DENIED", "message": "no"}]}
    client, _ = scripted(httpx.Response(code, json=body, headers={"Retry-After": "1"}))
    with pytest.raises(util.APIException) as caught:
        util.request_url("GET", URL, client=client)
    error = caught.value
    assert type(error) is kind
    message, method, url, number, text, headers = error.args
    assert (message, method, url, number) == (str(error), "GET", URL, code)
    assert (text, headers["retry-after"]) == ("DENIED: no", "1")
    assert (error.status, error.text, error.headers) == (code, text, headers)


def test_a_body_of_any_size_is_returned() -> None:
    """The limit of manifests isn't one of blobs."""
    content = bytes(5 * 1024 * 1024)
    client, _ = scripted(httpx.Response(200, content=content))
    assert util.request_url("GET", URL, client=client).content == content


@pytest.mark.parametrize("stream", [True, False])
@pytest.mark.parametrize("whole", [True, False])
def test_an_encoded_answer_is_decoded_once(stream: bool, whole: bool) -> None:
    """Whether it came over a wire or was made whole by a mock."""
    raw = gzip.compress(b"text")
    answer = (
        httpx.Response(200, headers={"Content-Encoding": "gzip"}, content=raw)
        if whole
        else httpx.Response(200, headers={"Content-Encoding": "gzip"}, stream=httpx.ByteStream(raw))
    )
    client, _ = scripted(answer)
    assert util.request_url("GET", URL, stream=stream, client=client).read() == b"text"


def test_an_answer_that_can_t_be_decoded_is_an_error_with_a_name() -> None:
    """A gzip that is none ends in an error of our own."""
    headers = {"Content-Encoding": "gzip"}
    client, _ = scripted(httpx.Response(200, headers=headers, stream=httpx.ByteStream(b"junk")))
    with pytest.raises(errors.TransportError, match="DecodingError"):
        util.request_url("GET", URL, client=client)


def test_a_session_can_count() -> None:
    """`open_session` takes the counts of a run."""
    stats = util.RequestStats()
    client, _ = scripted(httpx.Response(200))
    with util.open_session(client, retries=0, stats=stats) as opened:
        assert opened.traffic.stats is stats
        assert opened.traffic.policy.retries == 0
    assert not client.is_closed


@pytest.mark.parametrize(
    ("size", "text"),
    [
        (None, "N/A"),
        (0, "0 B"),
        (1023, "1023 B"),
        (1024, "1.0 KB"),
        (1536, "1.5 KB"),
        (1024**2, "1.0 MB"),
        (1024**3, "1.0 GB"),
        (1.5 * 1024**4, "1536.0 GB"),
    ],
)
def test_sizes_are_written_for_people(size: float | None, text: str) -> None:
    """In bytes, or with one decimal."""
    assert util.format_size(size) == text
