"""A registry with an index of three platforms, and pipelines over it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.console import Console, Shelf, client_of
from tests.support.filtering import Run
from tests.support.handlers import Front
from tests.support.indexes import platforms


@pytest.fixture
def shelf() -> Shelf:
    """A registry that has the index as `many:1`."""
    shelf = Shelf()
    shelf.put_all("many", "1", platforms("amd64", "arm64", "s390x"))
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


@pytest.fixture
def console(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, front: Front) -> Console:
    """The command line over that registry, in an empty directory."""
    directory = tmp_path / "typed"
    directory.mkdir()
    monkeypatch.chdir(directory)
    return Console(directory, front)
