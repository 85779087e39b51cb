"""The endpoints of manifests and tags.

Rule: a manifest is kept byte for byte, and only when everything that it names is in its
repository, with the size that it says; its subject alone may come later, unless sparse manifests
are welcome. Who changes a tag may say what it has to be before (If-Match, If-None-Match), and
nobody comes in between.
Spec: https://github.com/opencontainers/distribution-spec/blob/v1.1.1/spec.md#pushing-manifests
"""

from __future__ import annotations

import threading
from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import Final

from occystrap.errors import InvalidManifest, InvalidTag
from occystrap.oci.descriptor import Descriptor
from occystrap.oci.diagnostics import ErrorCode
from occystrap.oci.digest import Digest
from occystrap.oci.manifest import Index, Manifest, parse_manifest
from occystrap.oci.media_types import essence
from occystrap.oci.reference import check_tag
from occystrap.oci.routes import Route, RouteKind
from occystrap.server.answers import (
    Refusal,
    check_unchanged,
    content,
    empty,
    etag,
    is_known_to,
)
from occystrap.server.message import Headers, Request, Response
from occystrap.server.store import Store

__all__ = ["MANIFEST_LIMIT", "Manifests", "read_manifest", "tag_parameters"]

#: What every registry has to take, and the reference implementation takes no more.
MANIFEST_LIMIT: Final = 4 * 1024 * 1024


class Manifests:
    """Answer requests about manifests, by tag or by digest; sparse ones name what isn't there."""

    def __init__(self, store: Store, *, sparse: bool = False) -> None:
        self._store = store
        self._sparse = sparse
        self._changing = threading.Lock()

    def get(self, route: Route, request: Request) -> Response:
        """Send a manifest."""
        manifest = self._find(route)
        digest = manifest.digest
        headers = {"Docker-Content-Digest": str(digest), "ETag": etag(digest)}
        if is_known_to(request, digest):
            return Response(304, Headers(headers))
        return content(200, manifest.raw, manifest.media_type, headers)

    def put(self, route: Route, request: Request) -> Response:
        """Take a manifest, and let tags point at it."""
        more = tag_parameters(route, request)
        manifest = read_manifest(route, request)
        self._check_content(route.repository, manifest)
        self._keep(route, request, manifest, more)
        digest = str(manifest.digest)
        headers = {
            "Location": Route(RouteKind.MANIFEST, route.repository, digest).path,
            "Docker-Content-Digest": digest,
        }
        if manifest.subject is not None:
            headers["OCI-Subject"] = str(manifest.subject.digest)
        tags = [("OCI-Tag", tag) for tag in more]
        return Response(201, Headers([*empty(201, headers).headers, *tags]))

    def _keep(
        self, route: Route, request: Request, manifest: Manifest | Index, more: tuple[str, ...]
    ) -> None:
        tags: tuple[str, ...] = (route.item,) if route.digest is None else more
        with self._changing:
            for name in tags or (route.item,):
                check_unchanged(request, self._current(replace(route, item=name)))
            for tag in tags or (None,):
                self._store.add_manifest(route.repository, manifest, tag)

    def delete(self, route: Route, request: Request) -> Response:
        """Remove a tag, or a manifest with all its tags."""
        with self._changing:
            if self._current(route) is None:
                raise _unknown(route)
            check_unchanged(request, self._current(route))
            if route.digest is None:
                self._store.remove_tag(route.repository, route.item)
            else:
                self._store.remove_manifest(route.repository, route.digest)
        return empty(202)

    def _current(self, route: Route) -> Digest | None:
        """Digest of what a tag points at, or of a manifest that is there."""
        if route.digest is None:
            return self._store.tagged(route.repository, route.item)
        there = self._store.manifest(route.repository, route.digest) is not None
        return route.digest if there else None

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
        if missing and not self._sparse:
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


def tag_parameters(route: Route, request: Request) -> tuple[str, ...]:
    """Return the tags that a manifest pushed by digest gets as well.

    Spec: https://github.com/opencontainers/distribution-spec/blob/main/spec.md#pushing-manifests
    """
    if route.digest is None:
        return ()
    try:
        found = [check_tag(value) for name, value in request.query if name == "tag"]
    except InvalidTag as error:
        raise Refusal(ErrorCode.TAG_INVALID, str(error)) from error
    return tuple(dict.fromkeys(found))


def read_manifest(route: Route, request: Request) -> Manifest | Index:
    """Read a manifest that is pushed, and hold it against what the request says of it.

    Raises:
        Refusal: it is none, or another one.
    """
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
