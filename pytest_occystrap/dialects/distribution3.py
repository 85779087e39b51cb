"""Distribution 3, the registry that the Docker image `registry:3` runs."""

from __future__ import annotations

from typing import Final

from occystrap.oci.routes import RouteKind
from pytest_occystrap.dialects.answers import NOT_FOUND_TEXT, error
from pytest_occystrap.dialects.form import (
    Absent,
    BlobForm,
    Dialect,
    HeaderRule,
    ListingForm,
    ManifestForm,
    Negotiation,
    Paging,
    Ranges,
    Redirect,
    Rewording,
    UploadForm,
)

__all__ = ["DISTRIBUTION3"]

_CODE: Final = "distribution 3.1 registry"

DISTRIBUTION3: Final = Dialect(
    "distribution3",
    "Distribution 3",
    uploads=UploadForm(
        absolute=True,
        forwarded=True,
        state=True,
        stale_state=error(416, "RANGE_INVALID", "upload resumed at wrong offset"),
        ranges=Ranges.CHECKED_WITH_LENGTH,
        checks_last_range=False,
        octet_stream_only=error(500, "UNKNOWN", "unknown error"),
    ),
    blobs=BlobForm(Redirect("bucket.s3.amazonaws.com", seconds=1200, usual=False)),
    manifests=ManifestForm(negotiation=Negotiation.DISTRIBUTION, absolute=True, forwarded=True),
    listing=ListingForm(
        tags=Paging(most=1000),
        catalog=Paging(
            usual=100,
            most=1000,
            over=error(400, "PAGINATION_NUMBER_INVALID", "invalid number of results requested"),
        ),
    ),
    absent=(Absent(RouteKind.REFERRERS, ("GET", "HEAD"), NOT_FOUND_TEXT),),
    rewordings=(
        Rewording("MANIFEST_BLOB_UNKNOWN", status=400),
        Rewording("BLOB_UPLOAD_INVALID", status=404),
        Rewording("MANIFEST_INVALID", status=400),
    ),
    headers=(HeaderRule("OCI-Subject", None),),
    sources={
        "uploads.absolute": f"{_CODE}/handlers/blobupload.go",
        "uploads.forwarded": f"{_CODE}/api/v2/urls.go",
        "uploads.state": f"{_CODE}/handlers/blobupload.go",
        "uploads.stale_state": f"{_CODE}/handlers/blobupload.go; oras-project/oras-py#150",
        "uploads.ranges": f"{_CODE}/handlers/blobupload.go",
        "uploads.checks_last_range": f"{_CODE}/handlers/blobupload.go",
        "uploads.octet_stream_only": f"{_CODE}/handlers/blobupload.go",
        "blobs.redirect": f"{_CODE}/storage/driver/s3-aws",
        "manifests.negotiation": f"{_CODE}/handlers/manifests.go",
        "manifests.absolute": f"{_CODE}/handlers/manifests.go",
        "manifests.forwarded": f"{_CODE}/api/v2/urls.go",
        "listing.tags": f"{_CODE}/handlers/tags.go",
        "listing.catalog": f"{_CODE}/handlers/catalog.go",
        "absent": f"{_CODE}/api/v2/descriptors.go: no referrers",
        "rewordings": f"{_CODE}/api/errcode/register.go",
        "headers": f"{_CODE}/handlers/manifests.go: no OCI-Subject",
    },
    unchecked=("the largest pages, taken to be the 1000 of version 2",),
)
