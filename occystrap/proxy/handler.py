"""The proxy as a Handler: it takes pushes and passes them on, and answers from downstream.

Rule: a push is answered when its image is downstream, and with the digest that it has there. An
image that isn't downstream is pulled from upstream, if there is one, before anybody is answered.
"""

from __future__ import annotations

import threading
import time
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, Self, final

import httpx

from occystrap.client.retry import RetryPolicy
from occystrap.client.session import Session
from occystrap.client.traffic import Traffic
from occystrap.errors import APIException, InvalidInput, OccystrapError
from occystrap.filters.build import Filters
from occystrap.inputs.registry import Image
from occystrap.oci.digest import Digest
from occystrap.oci.manifest import Manifest
from occystrap.oci.routes import Route, RouteKind, parse_route
from occystrap.proxy.counts import Counts
from occystrap.proxy.delivery import Deliverer
from occystrap.proxy.directory import SessionDirectory
from occystrap.proxy.failures import PUSHED, refusal_of, upstream_refusal
from occystrap.proxy.remote import ServedBody
from occystrap.proxy.session import SessionStore
from occystrap.proxy.store import ProxyStore
from occystrap.proxy.turns import Turns
from occystrap.server.answers import check_unchanged, empty
from occystrap.server.doors.in_process import InProcessTransport
from occystrap.server.listing import list_referrers
from occystrap.server.manifests import read_manifest, tag_parameters
from occystrap.server.message import Headers, Response
from occystrap.server.registry import Registry

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from types import TracebackType

    from occystrap.oci.manifest import Index
    from occystrap.pipeline import PipelineBuilder
    from occystrap.proxy.downstream import Remote
    from occystrap.server.message import Request

__all__ = ["Manner", "Proxy"]

_NOT_FOUND: Final = 404
_FOUND: Final = (200, 304)
_CONDITIONS: Final = ("If-Match", "If-None-Match")


@final
@dataclass(frozen=True, slots=True)
class Manner:
    """How images are passed on: through which filters, and how many at once.

    `disk_limit` is the most bytes that what was pushed may take on the disk; None is no limit.
    """

    filters: Filters = field(default_factory=Filters)
    concurrency: int = 4
    disk_limit: int | None = None


