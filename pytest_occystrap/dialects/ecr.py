"""Amazon ECR, the private one. Its password, which is good for 12 hours, goes with user AWS."""

from __future__ import annotations

from typing import Final

from occystrap.oci.routes import RouteKind
from pytest_occystrap.dialects.answers import error
from pytest_occystrap.dialects.entry_form import EntryForm
from pytest_occystrap.dialects.form import (
    BlobForm,
    Dialect,
    HeaderRule,
    LimitForm,
    ListingForm,
    Paging,
    Redirect,
    UploadForm,
)

__all__ = ["ECR"]

_EXPIRED: Final = "Your authorization token has expired. Reauthenticate and try again."
_PAGES: Final = Paging(
    most=1000,
    over=error(
        405,
        "UNSUPPORTED",
        "Invalid parameter at 'maxResults' failed to satisfy constraint: 'Member must have value"
        " less than or equal to 1000'",
    ),
)

ECR: Final = Dialect(
    "ecr",
    "Amazon ECR",
    hosts=("123456789012.dkr.ecr.us-east-1.amazonaws.com",),
    entry=EntryForm(bad_credentials=error(403, "DENIED", _EXPIRED)),
    uploads=UploadForm(
        chunk_status=201, progress="0-{first_chunk}", mounts_what_manifests_name=True
    ),
    blobs=BlobForm(Redirect("prod-us-east-1-starport-layer-bucket.s3.us-east-1.amazonaws.com")),
    listing=ListingForm(tags=_PAGES, catalog=_PAGES),
    limits=LimitForm(error(429, "TOOMANYREQUESTS", "Rate exceeded")),
    headers=(
        HeaderRule("Docker-Content-Digest", None, (RouteKind.MANIFEST,), ("GET",)),
        HeaderRule("Docker-Upload-UUID", None),
    ),
    sources={
        "entry.bad_credentials": "flipt-io/flipt#3043; deis/builder#426",
        "uploads.chunk_status": "cirruslabs/tart#159, #273; regclient scheme/reg/blob.go",
        "uploads.progress": "cirruslabs/tart#273; jdx/mise#11376; aws/containers-roadmap#2831",
        "uploads.mounts_what_manifests_name": "aws/containers-roadmap#2860",
        "blobs.redirect": "open-policy-agent/opa#6580, #6728",
        "listing.tags": "renovatebot/renovate#3800, #43657",
        "listing.catalog": "google/go-containerregistry#681, #1091",
        "limits.answer": "containerd/containerd#10447",
        "headers": "distribution/distribution#3792, #2927",
    },
    unchecked=(
        "the name of the host for blobs",
        "the smallest part of an upload",
        "referrers: sources disagree (aws/containers-roadmap#2783, tektoncd/chains#1691)",
    ),
)
