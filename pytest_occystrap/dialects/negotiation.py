"""What a client gets that didn't name the type of the manifest that it asks for.

Rule: who asks by digest gets those bytes or nothing; only by tag is anything put in their place.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final

from occystrap.errors import InvalidManifest
from occystrap.oci.digest import Digest
from occystrap.oci.manifest import Index, Manifest
from occystrap.oci.media_types import DOCKER_MANIFEST, Family, essence, lookup
from occystrap.oci.routes import Route, RouteKind
from occystrap.server.answers import content
from occystrap.server.message import Handler, Request, Response
from occystrap.server.store import Store
from pytest_occystrap.dialects.answers import error
from pytest_occystrap.dialects.form import Negotiation
from pytest_occystrap.dialects.schema1 import (
    SCHEMA1,
    SIGNED_SCHEMA1,
    is_told_of_each_layer,
    schema1,
)

__all__ = ["Negotiator"]

_NO_OCI_MANIFEST: Final = error(
    404,
    "MANIFEST_UNKNOWN",
    "OCI manifest found, but accept header does not support OCI manifests",
)
_NO_OCI_INDEX: Final = error(
    404,
    "MANIFEST_UNKNOWN",
    "OCI index found, but accept header does not support OCI indexes",
)
_UNKNOWN: Final = error(404, "MANIFEST_UNKNOWN", "manifest unknown")
_NO_SCHEMA2: Final = error(400, "MANIFEST_INVALID", "Schema 2 manifest not supported by client")
_NO_SCHEMA1: Final = error(400, "MANIFEST_INVALID", "manifest invalid", detail={})
_DISTRIBUTION: Final = (Negotiation.DISTRIBUTION, Negotiation.DISTRIBUTION2)


@dataclass(frozen=True, slots=True)
class Negotiator:
    """Answers for manifests that are there; `inner` sends them as they are."""

    inner: Handler
    store: Store
    way: Negotiation

    def answer(self, route: Route, request: Request, found: Manifest | Index) -> Response:
        """Send a manifest, or what the client gets instead."""
        accepted = _accepted(request)
        is_had = request.headers.get("If-None-Match") == f'"{found.digest}"'
        if self.way is Negotiation.NONE or found.media_type in accepted:
            return self.inner.handle(request)
        if is_had and self.way is Negotiation.DISTRIBUTION2:
            return self.inner.handle(request)  # which has not changed, whatever it is
        row = lookup(found.media_type)
        if self.way in _DISTRIBUTION and row is not None and row.family is Family.OCI:
            refusal = _NO_OCI_INDEX if isinstance(found, Index) else _NO_OCI_MANIFEST
            return refusal.response
        if route.digest is not None:
            return self.inner.handle(request)
        if self.way is Negotiation.SCHEMA1:
            return self._made_up(route, request, found)
        return self._as_distribution(route, request, found, accepted)

    def _as_distribution(
        self, route: Route, request: Request, found: Manifest | Index, accepted: frozenset[str]
    ) -> Response:
        image = self._usual_part(route.repository, found)
        # Version 2 converts Docker's images alone; whatever else a list names is sent as it is.
        as_it_is = self.way is Negotiation.DISTRIBUTION2 and not _is_of_docker(image)
        if image is None or (isinstance(image, Index) and not as_it_is):
            return _UNKNOWN.response
        if image is not found and (as_it_is or image.media_type in accepted):
            path = Route(RouteKind.MANIFEST, route.repository, str(image.digest)).path
            return self.inner.handle(replace(request, path=path))
        if self.way is Negotiation.DISTRIBUTION2 and isinstance(image, Manifest):
            made = self._schema1(route, image)
            return _NO_SCHEMA1.response if made is None else _present(made, SIGNED_SCHEMA1)
        return self.inner.handle(request) if image is found else _NO_SCHEMA2.response

    def _made_up(self, route: Route, request: Request, found: Manifest | Index) -> Response:
        image = self._usual_image(route.repository, found)
        made = None if image is None else self._schema1(route, image)
        return self.inner.handle(request) if made is None else _present(made, SCHEMA1)

    def _schema1(self, route: Route, image: Manifest) -> bytes | None:
        config = self.store.blob(route.repository, image.config.digest)
        raw = b"" if config is None else b"".join(config.read(0, config.size))
        try:
            if self.way is Negotiation.DISTRIBUTION2 and not is_told_of_each_layer(image, raw):
                return None
            return schema1(image, raw, route.repository, route.item)
        except InvalidManifest:
            return None

    def _usual_image(self, repository: str, found: Manifest | Index) -> Manifest | None:
        part = self._usual_part(repository, found)
        return part if isinstance(part, Manifest) else None

    def _usual_part(self, repository: str, found: Manifest | Index) -> Manifest | Index | None:
        """Choose what is for linux/amd64, which is what old clients get of an index."""
        if isinstance(found, Manifest):
            return found
        for descriptor in found.manifests:
            platform = descriptor.platform
            if platform is not None and (platform.os, platform.architecture) == ("linux", "amd64"):
                return self.store.manifest(repository, descriptor.digest)
        return None


def _is_of_docker(found: Manifest | Index | None) -> bool:
    return isinstance(found, Manifest) and found.media_type == DOCKER_MANIFEST


def _present(made: bytes, media_type: str) -> Response:
    digest = Digest.of(made)
    headers = {"Docker-Content-Digest": str(digest)}
    if media_type == SIGNED_SCHEMA1:
        headers["ETag"] = f'"{digest}"'
    return content(200, made, media_type, headers)


def _accepted(request: Request) -> frozenset[str]:
    listed = ",".join(request.headers.get_all("Accept"))
    return frozenset(essence(entry) for entry in listed.split(","))
