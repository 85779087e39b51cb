"""What a user is told about a request that failed, and what isn't worth repeating."""

from __future__ import annotations

import errno
import os
import socket
import ssl

import httpx
import pytest

from occystrap.client.ask import Answer
from occystrap.client.failures import api_error, is_passing, transport_error
from occystrap.errors import APIException, UnauthorizedException

URL = "https://registry.example/v2/a/blobs/x?sig=secret"


def caused(error: Exception, *causes: Exception) -> Exception:
    """Chain exceptions as libraries do, the first cause the innermost."""
    link = error
    for cause in reversed(causes):
        link.__cause__ = cause
        link = cause
    return error


def tls(reason: str) -> ssl.SSLError:
    """Make the error of a handshake."""
    error = ssl.SSLError(1, reason)
    error.reason = reason
    return error


def untrusted() -> ssl.SSLCertVerificationError:
    """Make the error of a certificate."""
    error = ssl.SSLCertVerificationError(1, "certificate verify failed")
    error.verify_message = "self-signed certificate"
    return error


REFUSED = ConnectionRefusedError(errno.ECONNREFUSED, os.strerror(errno.ECONNREFUSED))
UNKNOWN = socket.gaierror(socket.EAI_NONAME, "Name or service not known")


@pytest.mark.parametrize(
    ("cause", "reason"),
    [
        (caused(httpx.ConnectError("x"), UNKNOWN), "unknown host: Name or service not known"),
        (
            caused(httpx.ConnectError("x"), REFUSED, OSError("y")),
            "connection refused: nothing listens there",
        ),
        (
            caused(httpx.ConnectError("x"), untrusted()),
            "TLS certificate is not trusted: self-signed certificate; name its CA with --ca-file",
        ),
        (
            caused(httpx.ConnectError("x"), tls("WRONG_VERSION_NUMBER")),
            "it doesn't speak TLS on this port; --insecure asks over plain HTTP",
        ),
        (
            caused(httpx.ReadError("x"), tls("TLSV13_ALERT_CERTIFICATE_REQUIRED")),
            "it wants a client certificate: --cert and --key",
        ),
        (
            caused(httpx.ReadError("x"), tls("SSLV3_ALERT_BAD_CERTIFICATE")),
            "it wants a client certificate: --cert and --key, or another one",
        ),
        (caused(httpx.ConnectError("x"), tls("ODD")), "ConnectError: x"),
        (httpx.ReadTimeout("read"), "timed out (ReadTimeout)"),
        (httpx.ReadError(""), "ReadError"),
        (httpx.ReadError("reset"), "ReadError: reset"),
        (httpx.LocalProtocolError("Illegal header value b'Bearer secret'"), "isn't valid HTTP"),
    ],
)
def test_the_reason_is_one_that_helps(cause: Exception, reason: str) -> None:
    """What lies at the bottom is told, in words that say what to do, and without secrets."""
    error = transport_error("GET", URL, cause, attempts=3, note="gave up")
    assert str(error).startswith("GET https://registry.example/v2/a/blobs/x?***: ")
    assert reason in error.reason
    assert str(error).endswith(f"{error.reason} (gave up)")
    assert (error.method, error.attempts) == ("GET", 3)
    assert "secret" not in f"{error} {error.__dict__}"


def test_the_host_that_failed_is_named_when_it_is_another() -> None:
    """An unknown storage host isn't mistaken for an unknown registry."""
    cause = httpx.ConnectError(
        "x", request=httpx.Request("GET", "https://cdn.example/b?sig=secret")
    )
    assert transport_error("GET", URL, caused(cause, UNKNOWN)).reason == (
        "redirected to cdn.example: unknown host: Name or service not known"
    )
    cause = httpx.ConnectError("x", request=httpx.Request("GET", URL))
    assert transport_error("GET", URL, cause).reason == "ConnectError: x"


@pytest.mark.parametrize(
    ("cause", "passing"),
    [
        (httpx.ConnectError("x"), True),
        (httpx.ReadTimeout("x"), True),
        (caused(httpx.ConnectError("x"), UNKNOWN), True),
        (caused(httpx.ConnectError("x"), tls("UNEXPECTED_EOF_WHILE_READING")), True),
        (caused(httpx.ConnectError("x"), tls("WRONG_VERSION_NUMBER")), False),
        (caused(httpx.ConnectError("x"), untrusted()), False),
        (httpx.UnsupportedProtocol("x"), False),
        (httpx.ProxyError("407"), False),
        (httpx.TooManyRedirects("x"), False),
        (httpx.InvalidURL("x"), False),
    ],
)
def test_what_is_set_up_wrong_is_not_tried_again(cause: Exception, passing: bool) -> None:
    """Trouble on the wire passes; a certificate, a protocol or a password of a proxy doesn't."""
    assert is_passing(cause) is passing


def answered(status: int, body: bytes = b"", **headers: str) -> Answer:
    """Make an answer to a question for the blob."""
    return Answer(httpx.Response(status, content=body, headers=headers), URL)


@pytest.mark.parametrize(
    ("status", "text"),
    [
        (403, "403 Forbidden (these credentials may not do that)"),
        (404, "404 Not Found (check the name of the image)"),
        (413, "413 Request Entity Too Large (something before the registry limits"),
        (429, "429 Too Many Requests (the registry limits requests: wait"),
        (500, "500 Internal Server Error"),
        (599, ": 599"),
    ],
)
def test_a_status_comes_with_what_to_do(status: int, text: str) -> None:
    """The line of the status, and a hint where there is one."""
    error = api_error("GET", answered(status))
    assert text in str(error)
    assert type(error) is APIException
    assert error.status == status


def test_what_the_registry_says_is_quoted_shortly() -> None:
    """All diagnostics are told, but no more than two hundred characters of them."""
    body = b'{"errors":[{"code":"DENIED","message":"no"},{"code":"X","message":"%s"}]}' % (
        b"x" * 999
    )
    error = api_error("PUT", answered(403, body), "gave up after 2 attempts")
    assert "DENIED: no; X: xxx" in str(error)
    assert len(error.text) == 200
    assert "(gave up after 2 attempts; these credentials" in str(error)


def test_a_401_has_a_name_of_its_own() -> None:
    """Who wants to ask for a password can tell."""
    headers = {"Set-Cookie": "secret", "Retry-After": "5"}
    error = api_error("GET", answered(401, b"", **headers))
    assert type(error) is UnauthorizedException
    assert error.headers["set-cookie"] == "***"
    assert error.headers["retry-after"] == "5"
    assert "secret" not in f"{error} {error.args}"
