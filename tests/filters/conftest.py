"""A registry with an image to filter, and pipelines over it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.console import Shelf, client_of
from tests.support.filtering import Run
from tests.support.handlers import Front
from tests.support.images import SampleImage, file, layer, make_image


@pytest.fixture
def image() -> SampleImage:
    """An image of three layers, of which the middle one holds what is to be excluded."""
    return make_image(
        layer(file("etc/base", b"base" * 1000)),
        layer(file("tmp/cache", b"cache" * 1000), file("etc/two", mtime=1_700_000_000)),
        layer(file("etc/three", b"three" * 1000)),
    )


@pytest.fixture
def shelf(image: SampleImage) -> Shelf:
    """A registry that has the image as `demo/image:1`."""
    shelf = Shelf()
    shelf.put("demo/image", "1", image)
    return shelf


@pytest.fixture
def front(shelf: Shelf) -> Front:
    """That registry, with notes of what it is asked."""
    return Front(shelf.registry)


@pytest.fixture
def run(front: Front, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Run]:
    """Pipelines that reach it under every name, in an empty directory."""
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    with client_of(front) as client:
        yield Run(client)
