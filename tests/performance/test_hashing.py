"""How often a byte is hashed: once by the digest of each form that it passes through in."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from occystrap.move import move
from occystrap.oci.digest import Digester
from occystrap.pipeline import PipelineBuilder
from pytest_occystrap import FakeRegistry

MIB = 1024 * 1024
SOURCE = "registry://a.example/org/app:1"
#: Manifests, configs, and what a tar adds to a file.
SLACK = 64 * 1024


@pytest.fixture(scope="module")
def registry() -> Iterator[FakeRegistry]:
    """A registry with an image of three layers."""
    with FakeRegistry() as made:
        noise = random.Random(1).randbytes(MIB)  # noqa: S311 - no secret
        layers = [{f"file{number}": noise[number:]} for number in range(3)]
        made.add_image("org/app:1", layers=layers)
        yield made


@pytest.fixture
def hashed(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Note the size of all that is hashed."""
    sizes: list[int] = []
    update: Callable[[Digester, bytes], Digester] = Digester.update

    def noting(digester: Digester, chunk: bytes) -> Digester:
        sizes.append(len(chunk))
        return update(digester, chunk)

    monkeypatch.setattr(Digester, "update", noting)
    return sizes


@pytest.mark.parametrize(
    ("target", "forms"),
    [
        ("tar://{}/out", 2),  # as stored, and inflated
        ("ocidir://{}/out", 1),  # as stored
        ("ocitar://{}/out", 1),
        ("dir://{}/out", 2),
        ("oci://{}/out", 2),
        ("mounts://{}/out", 2),
        ("ocidir://{}/out?compression=zstd", 3),  # as stored, inflated, and as it is stored now
    ],
)
def test_a_pull_hashes_each_form_once(
    registry: FakeRegistry, hashed: list[int], tmp_path: Path, target: str, forms: int
) -> None:
    """Whoever passes checked bytes on is believed."""
    raw = sum(len(layer.tar) for layer in registry.image("org/app:1").layers)
    with PipelineBuilder(client=registry.client) as builder:
        hashed.clear()
        move(builder, SOURCE, target.format(tmp_path))
    assert forms * raw - SLACK <= sum(hashed) <= forms * raw + SLACK


def test_a_tar_that_is_compressed_is_hashed_before_and_after(
    registry: FakeRegistry, hashed: list[int], tmp_path: Path
) -> None:
    """By the digest that the config names it by, and by that which the manifest does."""
    raw = sum(len(layer.tar) for layer in registry.image("org/app:1").layers)
    with PipelineBuilder(client=registry.client) as builder:
        move(builder, SOURCE, f"tar://{tmp_path}/app.tar")
        hashed.clear()
        move(builder, f"tar://{tmp_path}/app.tar", f"ocidir://{tmp_path}/out")
    assert 2 * raw - SLACK <= sum(hashed) <= 2 * raw + SLACK
