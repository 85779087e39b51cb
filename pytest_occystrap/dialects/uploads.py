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
from occystrap.server.message import Handler, Headers, Request, Response
from pytest_occystrap.dialects.answers import FixedAnswer, error
from pytest_occystrap.dialects.form import Ranges, UploadForm
from pytest_occystrap.dialects.progress import Progress, Sessions, TooLong, is_any_state
from pytest_occystrap.dialects.requests import origin, route_of, with_header, with_query

__all__ = ["DialectUploads"]

_CREATED: Final = 201
_ACCEPTED: Final = 202
_REFUSED: Final = 416
_ENDED: Final = frozenset({201, 404})
_RANGE: Final = re.compile(r"\d+-\d+")
_NO_CHUNKS: Final = error(405, "UNSUPPORTED", "uploads in chunks are not supported")
_NO_STATE: Final = error(404, "BLOB_UPLOAD_INVALID", "blob upload invalid", detail={})
_OTHER_STATE: Final = error(404, "BLOB_UPLOAD_INVALID", "blob upload invalid")


def _foreign(request: Request) -> FixedAnswer:
    """Refuse what doesn't bring a state of the upload."""
    return _OTHER_STATE if is_any_state(request.parameter("_state")) else _NO_STATE


def _wrong_digest(digest: Digest) -> FixedAnswer:
    detail = {"Digest": str(digest), "Reason": {}}
    message = "provided digest did not match uploaded content"
    return error(400, "DIGEST_INVALID", message, detail=detail)


def _digest(request: Request, parameter: str) -> Digest | None:
    try:
        return Digest.parse(request.parameter(parameter) or "")
    except InvalidDigest:
        return None


def _is_mount(request: Request) -> bool:
    """Tell whether a mount could be meant."""
    try:
        check_repository(request.parameter("from") or "")
    except InvalidReference:
        return False
    return _digest(request, "mount") is not None


class DialectUploads:
    """Speaks the endpoints of uploads."""

    def __init__(self, inner: Handler, form: UploadForm) -> None:
        self._inner = inner
        self._form = form
        self._sessions = Sessions(("sha256", "sha512") if form.keeps_refused else ())

    def handle(self, request: Request) -> Response:
        """Answer as the inner handler does, in the form of the dialect."""
        route = route_of(request)
        if route is not None and route.kind is RouteKind.UPLOADS and request.method == "POST":
            return self._begin(route, request)
        if route is not None and route.kind is RouteKind.UPLOAD:
            return self._go_on(route, request)
        return self._inner.handle(request)

    def _begin(self, route: Route, request: Request) -> Response:
        if not self._form.single_post and request.parameter("digest") is not None:
            request = replace(with_query(request, digest=None), body=())
        if self._form.lenient_mounts and not _is_mount(request):
            request = with_query(request, **{"mount": None, "from": None})
        response = self._inner.handle(request)
        session = response.headers.get("Docker-Upload-UUID")
        progress = None if session is None else self._sessions.open(route.repository, session)
        return self._told(request, response, progress, self._form.began)

    def _go_on(self, route: Route, request: Request) -> Response:
        if self._form.head and request.method == "HEAD":
            request = replace(request, method="GET")
        progress = self._sessions.find(route.repository, route.item)
        if progress is None:
            ended = Progress(route.repository, route.item)
            is_lost = self._form.state and ended.is_state(request.parameter("_state")) is None
            return _foreign(request).response if is_lost else self._inner.handle(request)
        refusal = self._stale(progress, request) or self._refusal(progress, request)
        if refusal is not None:
            return refusal.response
        limit = self._form.longest_chunk if request.method == "PATCH" else None
        counted = replace(self._without_range(request), body=progress.count(request.body, limit))
        try:
            response = self._passed_on(counted, progress)
        except TooLong:
            return self._too_long().response
        return self._after(request, response, progress)

    def _passed_on(self, request: Request, progress: Progress) -> Response:
        """Let the registry take it; where refused uploads are kept, it gets no wrong digest."""
        digest = _digest(request, "digest") if request.method == "PUT" else None
        if digest is None or not self._form.keeps_refused:
            return self._inner.handle(request)
        response = self._inner.handle(replace(request, method="PATCH"))
        if response.status != _ACCEPTED:
            return response
        response.close()
        if not progress.has(digest):
            return _wrong_digest(digest).response
        return self._inner.handle(replace(request, body=(), headers=Headers()))

    def _after(self, request: Request, response: Response, progress: Progress) -> Response:
        form = self._form
        if request.method == "DELETE" or (request.method == "PUT" and response.status in _ENDED):
            self._sessions.close(progress)
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
        newest = progress.is_state(request.parameter("_state"))
        if newest is None:
            return _foreign(request)
        return None if newest else self._form.stale_state or _OTHER_STATE

    def _refusal(self, progress: Progress, request: Request) -> FixedAnswer | None:
        form, headers = self._form, request.headers
        span = headers.get("Content-Range")
        if form.bad_range is not None and span is not None and not _RANGE.fullmatch(span):
            return form.bad_range
        if request.method != "PATCH":
            return self._refused_digest(request) if request.method == "PUT" else None
        kind = headers.get("Content-Type")
        if form.octet_stream_only is not None and kind and essence(kind) != OCTET_STREAM:
            return form.octet_stream_only
        if not form.several_chunks and (span is not None or progress.chunks):
            return _NO_CHUNKS
        length = headers.get("Content-Length") or ""
        if form.longest_chunk is not None and length.isdigit() and int(length) > form.longest_chunk:
            return self._too_long()
        return None

    def _refused_digest(self, request: Request) -> FixedAnswer | None:
        """Refuse to commit under what is no digest, as the dialect does before it reads on."""
        if not request.parameter("digest"):
            return self._form.no_digest
        return self._form.bad_digest if _digest(request, "digest") is None else None

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
