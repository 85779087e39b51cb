"""The second host of a registry: blobs behind signed URLs, and the redirects that lead there.

Rule: the URL alone is the right to read. Who brings credentials along has leaked them, is refused
as the storage service would, and is written down.
"""

from __future__ import annotations

import secrets
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from html import escape
from http import HTTPStatus
from typing import Final

from occystrap.errors import InvalidDigest, InvalidReference
from occystrap.oci.diagnostics import ErrorCode
from occystrap.oci.digest import Digest
from occystrap.oci.reference import check_repository
from occystrap.oci.routes import Route, RouteKind, parse_route
from occystrap.server.answers import Refusal, content
from occystrap.server.blobs import Blobs
from occystrap.server.message import Handler, Headers, Request, Response
from occystrap.server.signatures import S3, Complaint, SignatureStyle
from occystrap.server.store import BlobStore

__all__ = ["Cdn", "Leak", "RedirectBlobs"]

_ROOT: Final = "/blobs/"


@dataclass(frozen=True, slots=True)
class Leak:
    """A request that brought credentials to where they don't belong; the secret isn't kept."""

    method: str
    host: str
    path: str
    scheme: str

    def __str__(self) -> str:
        return f"{self.method} {self.host}{self.path} brought {self.scheme} credentials along"


class Cdn:
    """Serves the blobs of a store to those who bring a signed URL, for `lifetime` seconds.

    `violations` lists who brought an Authorization with it. The clock gives seconds since 1970.
    """

    def __init__(
        self,
        store: BlobStore,
        *,
        clock: Callable[[], float] = time.time,
        lifetime: int = 600,
        key: bytes | None = None,
        style: SignatureStyle = S3,
    ) -> None:
        self.violations: list[Leak] = []
        self._blobs = Blobs(store)
        self._clock = clock
        self._lifetime = lifetime
        self._key = secrets.token_bytes(32) if key is None else key
        self._style = style
        self._lock = threading.Lock()

    def sign(self, repository: str, digest: Digest) -> str:
        """Make the path and query under which a blob can be read from now on."""
        path = f"{_ROOT}{repository}/{digest.algorithm}/{digest.encoded}"
        return self._style.sign(self._key, path, int(self._clock()), self._lifetime)

    def handle(self, request: Request) -> Response:
        """Send a blob or the range of it that is asked for."""
        authorization = request.headers.get("Authorization")
        if authorization is not None:
            scheme = authorization.partition(" ")[0]
            leak = Leak(request.method, request.host, request.path, scheme)
            with self._lock:
                self.violations.append(leak)
            return _complain(self._style.twice)
        complaint = self._objection(request)
        return self._serve(request) if complaint is None else _complain(complaint)

    def _objection(self, request: Request) -> Complaint | None:
        style = self._style
        found = style.objection(self._key, request.path, request.query, self._clock())
        # A URL is signed for one method.
        return style.wrong if found is None and request.method != "GET" else found

    def _serve(self, request: Request) -> Response:
        try:
            response = self._blobs.get(_route(request.path), request)
        except Refusal as refusal:
            ranged = refusal.code is ErrorCode.RANGE_INVALID
            return _complain(self._style.range_invalid if ranged else self._style.missing)
        return replace(response, headers=response.headers.remove("Docker-Content-Digest"))


def _route(path: str) -> Route:
    repository, algorithm, encoded = path.removeprefix(_ROOT).rsplit("/", 2)
    return Route(RouteKind.BLOB, check_repository(repository), str(Digest(algorithm, encoded)))


def _complain(complaint: Complaint) -> Response:
    body = (
        '<?xml version="1.0" encoding="UTF-8"?>\n'
        f"<Error><Code>{complaint.code}</Code><Message>{escape(complaint.message)}</Message>"
        "<RequestId>FAKEFAKEFAKEFAKE</RequestId></Error>"
    )
    return content(complaint.status, body.encode(), "application/xml")


class RedirectBlobs:
    """Sends who asks for a blob that is there to the signed URL of it; HEAD is answered at home.

    `location` makes a URL out of the request and the signed path and query.
    """

    def __init__(
        self,
        inner: Handler,
        cdn: Cdn,
        location: Callable[[Request, str], str],
        *,
        status: int = 307,
    ) -> None:
        self._inner = inner
        self._cdn = cdn
        self._location = location
        self._status = status

    def handle(self, request: Request) -> Response:
        """Answer, or redirect."""
        route = _blob_route(request)
        if route is None:
            return self._inner.handle(request)
        # The range is for the CDN to cut out: what the registry has to say is whether it's there.
        whole = replace(request, headers=request.headers.remove("Range", "If-Range"))
        response = self._inner.handle(whole)
        if response.status != HTTPStatus.OK:
            return response
        response.close()
        signed = self._cdn.sign(route.repository, Digest.parse(route.item))
        return _redirect(self._status, self._location(request, signed), response.headers)


def _blob_route(request: Request) -> Route | None:
    try:
        route = parse_route(request.path)
    except (InvalidReference, InvalidDigest):
        return None
    reading = route is not None and route.kind is RouteKind.BLOB and request.method == "GET"
    return route if reading else None


def _redirect(status: int, url: str, headers: Headers) -> Response:
    page = f'<a href="{escape(url)}">{HTTPStatus(status).phrase}</a>.\n\n'
    version = headers.get("Docker-Distribution-Api-Version") or "registry/2.0"
    fields = {"Location": url, "Docker-Distribution-Api-Version": version}
    return content(status, page.encode(), "text/html; charset=utf-8", fields)
