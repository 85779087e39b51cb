"""Mounting blobs as a dialect has it."""

from __future__ import annotations

from typing import Final

from occystrap.oci.manifest import Manifest
from occystrap.oci.routes import RouteKind
from occystrap.server.message import Handler, Request, Response
from occystrap.server.store import ManifestStore
from pytest_occystrap.dialects.answers import error
from pytest_occystrap.dialects.form import UploadForm
from pytest_occystrap.dialects.requests import route_of, with_query

__all__ = ["DialectMounts"]

_UNAUTHORIZED: Final = 401


class DialectMounts:
    """Speaks the mounting of blobs from another repository."""

    def __init__(self, inner: Handler, form: UploadForm, store: ManifestStore) -> None:
        self._inner = inner
        self._form = form
        self._store = store

    def handle(self, request: Request) -> Response:
        """Refuse to mount, begin an upload instead, or let it happen."""
        route = route_of(request)
        digest, source = request.parameter("mount"), request.parameter("from")
        if route is None or route.kind is not RouteKind.UPLOADS or not digest or not source:
            return self._inner.handle(request)
        project = source.partition("/")[0]
        if self._form.mount_from_nowhere and not self._has(project):
            message = self._form.mount_from_nowhere.format(project=project)
            return error(_UNAUTHORIZED, "UNAUTHORIZED", message).response
        if self._form.mounts_what_manifests_name and not self._names(source, digest):
            request = with_query(request, **{"mount": None, "from": None})
        return self._inner.handle(request)

    def _has(self, project: str) -> bool:
        return any(name.partition("/")[0] == project for name in self._store.repositories())

    def _names(self, repository: str, digest: str) -> bool:
        """Tell whether a manifest of the repository needs the blob."""
        return any(
            str(descriptor.digest) == digest
            for manifest in self._store.manifests(repository)
            if isinstance(manifest, Manifest)
            for descriptor in manifest.references
        )
