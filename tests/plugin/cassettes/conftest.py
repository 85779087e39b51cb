"""A recorder for each test."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from pytest_occystrap.cassettes.recorder import Recorder


@pytest.fixture
def recorder(tmp_path: Path) -> Iterator[Recorder]:
    """A recorder whose directory the test can look at."""
    with Recorder(directory=tmp_path) as made:
        yield made
