"""The one loop: retries, redirects, what leaves the machine, and what is said when it fails."""

from __future__ import annotations

import logging
import ssl
from collections.abc import Iterator
from unittest.mock import MagicMock

import httpx
import pytest

from occystrap.client.ask import Ask
from occystrap.client.retry import RETRIED_STATUSES
from occystrap.client.session import Session
from occystrap.errors import (
    APIException,
    InvalidManifest,
    TransportError,
    UnauthorizedException,
)
from tests.support.clock import FakeClock
from tests.support.scripted import Script, scripted_session

URL = "https://registry.example/v2/a/blobs/x"


@pytest.mark.parametrize("status", sorted(RETRIED_STATUSES))
def test_a_passing_status_is_retried(status: int) -> None:
    """A status that says "not now" is asked again until it is over."""
    script = Script(httpx.Response(status), httpx.Response(200, content=b"ok"))
    assert scripted_session(script).request(Ask("GET", URL)).read() == b"ok"


@pytest.mark.parametrize("status", [400, 403, 404, 405, 501, 505])
def test_a_final_status_is_not_retried(status: int) -> None:
    """A status that says "no" is asked once."""
    script = Script(httpx.Response(status))
    with pytest.raises(APIException):
        scripted_session(script).request(Ask("GET", URL))
    assert len(script.requests) == 1


@pytest.mark.parametrize(
    "error",
    [
        httpx.ConnectError("refused"),
        httpx.ConnectTimeout(""),
        httpx.ReadError("reset"),
        httpx.ReadTimeout(""),
        httpx.WriteError("pipe"),
        httpx.WriteTimeout(""),
        httpx.PoolTimeout(""),
        httpx.RemoteProtocolError("half"),
    ],
)
def test_a_broken_connection_is_retried(error: Exception) -> None:
    """W-18: every kind of broken connection and timeout is retried, not just some."""
    script = Script(error, httpx.Response(200))
    assert scripted_session(script).request(Ask("GET", URL)).ok


@pytest.mark.parametrize("retries", [0, 1, 5])
def test_n_retries_are_n_plus_one_requests(retries: int) -> None:
    """--retries N means N + 1 attempts, and the error says so."""
    script = Script(httpx.Response(503))
    with pytest.raises(APIException) as caught:
        scripted_session(script, retries=retries).request(Ask("GET", URL))
    assert len(script.requests) == retries + 1
    if retries:
        assert f"gave up after {retries + 1} attempts" in str(caught.value)


def test_what_can_t_be_repeated_is_sent_once() -> None:
    """A request that a repetition could spoil is left to whoever knows how to look first."""
    script = Script(httpx.Response(503))
    with pytest.raises(APIException):
        scripted_session(script).request(Ask("PUT", URL, content=b"x", repeatable=False))
    assert len(script.requests) == 1


def test_an_untrusted_certificate_is_not_retried() -> None:
    """A certificate that isn't trusted now won't be later; the message says what to do."""
    error = httpx.ConnectError("tls")
    cause = ssl.SSLCertVerificationError(1, "certificate verify failed")
    cause.verify_message = "self-signed certificate"
    error.__cause__ = cause
    script = Script(error)
    with pytest.raises(
        TransportError, match=r"self-signed certificate; name its CA with --ca-file"
    ):
        scripted_session(script).request(Ask("GET", URL))
    assert len(script.requests) == 1


def test_retry_after_is_obeyed() -> None:
    """A 429 that names a pause is asked again after it, and counted."""
    clock = FakeClock()
    script = Script(httpx.Response(429, headers={"Retry-After": "7"}), httpx.Response(200))
    session = scripted_session(script, clock=clock)
    session.request(Ask("GET", URL))
    assert clock.slept == [pytest.approx(7.35)]
    assert session.traffic.stats.rate_limits == 1
    assert session.traffic.stats.retries == 1


@pytest.mark.parametrize("value", ["-1", "never", "Thu, 01 Jan 1970 00:00:00 GMT"])
def test_a_useless_retry_after_is_no_crash(value: str) -> None:
    """W-19: a Retry-After that is negative, junk or past means our own short delay."""
    clock = FakeClock()
    script = Script(httpx.Response(429, headers={"Retry-After": value}), httpx.Response(200))
    scripted_session(script, clock=clock).request(Ask("GET", URL))
    assert clock.slept == [0.125]


def test_an_absurd_retry_after_is_not_slept() -> None:
    """W-19: a server can't park its clients for a day."""
    clock = FakeClock()
    script = Script(httpx.Response(429, headers={"Retry-After": "86400"}))
    with pytest.raises(APIException, match="come back in 86400 s"):
        scripted_session(script, clock=clock).request(Ask("GET", URL))
    assert clock.slept == []


def test_a_redirect_elsewhere_takes_only_what_it_needs() -> None:
    """W-13: to another origin goes Range, but no login, no cookie, no other header."""
    script = Script(
        httpx.Response(307, headers={"Location": "https://cdn.example/blob?sig=1"}),
        httpx.Response(206, content=b"x"),
    )
    session = scripted_session(
        script, headers={"X-Api-Key": "k"}, cookies={"session": "c"}, auth=("user", "secret")
    )
    session.request(Ask("GET", URL, {"Range": "bytes=1-", "X-Custom": "1"}))
    there = script.requests[1].headers
    assert there["Range"] == "bytes=1-"
    assert there["Host"] == "cdn.example"
    assert not {"authorization", "cookie", "x-api-key", "x-custom"} & set(there)
    assert script.requests[0].headers["Authorization"].startswith("Basic ")


