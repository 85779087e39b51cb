"""GitLab's container registry, as gitlab.com runs it."""

from __future__ import annotations

from typing import Final

from occystrap.oci.routes import RouteKind
from occystrap.server.tokens import TokenForm
from pytest_occystrap.dialects.answers import error
from pytest_occystrap.dialects.entry_form import EntryForm, Scheme
from pytest_occystrap.dialects.form import Absent, Dialect, ManifestForm, Negotiation

__all__ = ["GITLAB"]

GITLAB: Final = Dialect(
    "gitlab",
    "GitLab",
    hosts=("registry.gitlab.com",),
    entry=EntryForm(
        scheme=Scheme.BEARER,
        token=TokenForm(path="/jwt/auth", fields=("token",)),
        endpoint_host="gitlab.com",
        service="container_registry",
        seconds=900,
    ),
    manifests=ManifestForm(negotiation=Negotiation.DISTRIBUTION),
    absent=(
        Absent(RouteKind.CATALOG, ("GET",), error(401, "UNAUTHORIZED", "authentication required")),
    ),
    sources={
        "entry.scheme": "its challenge is quoted in many clients",
        "entry.token": "docs.gitlab.com; goharbor/harbor#23753",
        "entry.endpoint_host": "its challenge is quoted in many clients",
        "entry.service": "its challenge is quoted in many clients",
        "entry.seconds": "docs.gitlab.com: 5 minutes, 15 on gitlab.com",
        "manifests.negotiation": "niks3#229",
        "absent": "gitlab-org/gitlab#19470: no catalog",
    },
    unchecked=("the redirect to storage", "the forms of uploads, taken from distribution"),
)
