"""Fakes in the state in which Debian's docker-registry was when a recording began."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import httpx

from pytest_occystrap import FakeRegistry
from pytest_occystrap.options import AuthName
from tests.support.exercises.content import seed

__all__ = ["seeded"]

#: Recordings of one that has asked for a password, or for a token.
_GATES: Final[dict[str, AuthName]] = {
    "distribution/htpasswd": "basic",
    "distribution/token": "bearer",
    "distribution/skopeo-token": "bearer",
    "distribution/dockerd-token": "bearer",
}
_SEEDED: Final = ("demo/app", "demo/other")


@contextmanager
def seeded(name: str, cassettes: Path) -> Iterator[FakeRegistry]:
    """Make a fake docker-registry that has what the recorded one had."""
    auth = _GATES.get(name, "none")
    with FakeRegistry(dialect="distribution2", auth=auth, cassettes=cassettes) as registry:
        with httpx.Client(transport=registry.transport, base_url="https://seed.example") as client:
            _let_in(registry, client, auth)
            seed(client)
        registry.clear_requests()
        yield registry


def _let_in(registry: FakeRegistry, client: httpx.Client, auth: AuthName) -> None:
    (login,) = registry.accounts.items()
    if auth == "basic":
        client.auth = httpx.BasicAuth(*login)
    if auth == "bearer":
        scope = " ".join(f"repository:{repository}:pull,push" for repository in _SEEDED)
        given = client.get("/token", params={"scope": scope}, auth=login).raise_for_status()
        client.headers["Authorization"] = f"Bearer {given.json()['token']}"
