"""Stores of every kind."""

from __future__ import annotations

from pathlib import Path

import pytest

from occystrap.server.directory_store import DirectoryStore
from occystrap.server.memory_store import MemoryStore
from occystrap.server.store import Store
from occystrap.server.temporary_store import TemporaryStore


@pytest.fixture(params=["memory", "directory", "temporary"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Store:
    """An empty store."""
    if request.param == "directory":
        return DirectoryStore(tmp_path)
    return MemoryStore() if request.param == "memory" else TemporaryStore(tmp_path)
