"""The scenarios of live registries, recorded from stand-ins that speak as those do."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from pytest_occystrap.cassettes.driving import Door
from pytest_occystrap.cassettes.files import load_cassette
from pytest_occystrap.cassettes.scenarios import (
    Surroundings,
    load_scenarios,
    record_scenario,
)
from pytest_occystrap.plugin import MakeRegistry

ROOT = Path(__file__).resolve().parents[2]
SCENARIOS = load_scenarios(ROOT / "cassettes")
#: scenario -> the dialect of the stand-in, and the image that it needs.
STAND_INS = {
    "docker.io/pull": ("docker_hub", "library/hello-world:latest"),
    "quay.io/pull": ("quay", "podman/hello:latest"),
    "quay.io/list-repositories": ("quay", "projectquay/quay:latest"),
    "ghcr.io/pull": ("ghcr", "containerd/busybox:1.36"),
    "public.ecr.aws/pull": ("ecr_public", "docker/library/hello-world:latest"),
    "mcr.microsoft.com/pull": ("mcr", "mcr/hello-world:latest"),
    "registry.k8s.io/pull": ("artifact_registry", "pause:3.9"),
}
#: Of the protocol: what every pull asks; what else is asked is up to the registry.
PULL = {"manifests", "blobs"}


def test_each_live_scenario_has_a_stand_in() -> None:
    """None is shipped that nobody has tried."""
    assert {name for name, each in SCENARIOS.items() if each.live} == STAND_INS.keys()


@pytest.mark.parametrize("name", STAND_INS)
def test_recording_a_live_scenario(name: str, make_registry: MakeRegistry, tmp_path: Path) -> None:
    """What it asks is recorded, at the stand-in's own URLs, tokens and storage included."""
    dialect, image = STAND_INS[name]
    registry = make_registry(dialect=dialect, images=[image])
    around = Surroundings(dict(os.environ), "2026-11-25", root=ROOT)
    captured = record_scenario(SCENARIOS[name], tmp_path, around, upstream=Door(registry.url))
    assert captured.left_out == ()
    interactions = load_cassette(tmp_path / f"{name}.yaml").interactions
    asked = {each.request.path.split("/")[-2] for each in interactions}
    assert asked >= (PULL if name.endswith("/pull") else {"v1"})
    kept = [(each.request.method, each.request.path) for each in interactions]
    assert sorted(kept) == sorted((each.method, each.path) for each in registry.requests)
    bodies = [each.response.body for each in interactions if each.response is not None]
    assert all(len(body.read()) == body.size for body in bodies)
