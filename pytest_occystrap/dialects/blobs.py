"""Pulling blobs as a dialect has it."""

from __future__ import annotations

from occystrap.oci.routes import RouteKind
from occystrap.server.message import Handler, Request, Response
from pytest_occystrap.dialects.answers import FixedAnswer
from pytest_occystrap.dialects.requests import route_of

__all__ = ["DialectBlobs"]


class DialectBlobs:
    """Refuses several ranges at once, which the registry behind would ignore."""

    def __init__(self, inner: Handler, refusal: FixedAnswer) -> None:
        self._inner = inner
        self._refusal = refusal

    def handle(self, request: Request) -> Response:
        """Answer as the inner handler does."""
        route = route_of(request)
        several = "," in (request.headers.get("Range") or "") and request.method == "GET"
        if several and route is not None and route.kind is RouteKind.BLOB:
            return self._refusal.response
        return self._inner.handle(request)
