"""A console over a registry with an image in it."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.console import Console, Shelf
from tests.support.images import SampleImage, file, layer, make_image


@pytest.fixture
def image() -> SampleImage:
    """An image of three small layers."""
    return make_image(*(layer(file(f"file-{n}", bytes([n]) * 100_000)) for n in range(3)))


@pytest.fixture
def shelf(image: SampleImage) -> Shelf:
    """A registry that has the image as `demo/image:1`."""
    shelf = Shelf()
    shelf.put("demo/image", "1", image)
    return shelf


@pytest.fixture
def console(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, shelf: Shelf) -> Console:
    """The command line over that registry, in an empty directory."""
    directory = tmp_path / "here"
    directory.mkdir()
    monkeypatch.chdir(directory)
    return Console(directory, shelf.registry)
