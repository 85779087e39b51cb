"""Pushing blobs as a dialect has it: where to, in which pieces, and how progress is told."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from typing import Final
from urllib.parse import urlencode

from occystrap.errors import InvalidDigest, InvalidReference
from occystrap.oci.digest import Digest
from occystrap.oci.media_types import OCTET_STREAM, essence
from occystrap.oci.reference import check_repository
from occystrap.oci.routes import Route, RouteKind
from occystrap.server.message import Handler, Request, Response
from pytest_occystrap.dialects.answers import FixedAnswer, error
from pytest_occystrap.dialects.form import Ranges, UploadForm
from pytest_occystrap.dialects.progress import Progress, Sessions, TooLong
from pytest_occystrap.dialects.requests import origin, route_of, with_header, with_query

__all__ = ["DialectUploads"]

_CREATED: Final = 201
_REFUSED: Final = 416
_ENDED: Final = frozenset({201, 404})
_RANGE: Final = re.compile(r"\d+-\d+")
_NO_CHUNKS: Final = error(405, "UNSUPPORTED", "uploads in chunks are not supported")
_NO_STATE: Final = error(404, "BLOB_UPLOAD_INVALID", "blob upload invalid")


def _is_mount(request: Request) -> bool:
    """Tell whether a mount could be meant."""
    try:
        Digest.parse(request.parameter("mount") or "")
        check_repository(request.parameter("from") or "")
    except (InvalidDigest, InvalidReference):
        return False
    return True


class DialectUploads:
    """Speaks the endpoints of uploads."""

    def __init__(self, inner: Handler, form: UploadForm) -> None:
        self._inner = inner
        self._form = form
        self._sessions = Sessions()

    def handle(self, request: Request) -> Response:
        """Answer as the inner handler does, in the form of the dialect."""
        route = route_of(request)
        if route is not None and route.kind is RouteKind.UPLOADS and request.method == "POST":
            return self._begin(request)
        if route is not None and route.kind is RouteKind.UPLOAD:
            return self._go_on(route, request)
        return self._inner.handle(request)

    def _begin(self, request: Request) -> Response:
        if not self._form.single_post and request.parameter("digest") is not None:
            request = replace(with_query(request, digest=None), body=())
        if self._form.lenient_mounts and not _is_mount(request):
            request = with_query(request, **{"mount": None, "from": None})
        response = self._inner.handle(request)
        session = response.headers.get("Docker-Upload-UUID")
        progress = None if session is None else self._sessions.open(session)
        return self._told(request, response, progress, self._form.began)

    def _go_on(self, route: Route, request: Request) -> Response:
        if self._form.head and request.method == "HEAD":
            request = replace(request, method="GET")
        progress = self._sessions.find(route.item)
        if progress is None:
            stale = self._stale(Progress(route.item), request)
            return self._inner.handle(request) if stale is not _NO_STATE else stale.response
        refusal = self._stale(progress, request) or self._refusal(progress, request)
        if refusal is not None:
            return refusal.response
        limit = self._form.longest_chunk if request.method == "PATCH" else None
        counted = replace(self._without_range(request), body=progress.count(request.body, limit))
        try:
            response = self._inner.handle(counted)
        except TooLong:
            return self._too_long().response
        return self._after(request, response, progress)

    def _after(self, request: Request, response: Response, progress: Progress) -> Response:
        form = self._form
        if request.method == "DELETE" or (request.method == "PUT" and response.status in _ENDED):
            self._sessions.close(progress.session)
        if response.status == _REFUSED:
            return self._told(request, response, progress, form.refused)
        if request.method == "PATCH" and response.status in (202, _CREATED):
            progress.done()
            response = replace(response, status=form.chunk_status)
        templates: Mapping[str, str] = {"GET": form.status, "PATCH": form.progress}
        return self._told(request, response, progress, templates.get(request.method, ""))

    def _told(
        self, request: Request, response: Response, progress: Progress | None, template: str
    ) -> Response:
        """Put Location and Range into the form of the dialect."""
        form = self._form
        location = response.headers.get("Location")
        if location is not None:
            if form.absolute:
                location = origin(request, forwarded=form.forwarded) + location
            if form.state and progress is not None and response.headers.get("Range"):
                location = f"{location}?{urlencode({'_state': progress.state})}"
            response = with_header(response, "Location", location)
        if progress is not None and template and response.headers.get("Range") is not None:
            response = with_header(response, "Range", progress.write(template))
        return response

    def _stale(self, progress: Progress, request: Request) -> FixedAnswer | None:
        if not self._form.state:
            return None
        newest = progress.is_state(request.parameter("_state") or "")
        if newest is None:
            return _NO_STATE
        return None if newest else self._form.stale_state or _NO_STATE

    def _refusal(self, progress: Progress, request: Request) -> FixedAnswer | None:
        form, headers = self._form, request.headers
        span = headers.get("Content-Range")
        if form.bad_range is not None and span is not None and not _RANGE.fullmatch(span):
            return form.bad_range
        if request.method != "PATCH":
            return None
        kind = headers.get("Content-Type")
        if form.octet_stream_only is not None and kind and essence(kind) != OCTET_STREAM:
            return form.octet_stream_only
        if not form.several_chunks and (span is not None or progress.chunks):
            return _NO_CHUNKS
        length = headers.get("Content-Length") or ""
        if form.longest_chunk is not None and length.isdigit() and int(length) > form.longest_chunk:
            return self._too_long()
        return None

    def _too_long(self) -> FixedAnswer:
        return self._form.too_long or error(413, "SIZE_INVALID", "the chunk is too long")

    def _without_range(self, request: Request) -> Request:
        """Leave out a Content-Range that the dialect doesn't look at."""
        form = self._form
        looks = form.ranges is Ranges.CHECKED or (
            form.ranges is Ranges.CHECKED_WITH_LENGTH and "Content-Length" in request.headers
        )
        if request.method == "PUT":
            looks = looks and form.checks_last_range
        if looks:
            return request
        return replace(request, headers=request.headers.remove("Content-Range"))
