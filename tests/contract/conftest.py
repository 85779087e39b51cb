"""Whom the contract is held against: our registry behind each door, and the reference."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from occystrap.server.directory_store import DirectoryStore
from occystrap.server.doors.in_process import InProcessTransport
from occystrap.server.doors.listener import serve
from occystrap.server.registry import Registry
from tests.contract.differences import DIFFERENCES, Differs
from tests.support.debian_registry import DebianRegistry
from tests.support.wire import Wire

OURS = ["in-process", "socket", "directory"]


@pytest.fixture(params=[*OURS, "docker-registry"])
def subject(request: pytest.FixtureRequest) -> str:
    """Name of the registry under test."""
    return str(request.param)


@pytest.fixture
def wire(subject: str, tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Wire]:
    """An empty registry, to be asked."""
    if subject == "in-process":
        transport = InProcessTransport(Registry())
        with httpx.Client(base_url="https://registry.test", transport=transport) as client:
            yield Wire(client)
    elif subject == "docker-registry":
        debian: DebianRegistry = request.getfixturevalue("debian_registry")
        with httpx.Client(base_url=debian.url, trust_env=False) as client:
            yield Wire(client)
    else:
        store = DirectoryStore(tmp_path / "registry") if subject == "directory" else None
        with (
            serve(Registry(store)) as listener,
            httpx.Client(base_url=listener.url, trust_env=False) as client,
        ):
            yield Wire(client)


@pytest.fixture
def differs(subject: str) -> Differs:
    """What the registry under test says where the two are known to differ."""

    def expected(name: str) -> object:
        difference = DIFFERENCES[name]
        return difference.theirs if subject == "docker-registry" else difference.ours

    return expected
