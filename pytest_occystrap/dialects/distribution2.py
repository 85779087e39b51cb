"""Distribution 2.8, the registry that the Docker image `registry:2` and Debian's package run.

All of it was seen on docker-registry 2.8.2 of Debian. That the status of an upload always reports
`0-0`, as is told of it, isn't so.
"""

from __future__ import annotations

from typing import Final

from occystrap.oci.routes import RouteKind
from occystrap.server.answers import JSON
from pytest_occystrap.dialects.answers import NO_METHOD_TEXT, NOT_FOUND_TEXT, error
from pytest_occystrap.dialects.form import (
    Absent,
    Detail,
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
_BLOB: Final = (RouteKind.BLOB,)
_MANIFEST: Final = (RouteKind.MANIFEST,)
_WRONG_DIGEST: Final = "provided digest did not match uploaded content"
_UNKNOWN: Final = "manifest unknown"

_REWORDINGS: Final = (
    Rewording(
        "MANIFEST_BLOB_UNKNOWN",
        status=400,
        message="blob unknown to registry",
        each="digests",
        detail="{each}",
    ),
    Rewording("MANIFEST_INVALID", status=400, message="manifest invalid", detail={}),
    Rewording("DIGEST_INVALID", _MANIFEST, message=_WRONG_DIGEST, detail=Detail.LEFT_OUT),
    Rewording("DIGEST_INVALID", message=_WRONG_DIGEST, detail={}),
    Rewording("MANIFEST_UNKNOWN", methods=("DELETE",), message=_UNKNOWN, detail=Detail.LEFT_OUT),
    Rewording(
        "MANIFEST_UNKNOWN",
        by_digest=True,
        message=_UNKNOWN,
        detail={"Name": "{name}", "Revision": "{item}"},
    ),
    Rewording("MANIFEST_UNKNOWN", message=_UNKNOWN, detail={"Tag": "{item}"}),
    Rewording("BLOB_UNKNOWN", _BLOB, methods=("DELETE",), detail=Detail.LEFT_OUT),
    Rewording("BLOB_UNKNOWN", _BLOB, detail="{item}"),
    Rewording("BLOB_UPLOAD_UNKNOWN", detail={}),
)

_HEADERS: Final = (
    HeaderRule("OCI-Subject", None),
    HeaderRule("Docker-Distribution-Api-Version", "registry/2.0"),
    HeaderRule("Docker-Content-Digest", None, _BLOB, ("DELETE",)),
    HeaderRule("Content-Type", f"{JSON}; charset=utf-8", instead_of=JSON),
    HeaderRule("Docker-Content-Digest", None, _MANIFEST, statuses=(304,)),
    HeaderRule("ETag", None, _MANIFEST, statuses=(304,)),
    HeaderRule("Content-Type", None, _BLOB, statuses=(304,)),
    HeaderRule("Accept-Ranges", None, _BLOB, statuses=(304,)),
)

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
        no_digest=error(400, "DIGEST_INVALID", _WRONG_DIGEST, detail="digest missing"),
        bad_digest=error(400, "DIGEST_INVALID", _WRONG_DIGEST, detail="digest parsing failed"),
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
            over=error(
                400,
                "PAGINATION_NUMBER_INVALID",
                "invalid number of results requested",
                detail={"n": "{n}"},
            ),
            lenient=True,
            sorted_link=True,
        ),
        tags_come_with_the_first=True,
    ),
    absent=(Absent(RouteKind.REFERRERS, (), NOT_FOUND_TEXT),),
    no_route=NOT_FOUND_TEXT,
    no_method=NO_METHOD_TEXT,
    routes_bad_digests=True,
    rewordings=_REWORDINGS,
    headers=_HEADERS,
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
        "uploads.no_digest": _SEEN,
        "uploads.bad_digest": _SEEN,
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
        "headers": f"{_SEEN}: no OCI-Subject, and every answer has its version; a 304"
        " has less than RFC 9110 wants",
    },
    unchecked=(
        "whether blobs are redirected, which depends on the storage driver",
        "signatures of schema 1 manifests, which are left out",
    ),
)
