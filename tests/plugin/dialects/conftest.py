"""Whom the tests of the dialect `distribution2` ask."""

from __future__ import annotations

from collections.abc import Iterator

import httpx
import pytest

from tests.support.debian_registry import DebianRegistry
from tests.support.dialects import scene
from tests.support.wire import Wire


@pytest.fixture(params=["dialect", "docker-registry"])
def distribution2(request: pytest.FixtureRequest) -> Iterator[Wire]:
    """The dialect, and the registry that it is taken from."""
    if request.param == "dialect":
        yield Wire(scene("distribution2").http())
        return
    debian: DebianRegistry = request.getfixturevalue("debian_registry")
    with httpx.Client(base_url=debian.url, trust_env=False) as client:
        yield Wire(client)
