"""Manifests and referrers as a dialect has them."""

from __future__ import annotations

import threading
from dataclasses import replace
from typing import Final

from occystrap.errors import InvalidManifest
from occystrap.oci.digest import Digest
from occystrap.oci.manifest import Index, Manifest
from occystrap.oci.media_types import Family, essence, lookup
from occystrap.oci.routes import Route, RouteKind
from occystrap.server.answers import content
from occystrap.server.message import Handler, Request, Response
from occystrap.server.store import Store
from pytest_occystrap.dialects.answers import error
from pytest_occystrap.dialects.form import ManifestForm, Negotiation
from pytest_occystrap.dialects.requests import origin, route_of, with_header
from pytest_occystrap.dialects.schema1 import SCHEMA1, schema1

__all__ = ["DialectManifests"]

_NOT_FOUND: Final = 404
_CREATED: Final = 201
_OCI_MANIFEST: Final = "OCI manifest found, but accept header does not support OCI manifests"
_OCI_INDEX: Final = "OCI index found, but accept header does not support OCI indexes"
_NO_SCHEMA2: Final = error(400, "MANIFEST_INVALID", "Schema 2 manifest not supported by client")
_BY_TAG: Final = error(400, "DIGEST_INVALID", "provided digest did not match uploaded content")


class DialectManifests:
    """Speaks the endpoints of manifests and referrers."""

    def __init__(self, inner: Handler, form: ManifestForm, store: Store) -> None:
        self._inner = inner
        self._form = form
        self._store = store
        self._deleted: set[tuple[str, str]] = set()
        self._lock = threading.Lock()

    def handle(self, request: Request) -> Response:
        """Answer as the inner handler does, in the form of the dialect."""
        route = route_of(request)
        if route is None or route.kind not in (RouteKind.MANIFEST, RouteKind.REFERRERS):
            return self._inner.handle(request)
        if route.kind is RouteKind.REFERRERS:
            return self._referrers(route, request)
        if request.method == "PUT":
            return self._put(request)
        if request.method == "DELETE":
            return self._delete(route, request)
        return self._get(route, request)

    def _referrers(self, route: Route, request: Request) -> Response:
        unknown = self._form.unknown_subject
        subject = Digest.parse(route.item)
        if unknown is not None and self._store.manifest(route.repository, subject) is None:
            return unknown.response
        return self._inner.handle(request)

    def _put(self, request: Request) -> Response:
        media_type = request.headers.get("Content-Type")
        if self._form.unknown_type is not None and media_type and lookup(media_type) is None:
            return self._form.unknown_type.response
        response = self._inner.handle(request)
        location = response.headers.get("Location")
        if response.status != _CREATED or location is None:
            return response
        if self._form.absolute:
            place = origin(request, forwarded=self._form.forwarded)
            response = with_header(response, "Location", place + location)
        if self._form.stored:
            headers = response.headers.replace("Content-Length", str(len(self._form.stored)))
            response = replace(response, headers=headers, body=(self._form.stored,))
        return response

    def _delete(self, route: Route, request: Request) -> Response:
        if route.digest is None and not self._form.deletes_tags:
            return _BY_TAG.response
        tags = self._tags(route)
        response = self._inner.handle(request)
        if self._form.expired_tag and response.status < _NOT_FOUND:
            with self._lock:
                self._deleted.update((route.repository, tag) for tag in tags)
        return response

    def _tags(self, route: Route) -> list[str]:
        """List the tags that go when this is deleted."""
        if route.digest is None:
            return [route.item]
        repository = route.repository
        tags = self._store.tags(repository) or ()
        return [tag for tag in tags if self._store.tagged(repository, tag) == route.digest]

    def _get(self, route: Route, request: Request) -> Response:
        digest = route.digest or self._store.tagged(route.repository, route.item)
        found = None if digest is None else self._store.manifest(route.repository, digest)
        if found is None:
            return self._missing(route, request)
        accepted = _accepted(request)
        if found.media_type in accepted:
            return self._inner.handle(request)
        if self._form.negotiation is Negotiation.DISTRIBUTION:
            return self._as_distribution(route, request, found, accepted)
        if self._form.negotiation is Negotiation.SCHEMA1 and route.digest is None:
            return self._as_schema1(route, request, found)
        return self._inner.handle(request)

    def _missing(self, route: Route, request: Request) -> Response:
        with self._lock:
            expired = (route.repository, route.item) in self._deleted
        if not expired:
            return self._inner.handle(request)
        message = self._form.expired_tag.format(tag=route.item)
        return error(_NOT_FOUND, "TAG_EXPIRED", message, detail={}).response

    def _as_distribution(
        self, route: Route, request: Request, found: Manifest | Index, accepted: frozenset[str]
    ) -> Response:
        row = lookup(found.media_type)
        if row is not None and row.family is Family.OCI:
            message = _OCI_INDEX if isinstance(found, Index) else _OCI_MANIFEST
            return error(_NOT_FOUND, "MANIFEST_UNKNOWN", message).response
        if isinstance(found, Manifest) or route.digest is not None:
            return self._inner.handle(request)
        child = self._usual_image(route.repository, found)
        if child is None:
            return error(_NOT_FOUND, "MANIFEST_UNKNOWN", "manifest unknown").response
        if child.media_type not in accepted:
            return _NO_SCHEMA2.response
        path = Route(RouteKind.MANIFEST, route.repository, str(child.digest)).path
        return self._inner.handle(replace(request, path=path))

    def _as_schema1(self, route: Route, request: Request, found: Manifest | Index) -> Response:
        image = found
        if isinstance(found, Index):
            image = self._usual_image(route.repository, found) or found
        if isinstance(image, Index):
            return self._inner.handle(request)
        config = self._store.blob(route.repository, image.config.digest)
        raw = b"" if config is None else b"".join(config.read(0, config.size))
        try:
            made = schema1(image, raw, route.repository, route.item)
        except InvalidManifest:
            return self._inner.handle(request)
        return content(200, made, SCHEMA1, {"Docker-Content-Digest": str(Digest.of(made))})

    def _usual_image(self, repository: str, index: Index) -> Manifest | None:
        """Choose the image for linux/amd64, which is what old clients get of an index."""
        for descriptor in index.manifests:
            platform = descriptor.platform
            if platform is not None and (platform.os, platform.architecture) == ("linux", "amd64"):
                child = self._store.manifest(repository, descriptor.digest)
                return child if isinstance(child, Manifest) else None
        return None


def _accepted(request: Request) -> frozenset[str]:
    listed = ",".join(request.headers.get_all("Accept"))
    return frozenset(essence(entry) for entry in listed.split(","))
