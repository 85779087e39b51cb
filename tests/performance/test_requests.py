"""How many requests each operation takes, and why not fewer.

Seconds depend on the machine; these numbers don't. One more is slower everywhere, and one fewer
is worth a look at what is no longer made sure of.
"""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from occystrap.move import move
from occystrap.pipeline import PipelineBuilder
from occystrap.quay import resolve_quay_uri
from pytest_occystrap import FakeRegistry

LAYERS = 6
REPOSITORIES = 250


@pytest.fixture
def source() -> FakeRegistry:
    """A registry with an image of six layers."""
    registry = FakeRegistry()
    registry.add_image("org/app:1", layers=[{f"file{n}": bytes([n]) * 999} for n in range(LAYERS)])
    registry.clear_requests()
    return registry


def asked(registry: FakeRegistry) -> dict[str, int]:
    """Count the requests by method, kind and status."""
    counts: Counter[str] = Counter()
    for request in registry.requests:
        kind = next(
            kind for kind in ("uploads", "blobs", "manifests", "") if f"/{kind}" in request.path
        )
        counts[f"{request.method} {kind} {request.status}"] += 1
    return dict(counts)


def run(registry: FakeRegistry, source: str, target: str) -> None:
    """Move an image, with a client for the registry."""
    with PipelineBuilder(client=registry.client) as builder:
        move(builder, source, target)


PULLED = {
    "GET manifests 200": 1,
    "GET blobs 200": LAYERS + 1,  # the config, which names the digests of the tars
}
#: After a push it is made sure that all is there: by the registry's word, without reading it.
VERIFIED = {"HEAD blobs 200": LAYERS + 1, "HEAD manifests 200": 1}
PUSHED = VERIFIED | {
    "HEAD blobs 404": LAYERS + 1,  # what is there isn't sent
    "POST uploads 202": LAYERS + 1,  # an upload begins
    "PUT uploads 201": LAYERS + 1,  # and ends with all bytes
    "PUT manifests 201": 1,
}


@pytest.mark.parametrize("scheme", ["tar", "ocidir", "ocitar"])
def test_a_pull(source: FakeRegistry, scheme: str, tmp_path: Path) -> None:
    """No ping, no HEAD, and no byte twice."""
    run(source, "registry://a.example/org/app:1", f"{scheme}://{tmp_path / 'out'}")
    assert asked(source) == PULLED


def test_a_push(source: FakeRegistry, tmp_path: Path) -> None:
    """Each blob is looked for, begun and sent."""
    run(source, "registry://a.example/org/app:1", f"tar://{tmp_path / 'out'}")
    target = FakeRegistry()
    run(target, f"tar://{tmp_path / 'out'}", "registry://b.example/org/new:1")
    assert asked(target) == PUSHED


def test_a_push_of_what_is_there(source: FakeRegistry, tmp_path: Path) -> None:
    """Nothing but looks for it, and the manifest: another tag may be meant."""
    run(source, "registry://a.example/org/app:1", f"tar://{tmp_path / 'out'}")
    target = FakeRegistry()
    run(target, f"tar://{tmp_path / 'out'}", "registry://b.example/org/new:1")
    target.clear_requests()
    run(target, f"tar://{tmp_path / 'out'}", "registry://b.example/org/new:2")
    found = {"HEAD blobs 200": 2 * (LAYERS + 1)}  # before, and to make sure
    assert asked(target) == VERIFIED | found | {"PUT manifests 201": 1}


def test_a_copy_within_a_registry(source: FakeRegistry) -> None:
    """Layers are mounted, so that none is read; the config was read anyway."""
    run(source, "registry://a.example/org/app:1", "registry://a.example/org/copy:1")
    assert asked(source) == VERIFIED | {
        "GET manifests 200": 1,
        "GET blobs 200": 1,  # the config, which is sent, since it is at hand
        "HEAD blobs 404": LAYERS + 1,
        "POST uploads 201": LAYERS,  # mounted
        "POST uploads 202": 1,
        "PUT uploads 201": 1,
        "PUT manifests 201": 1,
    }


def test_finding_the_images_of_a_quay() -> None:
    """A page for each hundred repositories, and a look at each for its tag."""
    images = [f"org/r{number:03}:1" for number in range(REPOSITORIES)]
    quay = FakeRegistry(dialect="quay", images=images)
    quay.clear_requests()
    found = resolve_quay_uri("quay://org/*:1", client=quay.client, max_workers=4)
    assert len(found) == REPOSITORIES
    assert len(quay.requests) == -(-REPOSITORIES // 100) + REPOSITORIES
