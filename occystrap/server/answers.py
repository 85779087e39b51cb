"""The answers that every part of the registry gives: errors, empty ones, JSON.

Rule: an error answer is made of an ErrorCode; nobody writes its body by hand.
Spec: https://github.com/opencontainers/distribution-spec/blob/v1.1.1/spec.md#error-codes
"""

from __future__ import annotations

from occystrap.errors import OccystrapError
from occystrap.oci.diagnostics import Diagnostic, ErrorCode, render_diagnostics
from occystrap.oci.digest import Digest
from occystrap.oci.documents import encode
from occystrap.server.message import Headers, Request, Response

__all__ = ["Refusal", "check_unchanged", "content", "document", "empty", "etag", "is_known_to"]

JSON = "application/json"


class Refusal(OccystrapError):
    """A request that the registry refuses; it never leaves the registry but as an answer."""

    def __init__(
        self,
        code: ErrorCode,
        message: str = "",
        *,
        detail: object = None,
        status: int | None = None,
        headers: dict[str, str] | None = None,
    ) -> None:
        super().__init__(message or code.message)
        self.code = code
        self.detail = detail
        self.status = status or code.status
        self.headers = headers or {}

    @property
    def response(self) -> Response:
        """The answer."""
        body = render_diagnostics([Diagnostic(self.code.name, str(self), self.detail)])
        return content(self.status, body, JSON, self.headers)


def empty(status: int, headers: dict[str, str] | None = None) -> Response:
    """Answer without a body."""
    return Response(status, Headers({"Content-Length": "0", **(headers or {})}))


def content(
    status: int, body: bytes, media_type: str, headers: dict[str, str] | None = None
) -> Response:
    """Answer with bytes that are at hand."""
    fields = {"Content-Type": media_type, "Content-Length": str(len(body)), **(headers or {})}
    return Response(status, Headers(fields), (body,))


def document(
    value: dict[str, object], headers: dict[str, str] | None = None, media_type: str = JSON
) -> Response:
    """Answer 200 with a JSON document."""
    return content(200, encode(value), media_type, headers)


def etag(digest: Digest) -> str:
    """Make the entity tag of content: its digest, quoted (RFC 9110 section 8.8.3)."""
    return f'"{digest}"'


def is_known_to(request: Request, digest: Digest) -> bool:
    """Tell whether the client says that it has the content already (If-None-Match)."""
    known = {tag.removeprefix("W/") for tag in _tags(request, "If-None-Match")}
    return not known.isdisjoint({etag(digest), "*"})


def check_unchanged(request: Request, current: Digest | None) -> None:
    """Refuse to change what isn't as the client believes (If-Match, If-None-Match).

    `current` is what is there now, None if nothing is.

    Raises:
        Refusal: 412, with the entity tag of what is there.
    """
    expected = _tags(request, "If-Match")
    fits = current is not None and not expected.isdisjoint({etag(current), "*"})
    if (expected and not fits) or (current is not None and is_known_to(request, current)):
        raise Refusal(
            ErrorCode.DENIED,
            f"it has changed: there is {current} now" if current else "it isn't there any more",
            status=412,
            headers={} if current is None else {"ETag": etag(current)},
        )


def _tags(request: Request, name: str) -> set[str]:
    values = ",".join(request.headers.get_all(name)).split(",")
    return {tag for value in values if (tag := value.strip())}
