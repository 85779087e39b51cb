"""GitHub Container Registry."""

from __future__ import annotations

from typing import Final

from occystrap.server.signatures import AZURE
from occystrap.server.tokens import TokenForm
from pytest_occystrap.dialects.answers import error
from pytest_occystrap.dialects.entry_form import EntryForm, Scheme
from pytest_occystrap.dialects.form import (
    BlobForm,
    Dialect,
    LimitForm,
    ListingForm,
    ManifestForm,
    Negotiation,
    Paging,
    Redirect,
    UploadForm,
)

__all__ = ["GHCR"]

_TOO_LARGE: Final = "the request body is too large"

GHCR: Final = Dialect(
    "ghcr",
    "GitHub Container Registry",
    hosts=("ghcr.io",),
    entry=EntryForm(
        scheme=Scheme.BEARER,
        token=TokenForm(fields=("token",)),
        hides_unknown=True,
        bad_credentials=error(403, "DENIED", "denied"),
        wrong_password=error(403, "DENIED", "denied"),
        unknown_repository=error(401, "UNAUTHORIZED", "authentication required"),
    ),
    uploads=UploadForm(
        longest_chunk=4 * 1024 * 1024,
        too_long=error(416, "REQUESTED_RANGE_NOT_SATISFIABLE", _TOO_LARGE),
    ),
    blobs=BlobForm(Redirect("pkg-containers.githubusercontent.com", seconds=300, style=AZURE)),
    manifests=ManifestForm(negotiation=Negotiation.DISTRIBUTION),
    listing=ListingForm(tags=Paging(usual=100)),
    limits=LimitForm(
        error(429, "TOOMANYREQUESTS", "retry-after: 880.092\u00b5s, allowed: 44000/minute")
    ),
    sources={
        "entry.scheme": "openai/tunnel-client#75; its challenge is quoted in many clients",
        "entry.token": "openai/tunnel-client#75; clients of it all read `token`",
        "entry.hides_unknown": "openai/tunnel-client#75",
        "entry.bad_credentials": "renovatebot/renovate#11446; argocd-image-updater#303",
        "entry.wrong_password": "cirruslabs/tart#277",
        "entry.unknown_repository": "openai/tunnel-client#75",
        "uploads.longest_chunk": "ocx-sh/ocx#237",
        "uploads.too_long": "ocx-sh/ocx#237",
        "blobs.redirect": "edgelesssys/contrast#516",
        "manifests.negotiation": "niks3#229; artifact-keeper#1519",
        "listing.tags": "argoproj-labs/argocd-image-updater#1660",
        "limits.answer": "dependabot/cli#380",
    },
    unchecked=(
        "blobs/upload/ (singular) in Location",
        "how long tokens live, which isn't told",
        "no referrers API",
    ),
)
