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

__all__ = ["Refusal", "content", "document", "empty", "etag", "is_known_to"]

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
    tags = ",".join(request.headers.get_all("If-None-Match"))
    known = {tag.strip().removeprefix("W/") for tag in tags.split(",")}
    return not known.isdisjoint({etag(digest), "*"})
