"""The endpoints that list: tags, repositories, referrers.

Rule: lists are sorted, so that `last` means the same on every page.
Spec: https://github.com/opencontainers/distribution-spec/blob/v1.1.1/spec.md#content-discovery
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from urllib.parse import urlencode

from occystrap.oci.descriptor import Descriptor
from occystrap.oci.diagnostics import ErrorCode
from occystrap.oci.digest import Digest
from occystrap.oci.manifest import Index, Manifest
from occystrap.oci.media_types import OCI_INDEX
from occystrap.oci.routes import Route
from occystrap.server.answers import Refusal, document
from occystrap.server.message import Request, Response
from occystrap.server.store import ManifestStore

__all__ = ["Listing", "list_referrers"]


class Listing:
    """Answer requests for lists."""

    def __init__(self, store: ManifestStore) -> None:
        self._store = store

    def tags(self, route: Route, request: Request) -> Response:
        """List the tags of a repository, without regard to case as the specification wants it."""
        tags = self._store.tags(route.repository)
        if tags is None:
            raise Refusal(ErrorCode.NAME_UNKNOWN, detail={"name": route.repository})
        page, headers = _page(tags, route, request, lambda tag: (tag.lower(), tag))
        return document({"name": route.repository, "tags": page}, headers)

    def catalog(self, route: Route, request: Request) -> Response:
        """List the repositories."""
        page, headers = _page(self._store.repositories(), route, request, lambda name: (name,))
        return document({"repositories": page}, headers)

    def referrers(self, route: Route, request: Request) -> Response:
        """List what refers to a manifest, be that there or not."""
        subject = Digest.parse(route.item)
        found = [
            _describe(manifest)
            for manifest in self._store.manifests(route.repository)
            if manifest.subject is not None and manifest.subject.digest == subject
        ]
        return list_referrers(found, request.parameter("artifactType"))


def list_referrers(found: Sequence[Descriptor], artifact_type: str | None) -> Response:
    """Answer with what refers to a manifest; `artifact_type` leaves all others away."""
    headers = {}
    if artifact_type is not None:
        found = [each for each in found if each.artifact_type == artifact_type]
        headers["OCI-Filters-Applied"] = "artifactType"
    index: dict[str, object] = {
        "schemaVersion": 2,
        "mediaType": OCI_INDEX,
        "manifests": [descriptor.to_document() for descriptor in found],
    }
    return document(index, headers, OCI_INDEX)


def _describe(manifest: Manifest | Index) -> Descriptor:
    artifact_type = manifest.artifact_type
    if not artifact_type and isinstance(manifest, Manifest):
        artifact_type = manifest.config.media_type
    return replace(
        manifest.descriptor, artifact_type=artifact_type, annotations=manifest.annotations
    )


def _page(
    names: Iterable[str],
    route: Route,
    request: Request,
    key: Callable[[str], tuple[str, ...]],
) -> tuple[list[str], dict[str, str]]:
    """Cut out the page that is asked for, and point at the next one if there is any."""
    limit, last = _limit(request), request.parameter("last")
    rest = sorted((name for name in names if last is None or key(name) > key(last)), key=key)
    if limit is None or len(rest) <= limit:
        return rest, {}
    page = rest[:limit]
    if not page:
        return page, {}
    query = urlencode({"n": limit, "last": page[-1]})
    return page, {"Link": f'<{route.path}?{query}>; rel="next"'}


def _limit(request: Request) -> int | None:
    text = request.parameter("n")
    if text is None:
        return None
    if not text.isascii() or not text.isdigit() or len(text) > len(str(2**63)):
        raise Refusal(ErrorCode.PAGINATION_NUMBER_INVALID, detail={"n": text})
    return int(text)
