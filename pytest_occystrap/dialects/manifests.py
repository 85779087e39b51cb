"""Manifests and referrers as a dialect has them."""

from __future__ import annotations

import threading
from dataclasses import replace
from typing import Final

from occystrap.oci.digest import Digest
from occystrap.oci.media_types import lookup
from occystrap.oci.routes import Route, RouteKind
from occystrap.server.message import Handler, Request, Response
from occystrap.server.store import Store
from pytest_occystrap.dialects.answers import error
from pytest_occystrap.dialects.form import ManifestForm
from pytest_occystrap.dialects.negotiation import Negotiator
from pytest_occystrap.dialects.requests import origin, route_of, with_header

__all__ = ["DialectManifests"]

_NOT_FOUND: Final = 404
_CREATED: Final = 201
_BY_TAG: Final = error(400, "DIGEST_INVALID", "provided digest did not match uploaded content")


class DialectManifests:
    """Speaks the endpoints of manifests and referrers."""

    def __init__(self, inner: Handler, form: ManifestForm, store: Store) -> None:
        self._inner = inner
        self._form = form
        self._store = store
        self._negotiator = Negotiator(inner, store, form.negotiation)
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
        if request.method in ("GET", "HEAD"):
            return self._get(route, request)
        return self._inner.handle(request)

    def _referrers(self, route: Route, request: Request) -> Response:
        unknown = self._form.unknown_subject
        subject = Digest.parse(route.item)
        if unknown is not None and self._store.manifest(route.repository, subject) is None:
            return unknown.response
        return self._inner.handle(request)

    def _put(self, request: Request) -> Response:
        media_type = request.headers.get("Content-Type")
        if self._form.untyped is not None and not media_type:
            return self._form.untyped.response
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
        return self._negotiator.answer(route, request, found)

    def _missing(self, route: Route, request: Request) -> Response:
        with self._lock:
            expired = (route.repository, route.item) in self._deleted
        if not expired:
            return self._inner.handle(request)
        message = self._form.expired_tag.format(tag=route.item)
        return error(_NOT_FOUND, "TAG_EXPIRED", message, detail={}).response
