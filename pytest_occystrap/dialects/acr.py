"""Azure Container Registry. Chunks say `Content-Range: a-b`, which is what everyone should say."""

from __future__ import annotations

from typing import Final

from occystrap.server.signatures import AZURE
from occystrap.server.tokens import TokenForm
from pytest_occystrap.dialects.entry_form import EntryForm, Scheme
from pytest_occystrap.dialects.form import BlobForm, Dialect, ManifestForm, Negotiation, Redirect

__all__ = ["ACR"]

ACR: Final = Dialect(
    "acr",
    "Azure Container Registry",
    hosts=("myregistry.azurecr.io",),
    entry=EntryForm(
        scheme=Scheme.BEARER,
        token=TokenForm(path="/oauth2/token", fields=("access_token",), wrong_method=404),
        exchange="/oauth2/exchange",
        grants=("refresh_token",),
    ),
    blobs=BlobForm(Redirect("eusmanaged1.blob.core.windows.net", style=AZURE)),
    manifests=ManifestForm(negotiation=Negotiation.DISTRIBUTION),
    sources={
        "entry.scheme": "azure.github.io/acr Token-BasicAuth, AAD-OAuth",
        "entry.token": "azure.github.io/acr Token-BasicAuth; Azure/acr#166",
        "entry.exchange": "azure.github.io/acr AAD-OAuth",
        "entry.grants": "containerd core/remotes/docker/authorizer.go",
        "blobs.redirect": "Azure/acr#217; Azure/azure-sdk-for-js#20957",
        "manifests.negotiation": "niks3#229",
    },
    unchecked=("a relative Location", "the name of the host for blobs"),
)
