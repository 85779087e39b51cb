"""The endpoints through which blobs go out, and away.

Spec: https://github.com/opencontainers/distribution-spec/blob/v1.1.1/spec.md#pulling-blobs and
#deleting-blobs; ranges and conditions as in RFC 9110
"""

from __future__ import annotations

from typing import Final

from occystrap.oci.diagnostics import ErrorCode
from occystrap.oci.digest import Digest
from occystrap.oci.media_types import OCTET_STREAM
from occystrap.oci.routes import Route
from occystrap.server.answers import Refusal, empty, etag, is_known_to
from occystrap.server.message import Headers, Request, Response
from occystrap.server.ranges import satisfy
from occystrap.server.store import Blob, BlobStore

__all__ = ["Blobs"]

_A_YEAR: Final = "max-age=31536000"


class Blobs:
    """Answer requests about blobs that are there."""

    def __init__(self, store: BlobStore) -> None:
        self._store = store

    def get(self, route: Route, request: Request) -> Response:
        """Send a blob or the range of it that is asked for."""
        digest = Digest.parse(route.item)
        blob = self._find(route.repository, digest)
        headers = _describe(digest)
        if is_known_to(request, digest):
            return Response(304, Headers(headers))
        span = satisfy(_range(request, digest), blob.size)
        start, stop = span or (0, blob.size)
        headers["Content-Length"] = str(stop - start)
        if span is None:
            return Response(200, Headers(headers), blob.read(start, stop))
        if start == stop:
            raise _unsatisfiable(blob)
        headers["Content-Range"] = f"bytes {start}-{stop - 1}/{blob.size}"
        return Response(206, Headers(headers), blob.read(start, stop))

    def delete(self, route: Route, _request: Request) -> Response:
        """Take a blob out of a repository."""
        if not self._store.remove_blob(route.repository, Digest.parse(route.item)):
            raise Refusal(ErrorCode.BLOB_UNKNOWN, detail={"digest": route.item})
        return empty(202, {"Docker-Content-Digest": route.item})

    def _find(self, repository: str, digest: Digest) -> Blob:
        blob = self._store.blob(repository, digest)
        if blob is None:
            raise Refusal(ErrorCode.BLOB_UNKNOWN, detail={"digest": str(digest)})
        return blob


def _describe(digest: Digest) -> dict[str, str]:
    return {
        "Content-Type": OCTET_STREAM,
        "Docker-Content-Digest": str(digest),
        "ETag": etag(digest),
        "Accept-Ranges": "bytes",
        "Cache-Control": _A_YEAR,
    }


def _range(request: Request, digest: Digest) -> str | None:
    """Return the range asked for, if it counts: of a GET, and of the content that is meant."""
    condition = request.headers.get("If-Range")
    if request.method != "GET" or condition not in (None, etag(digest)):
        return None
    return request.headers.get("Range")


def _unsatisfiable(blob: Blob) -> Refusal:
    return Refusal(
        ErrorCode.RANGE_INVALID,
        f"the blob has {blob.size} bytes, and none in that range",
        headers={"Content-Range": f"bytes */{blob.size}"},
    )
