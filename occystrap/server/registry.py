"""A registry: every endpoint of the distribution specification over a store.

Rule: routes and methods meet their functions in one table, and every error becomes an answer here.
Spec: https://github.com/opencontainers/distribution-spec/blob/v1.1.1/spec.md#api
"""

from __future__ import annotations

import errno
import logging
from collections.abc import Callable
from typing import Final

from occystrap.errors import InvalidDigest, InvalidReference, InvalidTag
from occystrap.oci.diagnostics import ErrorCode
from occystrap.oci.routes import METHODS, Route, RouteKind, parse_route
from occystrap.server.answers import Refusal, document
from occystrap.server.blobs import Blobs
from occystrap.server.listing import Listing
from occystrap.server.manifests import Manifests
from occystrap.server.memory_store import MemoryStore
from occystrap.server.message import Request, Response
from occystrap.server.pushing import Pushing
from occystrap.server.store import Store
from occystrap.server.uploads import Uploads, new_session

__all__ = ["Registry"]

Endpoint = Callable[[Route, Request], Response]

_LOG: Final = logging.getLogger(__name__)
_READING: Final = ("GET", "HEAD")
#: A full disk is no bug, and no trace tells more of it.
_FULL: Final = (errno.ENOSPC, errno.EDQUOT)


class Registry:
    """A Handler that is a whole registry, open to everyone; without a store it keeps all in memory.

    Chunks of uploads, except the last, have at least `chunk_min_length` bytes, and clients are told
    so. With `automatic_mount` a blob of any repository is mounted for who names no source. With
    `sparse` manifests may name blobs and manifests that aren't there.

    with serve(Registry()) as listener:
        subprocess.run(["skopeo", "copy", ..., f"docker://{listener.host}/library/busybox"])
    """

    def __init__(
        self,
        store: Store | None = None,
        *,
        chunk_min_length: int = 0,
        automatic_mount: bool = False,
        sparse: bool = False,
        new_session: Callable[[], str] = new_session,
    ) -> None:
        self.store = MemoryStore() if store is None else store
        uploads = Uploads(self.store, new_session=new_session, chunk_min_length=chunk_min_length)
        pushing = Pushing(self.store, uploads, automatic_mount=automatic_mount)
        manifests = Manifests(self.store, sparse=sparse)
        self._endpoints = _endpoints(self.store, pushing, manifests)

    def handle(self, request: Request) -> Response:
        """Answer a request of the distribution API."""
        try:
            response = self._endpoint(request)
        except Refusal as refusal:
            response = refusal.response
        except OSError as error:
            full = error.errno in _FULL
            _LOG.error("the store failed: %s", error, exc_info=not full)
            response = Refusal(ErrorCode.UNKNOWN, f"the store failed: {error.strerror}").response
        headers = response.headers.replace("Docker-Distribution-Api-Version", "registry/2.0")
        return Response(response.status, headers, response.body)

    def _endpoint(self, request: Request) -> Response:
        route = _route(request)
        endpoint = self._endpoints.get((route.kind, request.method))
        if endpoint is None:
            allowed = ", ".join(METHODS[route.kind])
            raise Refusal(
                ErrorCode.UNSUPPORTED,
                f"{request.method} isn't supported here, but {allowed} is",
                headers={"Allow": allowed},
            )
        return endpoint(route, request)


def _endpoints(
    store: Store, pushing: Pushing, manifests: Manifests
) -> dict[tuple[RouteKind, str], Endpoint]:
    blobs, listing = Blobs(store), Listing(store)
    return {
        (RouteKind.PING, "GET"): _ping,
        (RouteKind.PING, "HEAD"): _ping,
        (RouteKind.CATALOG, "GET"): listing.catalog,
        (RouteKind.TAGS, "GET"): listing.tags,
        (RouteKind.REFERRERS, "GET"): listing.referrers,
        (RouteKind.MANIFEST, "GET"): manifests.get,
        (RouteKind.MANIFEST, "HEAD"): manifests.get,
        (RouteKind.MANIFEST, "PUT"): manifests.put,
        (RouteKind.MANIFEST, "DELETE"): manifests.delete,
        (RouteKind.BLOB, "GET"): blobs.get,
        (RouteKind.BLOB, "HEAD"): blobs.get,
        (RouteKind.BLOB, "DELETE"): blobs.delete,
        (RouteKind.UPLOADS, "POST"): pushing.begin,
        (RouteKind.UPLOAD, "GET"): pushing.status,
        (RouteKind.UPLOAD, "PATCH"): pushing.append,
        (RouteKind.UPLOAD, "PUT"): pushing.commit,
        (RouteKind.UPLOAD, "DELETE"): pushing.cancel,
    }


def _ping(_route: Route, _request: Request) -> Response:
    return document({})


def _route(request: Request) -> Route:
    try:
        route = parse_route(request.path)
    except InvalidTag as error:
        # What can't be a tag can't be there; only who wants to make it so has made a mistake.
        reading = request.method in _READING
        code = ErrorCode.MANIFEST_UNKNOWN if reading else ErrorCode.TAG_INVALID
        raise Refusal(code, str(error)) from error
    except InvalidReference as error:
        raise Refusal(ErrorCode.NAME_INVALID, str(error)) from error
    except InvalidDigest as error:
        raise Refusal(ErrorCode.DIGEST_INVALID, str(error)) from error
    if route is None:
        raise Refusal(ErrorCode.UNSUPPORTED, "the path is none of the API's", status=404)
    return route
