"""Fakes in the state in which a recorded Quay was when a recording began."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from pytest_occystrap import FakeRegistry

__all__ = ["seeded"]

_ACCOUNT: Final = {"acme+pusher": "password-of-a-robot"}
_PRIVATE: Final = "acme/secret"
_APPS: Final = (*(f"acme/app-{number:03}" for number in range(1, 131)), "acme/team/nested/img")
#: Recordings that were made before there was an image, or while blobs were in cloud storage, or
#: behind skopeo's push.
_BEFORE: Final = frozenset({"quay/push"})
_IN_CLOUD: Final = frozenset({"quay/redirect"})
_AFTER: Final = frozenset({"quay/skopeo-mount", "quay/skopeo-refused", "quay/skopeo-delete"})
#: Recordings of the API, in which a tag had been deleted.
_DELETED: Final = frozenset({"quay/tags"})


@contextmanager
def seeded(name: str, cassettes: Path) -> Iterator[FakeRegistry]:
    """Make a fake Quay that has what the recorded one had."""
    with FakeRegistry(
        dialect="quay",
        accounts=_ACCOUNT,
        private=[_PRIVATE],
        redirects=name in _IN_CLOUD,
        cassettes=cassettes,
    ) as registry:
        if name not in _BEFORE:
            _fill(registry)
        if name in _AFTER:
            registry.load("quay/skopeo-push")
        if name in _DELETED:
            for tag in ("t1", "t2"):
                _delete(registry, f"acme/app-002:{tag}")
        registry.clear_requests()
        yield registry


def _fill(registry: FakeRegistry) -> None:
    registry.load("quay/push")
    image = registry.image("acme/app-001:v1.0")
    registry.put(image, "acme/app-002:t2")
    for app in _APPS:
        if not registry.tags(app):
            registry.put(image, f"{app}:gone")
            _delete(registry, f"{app}:gone")
    registry.put(image, f"{_PRIVATE}:v1")


def _delete(registry: FakeRegistry, reference: str) -> None:
    repository, _, tag = reference.rpartition(":")
    (login,) = registry.accounts.items()
    scope = f"repository:{repository}:pull,push"
    client = registry.client
    token = client.get("/v2/auth", params={"scope": scope}, auth=login).json()["token"]
    headers = {"Authorization": f"Bearer {token}"}
    client.delete(f"/v2/{repository}/manifests/{tag}", headers=headers).raise_for_status()