@final
class Proxy:
    """A Handler that is a registry in front of another one; to be closed when nobody comes more.

    with Proxy(builder, Remote(builder, read_place("registry.example/team"))) as proxy:
        with serve(proxy) as listener:
            subprocess.run(["skopeo", "copy", ..., f"docker://{listener.host}/app:1"])
    """

    def __init__(
        self,
        builder: PipelineBuilder,
        downstream: Remote,
        upstream: Remote | None = None,
        *,
        manner: Manner | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        manner = manner or Manner()
        self.counts = Counts()
        self._downstream = downstream
        self._upstream = upstream
        self._deliverer = Deliverer(builder, downstream, manner.filters)
        self._slots = threading.BoundedSemaphore(manner.concurrency)
        self._turns = Turns()
        changes = self._deliverer.changes
        self._directory = SessionDirectory(builder.options.temp_dir)
        self._session = SessionStore(
            self._directory.path, limit=manner.disk_limit, keep=changes, clock=clock
        )
        store = ProxyStore(self._session, downstream, mounts=not changes)
        self._registry = Registry(store, sparse=True)
        self._own = {
            (RouteKind.BLOB, "GET"): self._get_blob,
            (RouteKind.BLOB, "HEAD"): self._find_blob,
            (RouteKind.MANIFEST, "GET"): self._get_manifest,
            (RouteKind.MANIFEST, "HEAD"): self._get_manifest,
            (RouteKind.MANIFEST, "PUT"): self._push,
            (RouteKind.REFERRERS, "GET"): self._referrers,
        }

    @property
    def disk_use(self) -> int:
        """How many bytes of pushes are on the disk."""
        return self._session.used

    def close(self) -> None:
        """Remove what was pushed."""
        self._directory.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def handle(self, request: Request) -> Response:
        """Answer a request of the distribution API."""
        try:
            route = parse_route(request.path)
        except InvalidInput:
            route = None
        own = None if route is None else self._own.get((route.kind, request.method))
        try:
            if route is None or own is None:
                return self._registry.handle(request)
            return own(route, request)
        except (OccystrapError, OSError) as error:
            return _told(refusal_of(error).response)

    def _get_blob(self, _route: Route, request: Request) -> Response:
        response = self._registry.handle(request)
        if isinstance(response.body, ServedBody):
            response.body.begin()
        return response

    def _find_blob(self, route: Route, request: Request) -> Response:
        response = self._registry.handle(request)
        self._session.promise(route.repository, Digest.parse(route.item))
        return response

    def _referrers(self, route: Route, request: Request) -> Response:
        wanted = request.parameter("artifactType")
        subject = Digest.parse(route.item)
        found = self._downstream.referrers(route.repository, subject, wanted or "")
        return _told(list_referrers(found, wanted))

    def _get_manifest(self, route: Route, request: Request) -> Response:
        was_pulled = self._pull(route)
        response = self._registry.handle(request)
        if was_pulled:
            self.counts.count(misses=1)
        elif request.method == "GET" and response.status in _FOUND:
            self.counts.count(hits=1)
        return response

    def _pull(self, route: Route) -> bool:
        """Bring an image from upstream, unless it is downstream; True if that was done."""
        upstream = self._upstream
        # What goes through filters comes out with another digest than the one that is asked for.
        impossible = route.digest is not None and self._deliverer.changes
        if upstream is None or impossible or self._is_there(route):
            return False
        with self._turns.alone(f"{route.repository} {route.item}"):
            if self._is_there(route):
                return False
            with self._slots:
                try:
                    source = upstream.image(route.repository, route.item)
                    return self._pull_image(source, route)
                except (OccystrapError, OSError) as error:
                    raise upstream_refusal(error) from error

    def _pull_image(self, source: Image, route: Route) -> bool:
        try:
            source.get_root()
        except APIException as error:
            if error.status == _NOT_FOUND:
                return False
            raise
        self._deliverer.deliver(source, route.repository, route.item)
        return True

    def _is_there(self, route: Route) -> bool:
        if route.digest is None:
            return self._downstream.tagged(route.repository, route.item) is not None
        return self._downstream.has_manifest(route.repository, route.digest)

    def _push(self, route: Route, request: Request) -> Response:
        tags = tag_parameters(route, request)
        manifest = read_manifest(route, request)
        self._check_unchanged(route, request, tags)
        self.counts.count(begun=1)
        try:
            with self._slots:
                stored = self._deliver(route.repository, manifest, tags or (route.item,))
        except BaseException:
            self.counts.count(failed=1)
            raise
        self.counts.count(pushed=1)
        # As stored; but for its own digest a client that names one is answered by that name.
        digest = stored.digest if route.digest is None or self._deliverer.changes else route.digest
        headers = {
            "Location": Route(RouteKind.MANIFEST, route.repository, str(digest)).path,
            "Docker-Content-Digest": str(digest),
        }
        told = empty(201, headers)
        named = [("OCI-Tag", tag) for tag in tags]
        return _told(Response(201, Headers([*told.headers, *named])))

    def _check_unchanged(self, route: Route, request: Request, tags: tuple[str, ...]) -> None:
        if not any(name in request.headers for name in _CONDITIONS):
            return
        for tag in (route.item,) if route.digest is None else tags:
            check_unchanged(request, self._downstream.tagged(route.repository, tag))

    def _deliver(
        self, repository: str, manifest: Manifest | Index, references: tuple[str, ...]
    ) -> Manifest | Index:
        blobs = manifest.references if isinstance(manifest, Manifest) else ()
        stored = manifest
        with self._session.delivering(repository, [blob.digest for blob in blobs]):
            for reference in references:
                with self._pushed(repository, manifest, reference) as source:
                    stored = self._deliverer.deliver(source, repository, reference)
        return stored

    @contextmanager
    def _pushed(
        self, repository: str, manifest: Manifest | Index, reference: str
    ) -> Iterator[Image]:
        """Make a source of a manifest that was pushed, and of the blobs that it names."""
        handler = Registry(ProxyStore(self._session, self._downstream, pushed=manifest))
        with httpx.Client(transport=InProcessTransport(handler), trust_env=False) as client:
            # What is downstream is asked for with retries of its own.
            session = Session(client, Traffic(policy=RetryPolicy(0)))
            name = reference if ":" in reference else f"{reference}@{manifest.digest}"
            yield Image(PUSHED, repository, name, session=session)


def _told(response: Response) -> Response:
    headers = response.headers.replace("Docker-Distribution-Api-Version", "registry/2.0")
    return Response(response.status, headers, response.body)
