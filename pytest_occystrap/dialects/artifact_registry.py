"""Google Artifact Registry, and Container Registry before it."""

from __future__ import annotations

from typing import Final

from occystrap.server.tokens import TokenForm
from pytest_occystrap.dialects.entry_form import EntryForm, Scheme
from pytest_occystrap.dialects.form import Dialect, LimitForm, Quota, UploadForm

__all__ = ["ARTIFACT_REGISTRY"]

ARTIFACT_REGISTRY: Final = Dialect(
    "artifact_registry",
    "Google Artifact Registry",
    hosts=("us-docker.pkg.dev", "europe-docker.pkg.dev", "gcr.io"),
    entry=EntryForm(
        scheme=Scheme.BEARER,
        token=TokenForm(path="/v2/token", methods=("GET",), wrong_method=404),
        challenges_on_ping_only=True,
        deleting_is_pushing=True,
    ),
    uploads=UploadForm(several_chunks=False),
    limits=LimitForm(quota=Quota(60000, 60)),
    sources={
        "entry.scheme": "its challenge is quoted in many clients",
        "entry.token": "containerd core/remotes/docker/authorizer.go",
        "entry.challenges_on_ping_only": "containers/image, above setupRequestAuth; oras#157",
        "entry.deleting_is_pushing": "google/go-containerregistry remote/transport/scope.go",
        "uploads.several_chunks": "cloud.google.com/artifact-registry/docs/reference/docker-api",
        "limits.quota": "kubernetes/registry.k8s.io#153",
    },
    unchecked=(
        "the redirect to storage, and the form of Location",
        "the words of its refusals: of chunks, and of what is over the quota",
    ),
)
