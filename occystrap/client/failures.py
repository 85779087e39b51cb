"""From what went wrong on the wire to an error that a user can act on.

Rule: every error of an exchange is made here, and says method, redacted URL, what happened, and
what to do about it.
"""

from __future__ import annotations

import http
import socket
import ssl
from typing import TYPE_CHECKING, Final

import httpx

from occystrap.client.urls import origin_of
from occystrap.errors import APIException, TransportError, UnauthorizedException
from occystrap.oci.diagnostics import parse_diagnostics
from occystrap.oci.redaction import redact_headers, redact_url

if TYPE_CHECKING:
    from collections.abc import Iterator

    from occystrap.client.ask import Answer
    from occystrap.errors import OccystrapError

__all__ = ["add_reason", "api_error", "is_passing", "transport_error"]

_LONGEST_TEXT: Final = 200
_HINTS: Final = {
    401: "check user name and password (--username and --password, or docker login)",
    403: "these credentials may not do that",
    404: "check the name of the image",
    405: "the registry doesn't allow that here",
    413: "something before the registry limits the size of uploads",
    429: "the registry limits requests: wait, slow down with --rate-limit, or log in",
}
_NOT_PASSING: Final = (httpx.UnsupportedProtocol, httpx.InvalidURL, httpx.ProxyError)


def api_error(method: str, answer: Answer, note: str = "") -> APIException:
    """Make the error for an answer whose status isn't one that was hoped for."""
    body = answer.peek_error()
    said = "; ".join(str(diagnostic) for diagnostic in parse_diagnostics(body) if str(diagnostic))
    url = redact_url(answer.url)
    kind = UnauthorizedException if answer.status == http.HTTPStatus.UNAUTHORIZED else APIException
    message = f"{method} {url}: {_status_line(answer.status)}"
    message += f": {said[:_LONGEST_TEXT]}" if said else ""
    hints = [part for part in (note, _HINTS.get(answer.status, "")) if part]
    message += f" ({'; '.join(hints)})" if hints else ""
    return kind(
        message,
        method,
        url,
        answer.status,
        said[:_LONGEST_TEXT],
        redact_headers(answer.headers.items()),
    )


def _status_line(status: int) -> str:
    try:
        return f"{status} {http.HTTPStatus(status).phrase}"
    except ValueError:
        return str(status)


def transport_error(
    method: str, url: str, cause: Exception, *, attempts: int = 1, note: str = ""
) -> TransportError:
    """Make the error for a request that got no answer, or not a whole one.

    `url` is what was asked first; a redirect may have led to the host that `cause` is about.
    """
    reason = _reason(cause)
    host = _host_of(cause)
    if host not in ("", origin_of(url)[1]):
        reason = f"redirected to {host}: {reason}"
    url = redact_url(url)
    tail = f" ({note})" if note else ""
    return TransportError(f"{method} {url}: {reason}{tail}", method, url, reason, attempts)


def _host_of(cause: Exception) -> str:
    try:
        return cause.request.url.host if isinstance(cause, httpx.RequestError) else ""
    except RuntimeError:
        return ""  # it knows of no request


def add_reason(error: OccystrapError, reason: str) -> None:
    """Let an error also say why it ended an operation of several requests."""
    if reason:
        message = f"{error} ({reason})"
        error.args = (message, *error.args[1:])
        if isinstance(error, APIException):
            error.message = message


def is_passing(cause: Exception) -> bool:
    """Whether the same request may well succeed a moment later.

    A certificate that isn't trusted now won't be trusted then.
    """
    if isinstance(cause, _NOT_PASSING) or not isinstance(cause, httpx.TransportError):
        return False
    return not any(_is_configuration(link) for link in _chain(cause))


def _is_configuration(cause: BaseException) -> bool:
    return isinstance(cause, ssl.SSLCertVerificationError) or (
        isinstance(cause, ssl.SSLError) and cause.reason in _TLS_HINTS
    )


_NO_TLS: Final = "it doesn't speak TLS on this port; --insecure asks over plain HTTP"
_NO_CERTIFICATE: Final = "it wants a client certificate: --cert and --key"
#: Of OpenSSL. Servers written in Go call a certificate bad that isn't there.
_TLS_HINTS: Final = {
    "HTTP_REQUEST": _NO_TLS,
    "WRONG_VERSION_NUMBER": _NO_TLS,
    "SSLV3_ALERT_BAD_CERTIFICATE": f"{_NO_CERTIFICATE}, or another one",
    "SSLV3_ALERT_CERTIFICATE_EXPIRED": "the client certificate (--cert) has expired",
    "SSLV3_ALERT_CERTIFICATE_UNKNOWN": "it doesn't take the client certificate (--cert)",
    "SSLV3_ALERT_HANDSHAKE_FAILURE": f"no common TLS version, or {_NO_CERTIFICATE}",
    "TLSV13_ALERT_CERTIFICATE_REQUIRED": _NO_CERTIFICATE,
    "TLSV1_ALERT_UNKNOWN_CA": "it doesn't know the CA of the client certificate (--cert)",
}


def _chain(cause: BaseException) -> Iterator[BaseException]:
    link: BaseException | None = cause
    while link is not None:
        yield link
        link = link.__cause__ or link.__context__


def _reason(cause: Exception) -> str:
    for link in _chain(cause):
        if isinstance(link, ssl.SSLCertVerificationError):
            return (
                f"its TLS certificate is not trusted: {link.verify_message}; name its CA with"
                " --ca-file, or don't check with --skip-verify"
            )
        if isinstance(link, ssl.SSLError) and link.reason in _TLS_HINTS:
            return _TLS_HINTS[link.reason]
        if isinstance(link, socket.gaierror):
            return f"unknown host: {link.strerror}"
        if isinstance(link, ConnectionRefusedError):
            return "connection refused: nothing listens there"
    return _plain_reason(cause)


def _plain_reason(cause: Exception) -> str:
    if isinstance(cause, httpx.TimeoutException):
        return f"timed out ({type(cause).__name__})"
    if isinstance(cause, httpx.LocalProtocolError):
        return "the request isn't valid HTTP"  # what it says may quote a header
    return f"{type(cause).__name__}: {cause}" if str(cause) else type(cause).__name__
