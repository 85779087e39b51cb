"""Docker Hub.

It limits pulls, not requests: asking for a manifest with HEAD is free of charge.
"""

from __future__ import annotations

from typing import Final

from occystrap.oci.routes import RouteKind
from occystrap.server.tokens import TokenForm
from pytest_occystrap.dialects.answers import NOT_FOUND_TEXT, FixedAnswer, error
from pytest_occystrap.dialects.entry_form import EntryForm, Scheme
from pytest_occystrap.dialects.form import (
    Absent,
    BlobForm,
    Dialect,
    HeaderRule,
    LimitForm,
    Quota,
    Redirect,
)

__all__ = ["DOCKER_HUB"]

_LIMITED: Final = (
    "You have reached your pull rate limit. You may increase the limit by authenticating and"
    " upgrading: https://www.docker.com/increase-rate-limit"
)

DOCKER_HUB: Final = Dialect(
    "docker_hub",
    "Docker Hub",
    hosts=("registry-1.docker.io", "index.docker.io", "docker.io"),
    entry=EntryForm(
        scheme=Scheme.BEARER,
        token=TokenForm(fields=("token", "expires_in", "issued_at")),
        endpoint_host="auth.docker.io",
        service="registry.docker.io",
        seconds=300,
        unknown_repository=error(401, "UNAUTHORIZED", "authentication required"),
    ),
    blobs=BlobForm(Redirect("production.cloudflare.docker.com")),
    limits=LimitForm(
        answer=error(429, "TOOMANYREQUESTS", _LIMITED),
        abuse=FixedAnswer(
            429,
            b"Too Many Requests (HAP429).\n",
            "text/plain",
            (("Retry-After", "60"), ("Connection", "close")),
        ),
        quota=Quota(100, 21600, announced=True),
    ),
    absent=(Absent(RouteKind.REFERRERS, ("GET", "HEAD"), NOT_FOUND_TEXT),),
    headers=(HeaderRule("OCI-Subject", None),),
    http2=False,
    sources={
        "entry.scheme": "distribution docs/content/spec/auth/token.md; containerd/containerd#1318",
        "entry.token": "GoogleContainerTools/jib#691",
        "entry.endpoint_host": "distribution docs/content/spec/auth/token.md",
        "entry.service": "distribution docs/content/spec/auth/token.md",
        "entry.unknown_repository": "google/go-containerregistry#1679, #1741",
        "blobs.redirect": "docker/hub-feedback#1675, #2442",
        "limits.answer": "apache/incubator-kie-kogito-apps#1663; dependabot/cli#380",
        "limits.abuse": "docker/hub-feedback#1907",
        "limits.quota": "docker/docs download-rate-limit.md; Deepomatic/dmake#548",
        "absent": "docker/roadmap#724: no referrers",
        "headers": "docker/roadmap#724: no OCI-Subject where there are no referrers",
        "http2": "Michsior14/docker-mods#11",
    },
    unchecked=(
        "access_token beside token",
        "the form of Location",
        "tags in pages: reported both ways (meziantou#2190, gadievron/raptor#495)",
    ),
)
