"""Effects that answer something else than the registry would: errors, and redirects.

Rule: by default the registry never hears of the request; with `done` it has done what was asked for
before the answer is replaced.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from email.utils import formatdate
from http import HTTPStatus
from typing import Annotated, ClassVar, Final, Literal
from urllib.parse import urlencode

from occystrap.oci.diagnostics import Diagnostic, ErrorCode, render_diagnostics
from occystrap.server.answers import content, empty
from occystrap.server.message import Request, ResetConnection, Response
from occystrap.server.signatures import S3
from pytest_occystrap.faults.effect import NO_NEEDS, Missed, Scene, Trait
from pytest_occystrap.faults.values import Between, Seconds, StatusCode

__all__ = [
    "ExpiredSignature",
    "MountError",
    "ReadOnly",
    "RedirectLoop",
    "RedirectTo",
    "Status",
    "TokenDown",
    "TokenGarbage",
]

_RETRY_LATER: Final = 429
_JUNK: Final = "a moment, please"
_CODES: Final = {code.status: code.name for code in reversed(ErrorCode)}
_FIRST_ERROR: Final = 400

#: Seconds; as a date so many seconds ahead (`date`); or what nobody can read (`junk`).
RetryAfter = Seconds | Literal["date", "junk"]
Body = Literal["json", "html", "text", "xml", "none", "kept"]


@dataclass(frozen=True, slots=True)
class Status:
    """Answer with a status, such as 429 with a Retry-After, or 503 as a load balancer says it.

    `retry_after` is seconds, `date` for a date that is `seconds` away, or `junk`. `code` is the
    error's in a body of `json`; by default the specification's for the status. A body that is
    `kept` is the registry's own, with its headers: only the status is another.
    """

    status: StatusCode
    retry_after: RetryAfter | None = None
    body: Body = "json"
    code: str = ""
    seconds: int = 5
    done: bool = False
    needs: ClassVar = NO_NEEDS

    def strike(self, request: Request, scene: Scene) -> Response | Missed:
        """Answer so."""
        if self.body == "kept":
            return replace(scene.inner.handle(request), status=self.status)
        if self.done:
            scene.inner.handle(request).close()
        headers = {} if self.retry_after is None else {"Retry-After": self._later(scene)}
        return _answer(self.status, self.body, self.code, headers)

    def _later(self, scene: Scene) -> str:
        if self.retry_after == "date":
            return formatdate(scene.clock() + self.seconds, usegmt=True)
        if self.retry_after == "junk":
            return _JUNK
        return f"{self.retry_after:g}"


def _answer(status: int, body: Body, code: str, headers: dict[str, str]) -> Response:
    phrase = HTTPStatus(status).phrase if status in set(HTTPStatus) else "Unknown"
    if body == "none" or (status < _FIRST_ERROR and body == "json"):
        return empty(status, headers)
    if body == "json":
        name = code or _CODES.get(status, "UNKNOWN")
        text = render_diagnostics([Diagnostic(name, f"injected: {phrase}")])
        return content(status, text, "application/json", headers)
    made, media_type = _TEXTS[body]
    return content(status, made.format(status=status, phrase=phrase).encode(), media_type, headers)


_TEXTS: Final = {
    "html": (
        (
            "<html>\n<head><title>{status} {phrase}</title></head>\n"
            "<body><center><h1>{status} {phrase}</h1></center><hr><center>nginx</center></body>\n"
            "</html>\n"
        ),
        "text/html",
    ),
    "text": ("{phrase}\n", "text/plain; charset=utf-8"),
    "xml": (
        (
            '<?xml version="1.0" encoding="UTF-8"?>\n<Error><Code>SlowDown</Code>'
            "<Message>Please reduce your request rate.</Message></Error>"
        ),
        "application/xml",
    ),
}


@dataclass(frozen=True, slots=True)
class ReadOnly:
    """Refuse whatever would change the registry, as one does that is being maintained."""

    status: StatusCode = 405
    needs: ClassVar = frozenset({Trait.WRITE})

    def strike(self, request: Request, scene: Scene) -> Response | Missed:  # noqa: ARG002
        """Refuse."""
        message = "The registry is in read-only mode. Mutations are disabled."
        text = render_diagnostics([Diagnostic("DENIED", message)])
        return content(self.status, text, "application/json")


@dataclass(frozen=True, slots=True)
class MountError:
    """Answer a mount with a status; 0 breaks the connection."""

    status: Annotated[int, Between(0, 999)] = 403
    needs: ClassVar = frozenset({Trait.MOUNT})

    def strike(self, request: Request, scene: Scene) -> Response | Missed:  # noqa: ARG002
        """Don't mount."""
        if not self.status:
            raise ResetConnection
        return _answer(self.status, "json", "", {})


@dataclass(frozen=True, slots=True)
class RedirectTo:
    """Redirect to a URL; an empty one leaves the Location out."""

    url: str = ""
    status: StatusCode = 307
    needs: ClassVar = NO_NEEDS

    def strike(self, request: Request, scene: Scene) -> Response | Missed:  # noqa: ARG002
        """Redirect."""
        return empty(self.status, {"Location": self.url} if self.url else {})


@dataclass(frozen=True, slots=True)
class RedirectLoop:
    """Redirect to the very place that was asked."""

    status: StatusCode = 307
    needs: ClassVar = NO_NEEDS

    def strike(self, request: Request, scene: Scene) -> Response | Missed:  # noqa: ARG002
        """Redirect, so that the client comes back."""
        query = f"?{urlencode(request.query)}" if request.query else ""
        return empty(self.status, {"Location": f"{request.path}{query}"})


@dataclass(frozen=True, slots=True)
class ExpiredSignature:
    """Say that a signed URL has expired, as S3 does."""

    needs: ClassVar = frozenset({Trait.STORAGE})

    def strike(self, request: Request, scene: Scene) -> Response | Missed:  # noqa: ARG002
        """Refuse."""
        said = S3.expired
        text = (
            '<?xml version="1.0" encoding="UTF-8"?>\n'
            f"<Error><Code>{said.code}</Code><Message>{said.message}</Message></Error>"
        )
        return content(said.status, text.encode(), "application/xml")


@dataclass(frozen=True, slots=True)
class TokenDown:
    """Let the token endpoint answer with a status instead of a token."""

    status: StatusCode = 503
    needs: ClassVar = frozenset({Trait.TOKEN_ENDPOINT})

    def strike(self, request: Request, scene: Scene) -> Response | Missed:  # noqa: ARG002
        """Refuse."""
        return _answer(self.status, "html", "", {})


@dataclass(frozen=True, slots=True)
class TokenGarbage:
    """Let the token endpoint answer 200 with what is no token.

    `no_json`, an `empty` object, a `null` token, a page of `html`, or a `huge` token.
    """

    content: Literal["no_json", "empty", "null", "html", "huge"] = "no_json"
    needs: ClassVar = frozenset({Trait.TOKEN_ENDPOINT})

    def strike(self, request: Request, scene: Scene) -> Response | Missed:  # noqa: ARG002
        """Give nothing."""
        body, media_type = _NO_TOKENS[self.content]
        return content(200, body, media_type)


_NO_TOKENS: Final = {
    "no_json": (b'{"token": "', "application/json"),
    "empty": (b"{}", "application/json"),
    "null": (json.dumps({"token": None, "access_token": None}).encode(), "application/json"),
    "huge": (b'{"token": "' + b"t" * 2_000_000 + b'"}', "application/json"),
    "html": (b"<!DOCTYPE html>\n<title>Sign in</title>\n", "text/html"),
}
