"""What passes through a recording transport is kept as it was on the wire."""

from __future__ import annotations

import httpx

from occystrap.server.doors.in_process import InProcessTransport
from occystrap.server.doors.listener import serve
from occystrap.server.doors.tls import shared_authority
from occystrap.server.message import (
    Headers,
    Request,
    Response,
)
from pytest_occystrap.cassettes.form import Ending
from pytest_occystrap.cassettes.recorder import Recorder
from tests.server.doors.scripts import Script, echo, text
from tests.support.recorded import client_of, only

LARGE = bytes(range(256)) * 1000


def test_both_sides_of_an_exchange_are_kept(recorder: Recorder) -> None:
    """URL, headers in their order and bodies; the answer's as on the wire, not decoded."""
    fields = [("X-B", "1"), ("Set-Cookie", "a"), ("Set-Cookie", "b"), ("Content-Encoding", "gzip")]
    upstream = Script(lambda _: Response(299, Headers(fields), (b"not ", b"gzip")))
    with serve(upstream) as listener, client_of(recorder) as client:
        url = f"{listener.url}/v2/a%2fb/?x=1&y"
        with client.stream("PUT", url, content=LARGE, headers={"X-Own": "2"}) as response:
            assert b"".join(response.iter_raw()) == b"not gzip"
    kept = only(recorder)
    assert (kept.request.method, kept.request.url) == ("PUT", url)
    assert kept.request.headers.get("x-own") == "2"
    assert kept.request.headers.get("host") == listener.host
    assert kept.request.body.read() == LARGE
    assert kept.response is not None
    assert (kept.response.status, kept.response.http_version) == (299, "HTTP/1.1")
    assert [pair for pair in kept.response.headers if pair in fields] == fields
    assert kept.response.body.read() == b"not gzip"
    assert (kept.ending, kept.note) == (Ending.COMPLETE, "")


def test_the_target_is_kept_as_it_was_sent(recorder: Recorder) -> None:
    """Even where httpx would have written it otherwise."""
    upstream = Script(echo)
    with serve(upstream) as listener, client_of(recorder) as client:
        client.get(listener.url, extensions={"target": b"/v2/../a%2fb//?&&"})
        assert upstream.requests[0].target == "/v2/../a%2fb//?&&"
        assert only(recorder).request.url == f"{listener.url}/v2/../a%2fb//?&&"


def test_http2(recorder: Recorder) -> None:
    """The version is that of the wire, and bodies are kept as over HTTP/1.1."""
    tls = shared_authority().server_context()
    inner = httpx.HTTPTransport(verify=shared_authority().client_context(), http2=True)
    with serve(Script(echo), tls=tls) as listener, client_of(recorder, inner) as client:
        assert client.post(listener.url, content=LARGE).content == LARGE
        assert client.get(listener.url).http_version == "HTTP/2"
    first, second = recorder.interactions
    assert first.request.body == first.response.body  # type: ignore[union-attr]
    assert {each.response.http_version for each in (first, second)} == {"HTTP/2"}  # type: ignore[union-attr]
    assert (first.note, second.note) == ("", "")


def test_redirects_and_logins_are_exchanges_of_their_own(recorder: Recorder) -> None:
    """The client follows and logs in above the recording, which has every step of it."""

    def answer(request: Request) -> Response:
        if request.path == "/a":
            return Response(307, Headers({"Location": "/b", "Content-Length": "0"}))
        return text(b"there")

    with client_of(recorder, InProcessTransport(Script(answer))) as client:
        response = client.get("https://r.test/a", auth=("u", "p"), follow_redirects=True)
    assert response.text == "there"
    assert [str(each) for each in recorder.interactions] == [
        "GET https://r.test/a -> 307",
        "GET https://r.test/b -> 200",
    ]
    (first, _) = recorder.interactions
    assert first.response is not None
    assert first.response.headers.get("Location") == "/b"


def test_a_request_that_is_sent_again_is_kept_again(recorder: Recorder) -> None:
    """The client's own request isn't changed: its body can be sent as often as it likes."""
    with client_of(recorder, InProcessTransport(Script(echo))) as client:
        request = client.build_request("PUT", "https://r.test/v2/", content=b"abc")
        for _ in range(2):
            assert client.send(request).content == b"abc"
    assert [each.request.body.read() for each in recorder.interactions] == [b"abc", b"abc"]
