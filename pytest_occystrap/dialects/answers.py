"""Answers that dialects know by heart.

Rule: bytes and headers as they were seen on the wire; whatever depends on the request isn't here.
"""

from __future__ import annotations

from dataclasses import dataclass

from occystrap.oci.diagnostics import Diagnostic, render_diagnostics
from occystrap.server.answers import JSON, content
from occystrap.server.message import Headers, Response

__all__ = ["NOT_FOUND_TEXT", "NO_METHOD_TEXT", "TOO_MANY_REQUESTS", "FixedAnswer", "error"]

Fields = tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class FixedAnswer:
    """An answer that is always the same."""

    status: int
    body: bytes = b""
    media_type: str = JSON
    headers: Fields = ()

    @property
    def response(self) -> Response:
        """The answer."""
        answer = content(self.status, self.body, self.media_type)
        return Response(self.status, Headers((*answer.headers, *self.headers)), answer.body)

    def __str__(self) -> str:
        said = " ".join(self.body.decode("utf-8", "replace").split())
        return f"{self.status} {said}" if said else f"{self.status} without a body"


def error(
    status: int, code: str, message: str, *, detail: object = None, headers: Fields = ()
) -> FixedAnswer:
    """Make an answer with one error, in the form of the specification."""
    body = render_diagnostics([Diagnostic(code, message, detail)])
    return FixedAnswer(status, body, headers=headers)


def _go_error(status: int, text: bytes) -> FixedAnswer:
    """Answer as http.Error of Go does."""
    sniffing = ("X-Content-Type-Options", "nosniff")
    return FixedAnswer(status, text + b"\n", "text/plain; charset=utf-8", (sniffing,))


#: What Go's router says of a path that it has no route for.
NOT_FOUND_TEXT = _go_error(404, b"404 page not found")
#: What Go's router says of a method that a path hasn't.
NO_METHOD_TEXT = _go_error(405, b"Method not allowed")
TOO_MANY_REQUESTS = error(429, "TOOMANYREQUESTS", "too many requests")
