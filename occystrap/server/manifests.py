"""The endpoints of manifests and tags.

Rule: a manifest is kept byte for byte, and only when everything that it names is in its
repository, with the size that it says; its subject alone may come later.
Spec: https://github.com/opencontainers/distribution-spec/blob/v1.1.1/spec.md#pushing-manifests
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Final

from occystrap.errors import InvalidManifest
from occystrap.oci.descriptor import Descriptor
from occystrap.oci.diagnostics import ErrorCode
from occystrap.oci.digest import Digest
from occystrap.oci.manifest import Index, Manifest, parse_manifest
from occystrap.oci.media_types import essence
from occystrap.oci.routes import Route, RouteKind
from occystrap.server.answers import Refusal, content, empty, etag, is_known_to
from occystrap.server.message import Headers, Request, Response
from occystrap.server.store import Store

__all__ = ["MANIFEST_LIMIT", "Manifests"]

#: What every registry has to take, and the reference implementation takes no more.
MANIFEST_LIMIT: Final = 4 * 1024 * 1024


class Manifests:
    """Answer requests about manifests, by tag or by digest."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def get(self, route: Route, request: Request) -> Response:
        """Send a manifest."""
        manifest = self._find(route)
        digest = manifest.digest
        headers = {"Docker-Content-Digest": str(digest), "ETag": etag(digest)}
        if is_known_to(request, digest):
            return Response(304, Headers(headers))
        return content(200, manifest.raw, manifest.media_type, headers)

    def put(self, route: Route, request: Request) -> Response:
        """Take a manifest, and let a tag point at it."""
        manifest = _read_manifest(route, request)
        self._check_content(route.repository, manifest)
        tag = None if route.digest is not None else route.item
        self._store.add_manifest(route.repository, manifest, tag)
        digest = str(manifest.digest)
        headers = {
            "Location": Route(RouteKind.MANIFEST, route.repository, digest).path,
            "Docker-Content-Digest": digest,
        }
        if manifest.subject is not None:
            headers["OCI-Subject"] = str(manifest.subject.digest)
        return empty(201, headers)

    def delete(self, route: Route, _request: Request) -> Response:
        """Remove a tag, or a manifest with all its tags."""
        if route.digest is None:
            removed = self._store.remove_tag(route.repository, route.item)
        else:
            removed = self._store.remove_manifest(route.repository, route.digest)
        if not removed:
            raise _unknown(route)
        return empty(202)

    def _find(self, route: Route) -> Manifest | Index:
        digest = route.digest or self._store.tagged(route.repository, route.item)
        manifest = None if digest is None else self._store.manifest(route.repository, digest)
        if manifest is None:
            raise _unknown(route)
        return manifest

    def _check_content(self, repository: str, manifest: Manifest | Index) -> None:
        missing = []
        for descriptor in _references(manifest):
            size = self._size(repository, descriptor.digest)
            if size is None:
                missing.append(str(descriptor.digest))
            elif size != descriptor.size:
                raise Refusal(
                    ErrorCode.SIZE_INVALID,
                    f"the manifest says {descriptor.size} bytes of {descriptor.digest},"
                    f" which has {size}",
                )
        if missing:
            raise Refusal(
                ErrorCode.MANIFEST_BLOB_UNKNOWN,
                f"the manifest names content that isn't in {repository}: {', '.join(missing)}",
                detail={"digests": missing},
            )

    def _size(self, repository: str, digest: Digest) -> int | None:
        """Size of what has the digest, be it a manifest or a blob."""
        blob = self._store.blob(repository, digest)
        if blob is not None:
            return blob.size
        manifest = self._store.manifest(repository, digest)
        return None if manifest is None else len(manifest.raw)


def _references(manifest: Manifest | Index) -> Iterable[Descriptor]:
    return manifest.manifests if isinstance(manifest, Index) else manifest.references


def _unknown(route: Route) -> Refusal:
    return Refusal(
        ErrorCode.MANIFEST_UNKNOWN,
        f"{route.repository} has no manifest {route.item}",
        detail={"name": route.repository, "reference": route.item},
    )


def _read_manifest(route: Route, request: Request) -> Manifest | Index:
    raw = b"".join(_limited(request.body))
    wanted = route.digest
    try:
        manifest = parse_manifest(raw, algorithm="sha256" if wanted is None else wanted.algorithm)
    except InvalidManifest as error:
        raise Refusal(ErrorCode.MANIFEST_INVALID, str(error)) from error
    content_type = request.headers.get("Content-Type")
    if content_type is not None and essence(content_type) != manifest.media_type:
        raise Refusal(
            ErrorCode.MANIFEST_INVALID,
            f"the Content-Type is {content_type}, but the manifest is {manifest.media_type}",
        )
    if wanted not in (None, manifest.digest):
        raise Refusal(
            ErrorCode.DIGEST_INVALID, f"the manifest hashes to {manifest.digest}, not {wanted}"
        )
    return manifest


def _limited(pieces: Iterable[bytes]) -> Iterator[bytes]:
    size = 0
    for piece in pieces:
        size += len(piece)
        if size > MANIFEST_LIMIT:
            raise Refusal(
                ErrorCode.MANIFEST_INVALID,
                f"a manifest has at most {MANIFEST_LIMIT} bytes",
                status=413,
            )
        yield piece