def test_a_redirect_never_leaves_tls() -> None:
    """A redirect from https to http elsewhere is refused, and said to be."""
    script = Script(httpx.Response(302, headers={"Location": "http://evil.example/x"}))
    with pytest.raises(TransportError, match=r"refused to leave TLS for http://evil\.example"):
        scripted_session(script).request(Ask("GET", URL))


def test_a_loop_of_redirects_ends() -> None:
    """After five redirects there is an error."""
    script = Script(httpx.Response(307, headers={"Location": URL}))
    with pytest.raises(TransportError, match="more than 5 redirects"):
        scripted_session(script).request(Ask("GET", URL))
    assert len(script.requests) == 6


def test_an_expired_signature_is_asked_for_anew() -> None:
    """A storage host that refuses a signed URL is retried at the registry's own URL."""
    script = Script(
        httpx.Response(307, headers={"Location": "https://cdn.example/b?sig=old"}),
        httpx.Response(403, text="<Error><Code>ExpiredRequest</Code></Error>"),
        httpx.Response(307, headers={"Location": "https://cdn.example/b?sig=new"}),
        httpx.Response(200, content=b"x"),
    )
    assert scripted_session(script).request(Ask("GET", URL)).read() == b"x"
    assert script.requests[2].url.host == "registry.example"


def test_bodies_are_sent_whole_at_every_attempt() -> None:
    """W-10: a repeated request carries its body from the start."""

    class Body:
        size = 6

        def open(self) -> Iterator[bytes]:
            """Yield two chunks."""
            yield b"abc"
            yield b"def"

    script = Script(httpx.Response(503), httpx.ReadError("reset"), httpx.Response(201))
    scripted_session(script).request(Ask("PUT", URL, content=Body()))
    assert script.bodies == [b"abcdef"] * 3
    assert [r.headers["Content-Length"] for r in script.requests] == ["6"] * 3


def test_raw_bytes_are_asked_for_and_returned() -> None:
    """W-21: what is hashed is what was sent: identity is asked for, nothing is decoded."""
    encoded = {"Content-Encoding": "gzip"}
    script = Script(httpx.Response(200, headers=encoded, stream=httpx.ByteStream(b"raw")))
    assert scripted_session(script).request(Ask("GET", URL)).read() == b"raw"
    assert script.requests[0].headers["Accept-Encoding"] == "identity"


def test_an_endless_answer_is_cut() -> None:
    """An answer that is read whole has a limit."""
    script = Script(httpx.Response(200, content=b"x" * (4 * 1024 * 1024 + 1)))
    with pytest.raises(InvalidManifest, match="over 4194304 bytes"):
        scripted_session(script).request(Ask("GET", URL))


def test_errors_say_all_and_leak_nothing() -> None:
    """The message names method, redacted URL, what was said and what to do; args stay six."""
    body = b'{"errors":[{"code":"UNAUTHORIZED","message":"who are you"}]}'
    headers = {"Set-Cookie": "secret", "X-Odd": "secret"}
    script = Script(httpx.Response(401, content=body, headers=headers))
    with pytest.raises(UnauthorizedException) as caught:
        scripted_session(script).request(Ask("GET", f"{URL}?token=secret&n=1"))
    error = caught.value
    assert str(error) == (
        f"GET {URL}?n=1&***: 401 Unauthorized: UNAUTHORIZED: who are you"
        " (check user name and password (--username and --password, or docker login))"
    )
    assert len(error.args) == 6
    assert error.args[1:4] == ("GET", f"{URL}?n=1&***", 401)
    assert "secret" not in repr(error.args)


def test_debug_lines_hold_no_secret(caplog: pytest.LogCaptureFixture) -> None:
    """W-14: what is logged has Authorization and unknown headers and parameters masked."""
    script = Script(httpx.Response(200, headers={"Set-Cookie": "secret"}))
    with caplog.at_level(logging.DEBUG, "occystrap"):
        scripted_session(script).request(
            Ask("GET", f"{URL}?sig=secret", {"Authorization": "secret"})
        )
    assert "GET https://registry.example/v2/a/blobs/x?***" in caplog.text
    assert "secret" not in caplog.text


def test_a_client_that_was_handed_in_stays_open() -> None:
    """Whoever made a client closes it; a session closes only its own."""
    client = httpx.Client(transport=httpx.MockTransport(lambda _: httpx.Response(200)))
    Session(client).close()
    assert not client.is_closed
    client.close()


def test_any_object_with_request_will_do() -> None:
    """A double gets method and URL by position, and may answer with a plain dict of headers."""
    client = MagicMock()
    client.request.return_value.status_code = 200
    client.request.return_value.headers = {"DOCKER-content-digest": "d"}
    client.request.return_value.content = b"body"
    answer = Session(client).request(Ask("PUT", URL, {"A": "b"}, b"x"))
    assert client.request.call_args.args == ("PUT", URL)
    assert client.request.call_args.kwargs["content"] == b"x"
    assert (answer.headers["Docker-Content-Digest"], answer.read()) == ("d", b"body")
