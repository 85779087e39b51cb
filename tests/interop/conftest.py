"""Real parts: the command as a process, skopeo, and Debian's docker-registry."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.archives import docker_save
from tests.support.command import Occystrap
from tests.support.images import SampleImage, thorough_image
from tests.support.skopeo import Skopeo


@pytest.fixture
def occystrap(tmp_path: Path) -> Iterator[Occystrap]:
    """The command, which has to leave nothing in the directory for temporary files."""
    home, temp = tmp_path / "home", tmp_path / "temp"
    home.mkdir()
    temp.mkdir()
    yield Occystrap(home, temp)
    assert list(temp.iterdir()) == []


@pytest.fixture
def skopeo(skopeo: str) -> Skopeo:
    """Debian's skopeo, as a function."""
    return Skopeo(skopeo)


@pytest.fixture
def image() -> SampleImage:
    """An image with all that layers can have."""
    return thorough_image()


@pytest.fixture
def archive(tmp_path: Path, image: SampleImage) -> Path:
    """What `docker save` makes of the image."""
    path = tmp_path / "saved.tar"
    path.write_bytes(docker_save(image))
    return path
