"""The endpoints through which blobs come in.

Spec: https://github.com/opencontainers/distribution-spec/blob/v1.1.1/spec.md#pushing-blobs and
#mounting-a-blob-from-another-repository
"""

from __future__ import annotations

from occystrap.errors import InvalidDigest, InvalidReference
from occystrap.oci.diagnostics import ErrorCode
from occystrap.oci.digest import Digest
from occystrap.oci.reference import check_repository
from occystrap.oci.routes import Route, RouteKind
from occystrap.server.answers import Refusal, empty
from occystrap.server.message import Headers, Request, Response
from occystrap.server.ranges import Span
from occystrap.server.store import Store
from occystrap.server.uploads import Upload, Uploads

__all__ = ["Pushing"]


class Pushing:
    """Answer requests about uploads."""

    def __init__(self, store: Store, uploads: Uploads, *, automatic_mount: bool) -> None:
        self._store = store
        self._uploads = uploads
        self._automatic_mount = automatic_mount

    def begin(self, route: Route, request: Request) -> Response:
        """Open an upload, mount a blob, or take a whole blob at once."""
        mount = _digest(request, "mount")
        if mount is not None and self._mounted(mount, request.parameter("from"), route.repository):
            return _created(route.repository, mount)
        digest = _digest(request, "digest")
        if digest is None:
            return empty(202, self._uploads.open(route.repository).headers | self._least)
        with self._uploads.at_once(route.repository) as upload:
            return self._commit(upload, digest, request)

    @property
    def _least(self) -> dict[str, str]:
        least = self._uploads.chunk_min_length
        return {"OCI-Chunk-Min-Length": str(least)} if least else {}

    def _mounted(self, digest: Digest, source: str | None, target: str) -> bool:
        """Try to mount; a client that gets no 201 uploads instead, whatever the reason."""
        if source is not None:
            sources = [source] if _is_repository(source) else []
        else:
            sources = list(self._store.repositories()) if self._automatic_mount else []
        return any(self._store.mount_blob(digest, each, target) for each in sources)

    def status(self, route: Route, _request: Request) -> Response:
        """Say how far an upload has come."""
        upload = self._uploads.find(route.repository, route.item)
        return Response(204, Headers(upload.headers))

    def append(self, route: Route, request: Request) -> Response:
        """Take a chunk."""
        upload = self._uploads.find(route.repository, route.item)
        self._uploads.append(upload, request.body, _span(request))
        return empty(202, upload.headers)

    def commit(self, route: Route, request: Request) -> Response:
        """Take the last chunk, which may be all of the blob or nothing."""
        upload = self._uploads.find(route.repository, route.item)
        digest = _digest(request, "digest")
        if digest is None:
            raise Refusal(ErrorCode.DIGEST_INVALID, "the parameter 'digest' is missing")
        return self._commit(upload, digest, request)

    def cancel(self, route: Route, _request: Request) -> Response:
        """Drop an upload."""
        upload = self._uploads.find(route.repository, route.item)
        self._uploads.cancel(upload)
        return Response(204, Headers({"Docker-Upload-UUID": upload.session}))

    def _commit(self, upload: Upload, digest: Digest, request: Request) -> Response:
        self._uploads.commit(upload, digest, request.body, _span(request))
        return _created(upload.repository, digest)


def _is_repository(name: str) -> bool:
    try:
        return bool(check_repository(name))
    except InvalidReference:
        return False


def _created(repository: str, digest: Digest) -> Response:
    location = Route(RouteKind.BLOB, repository, str(digest)).path
    return empty(201, {"Location": location, "Docker-Content-Digest": str(digest)})


def _digest(request: Request, parameter: str) -> Digest | None:
    text = request.parameter(parameter)
    try:
        return None if text is None else Digest.parse(text)
    except InvalidDigest as error:
        raise Refusal(ErrorCode.DIGEST_INVALID, str(error)) from error


def _span(request: Request) -> Span | None:
    """Read where the body belongs, if the request says so, and hold it against its length."""
    content_range = request.headers.get("Content-Range")
    if content_range is None:
        return None
    span = Span.parse(content_range)
    length = request.headers.get("Content-Length")
    if length is not None and length != str(span.stop - span.start):
        raise Refusal(
            ErrorCode.SIZE_INVALID,
            f"Content-Range {content_range} and Content-Length {length} don't agree",
        )
    return span
