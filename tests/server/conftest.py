"""Stores of both kinds."""

from __future__ import annotations

from pathlib import Path

import pytest

from occystrap.server.directory_store import DirectoryStore
from occystrap.server.memory_store import MemoryStore
from occystrap.server.store import Store


@pytest.fixture(params=["memory", "directory"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Store:
    """An empty store."""
    return MemoryStore() if request.param == "memory" else DirectoryStore(tmp_path)
