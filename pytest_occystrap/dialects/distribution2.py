"""Distribution 2.8, the registry that the Docker image `registry:2` and Debian's package run.

All of it was seen on docker-registry 2.8.2 of Debian. That the status of an upload always reports
`0-0`, as is told of it, isn't so.
"""

from __future__ import annotations

from typing import Final

from occystrap.oci.routes import RouteKind
from pytest_occystrap.dialects.answers import NO_METHOD_TEXT, NOT_FOUND_TEXT, error
from pytest_occystrap.dialects.form import (
    Absent,
    Dialect,
    HeaderRule,
    ListingForm,
    ManifestForm,
    Negotiation,
    Paging,
    Ranges,
    Rewording,
    UploadForm,
)

__all__ = ["DISTRIBUTION2"]

_SEEN: Final = "seen on docker-registry 2.8.2 of Debian"

DISTRIBUTION2: Final = Dialect(
    "distribution2",
    "Distribution 2.8",
    uploads=UploadForm(
        absolute=True,
        forwarded=True,
        state=True,
        stale_state=error(404, "BLOB_UPLOAD_INVALID", "blob upload invalid"),
        ranges=Ranges.IGNORED,
        checks_last_range=False,
        octet_stream_only=error(500, "UNKNOWN", "unknown error", detail={}),
        single_post=False,
        lenient_mounts=True,
        keeps_refused=True,
        head=True,
    ),
    manifests=ManifestForm(
        negotiation=Negotiation.DISTRIBUTION2,
        absolute=True,
        forwarded=True,
        deletes_tags=False,
        untyped=error(400, "MANIFEST_INVALID", "manifest invalid", detail={}),
    ),
    listing=ListingForm(
        tags=Paging(paged=False),
        catalog=Paging(
            usual=100,
            most=1000,
            over=error(400, "PAGINATION_NUMBER_INVALID", "invalid number of results requested"),
            lenient=True,
        ),
        tags_come_with_the_first=True,
    ),
    absent=(Absent(RouteKind.REFERRERS, (), NOT_FOUND_TEXT),),
    no_route=NOT_FOUND_TEXT,
    no_method=NO_METHOD_TEXT,
    routes_bad_digests=True,
    rewordings=(
        Rewording("MANIFEST_BLOB_UNKNOWN", status=400, message="blob unknown to registry"),
        Rewording("MANIFEST_INVALID", status=400),
    ),
    headers=(
        HeaderRule("OCI-Subject", None),
        HeaderRule("Docker-Distribution-Api-Version", "registry/2.0"),
        HeaderRule("Docker-Content-Digest", None, (RouteKind.BLOB,), ("DELETE",)),
    ),
    sources={
        "uploads.absolute": _SEEN,
        "uploads.forwarded": _SEEN,
        "uploads.state": _SEEN,
        "uploads.stale_state": _SEEN,
        "uploads.ranges": f"{_SEEN}; distribution v2.8.3 registry/handlers/blobupload.go",
        "uploads.checks_last_range": _SEEN,
        "uploads.octet_stream_only": f"{_SEEN}; registry/handlers/blobupload.go",
        "uploads.single_post": _SEEN,
        "uploads.lenient_mounts": _SEEN,
        "uploads.keeps_refused": _SEEN,
        "uploads.head": _SEEN,
        "manifests.negotiation": f"{_SEEN}; registry/handlers/manifests.go",
        "manifests.absolute": _SEEN,
        "manifests.forwarded": _SEEN,
        "manifests.deletes_tags": _SEEN,
        "manifests.untyped": f"{_SEEN}: taken for a manifest of the first schema",
        "listing.tags": _SEEN,
        "listing.tags_come_with_the_first": _SEEN,
        "listing.catalog": f"{_SEEN}; registry/handlers/catalog.go",
        "absent": f"{_SEEN}: no referrers",
        "no_route": _SEEN,
        "no_method": _SEEN,
        "routes_bad_digests": _SEEN,
        "rewordings": _SEEN,
        "headers": f"{_SEEN}: no OCI-Subject, and every answer has its version",
    },
    unchecked=(
        "whether blobs are redirected, which depends on the storage driver",
        "signatures of schema 1 manifests, which are left out",
    ),
)
