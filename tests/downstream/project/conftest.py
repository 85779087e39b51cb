"""What pytest-recording is told."""

from __future__ import annotations

import os

import pytest


@pytest.fixture
def base() -> str:
    """Where the registry is, if there is one: recordings are made there, and played anywhere."""
    return os.environ.get("REGISTRY", "http://registry.invalid")


@pytest.fixture
def vcr_config() -> dict[str, object]:
    """Compare no hosts and ports, since the registry has another one each time."""
    return {"match_on": ["method", "path", "query"]}
