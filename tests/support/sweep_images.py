"""The image that sweeps move, and what becomes of it where nothing goes wrong."""

from __future__ import annotations

import functools
import tempfile
from pathlib import Path
from typing import Final

from occystrap.move import move
from occystrap.oci.digest import Digest
from occystrap.pipeline import PipelineBuilder
from pytest_occystrap.fake import FakeRegistry
from pytest_occystrap.sweep import World

__all__ = ["SOURCE", "files_of", "pulled_in_peace", "seed", "tarball"]

SOURCE: Final = "org/app:1"


def seed(world: World) -> None:
    """Put the image into the registry of a world."""
    _put(world.registry)


@functools.cache
def tarball() -> bytes:
    """Make a tarball of the image, that pushes begin with."""
    with FakeRegistry() as registry, tempfile.TemporaryDirectory() as directory:
        _put(registry)
        path = Path(directory) / "source.tar"
        with PipelineBuilder(client=registry.client) as builder:
            move(builder, f"registry://quay.io/{SOURCE}", f"tar://{path}")
        return path.read_bytes()


@functools.cache
def pulled_in_peace(host: str, scheme: str, filters: tuple[str, ...]) -> dict[str, str]:
    """Pull the image into a format, and return what `files_of` says of it."""
    with FakeRegistry() as registry, tempfile.TemporaryDirectory() as directory:
        _put(registry)
        path = Path(directory) / "app"
        with PipelineBuilder(client=registry.client) as builder:
            move(builder, f"registry://{host}/{SOURCE}", f"{scheme}://{path}", filters)
        return files_of(path)


def files_of(path: Path) -> dict[str, str]:
    """Return the digest of each file, by name; a script holds the path that it stands at."""
    return {
        str(each.relative_to(path)): str(Digest.of(each.read_bytes()))
        for each in (path, *path.rglob("*"))
        if each.is_file() and not each.is_symlink() and each.suffix != ".sh"
    }


def _put(registry: FakeRegistry) -> None:
    registry.add_random_image(SOURCE, size=60_000, layers=2, seed=1)
