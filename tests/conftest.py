"""What every test gets: a clean environment, and real components on demand."""

from __future__ import annotations

import contextlib
import itertools
import os
import signal
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import hypothesis
import pytest

from tests.support.ci_mode import NothingSkipped, nothing_may_be_skipped
from tests.support.components import real_component
from tests.support.debian_registry import (
    DebianRegistry,
    ServerTLS,
    StartDebianRegistry,
    running_debian_registry,
)

pytest_plugins = ["pytester"]

# Time limits of single examples say more about the machine's other work than about the code.
hypothesis.settings.register_profile("laptop", deadline=None)
hypothesis.settings.register_profile("ci", deadline=None, derandomize=True, print_blob=True)

#: Seconds that a thread may go on for; 5 ms are usual.
_HASTY: Final = 1e-6

# What would let a developer's own settings and passwords into a test.
_CLEARED = frozenset(
    {
        "DOCKER_CONFIG",
        "DOCKER_HOST",
        "REGISTRY_AUTH_FILE",
        "XDG_CONFIG_HOME",
        "XDG_RUNTIME_DIR",
        "ALL_PROXY",
        "HTTP_PROXY",
        "HTTPS_PROXY",
        "NO_PROXY",
        "all_proxy",
        "http_proxy",
        "https_proxy",
        "no_proxy",
    }
)


def pytest_addoption(parser: pytest.Parser) -> None:
    """Offer what finds races."""
    parser.addoption(
        "--hasty",
        action="store_true",
        help="let threads change whenever they can: races show that else show once in a year",
    )


def pytest_configure(config: pytest.Config) -> None:
    """Decide once, before the environment is cleaned, how strict this run is."""
    if signal.getsignal(signal.SIGINT) == signal.SIG_IGN:
        # So a shell begins what runs in its background, and every process below inherits it.
        signal.signal(signal.SIGINT, signal.default_int_handler)
    if config.getoption("hasty"):
        sys.setswitchinterval(_HASTY)
    strict = nothing_may_be_skipped(os.environ)
    hypothesis.settings.load_profile("ci" if strict else "laptop")
    if strict:
        config.pluginmanager.register(NothingSkipped())


@pytest.fixture(scope="session", autouse=True)
def clean_environment(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Run as a user without settings, credentials or proxies, in an empty home."""
    with pytest.MonkeyPatch.context() as patch:
        for name in list(os.environ):
            if name in _CLEARED or name.startswith("OCCYSTRAP_"):
                patch.delenv(name)
        patch.setenv("HOME", str(tmp_path_factory.mktemp("home")))
        yield


@pytest.fixture
def start_debian_registry(tmp_path: Path) -> Iterator[StartDebianRegistry]:
    """Start any number of Debian's docker-registry, each empty."""
    program = real_component("docker-registry")
    numbers = itertools.count(1)
    with contextlib.ExitStack() as running:

        def start(
            *, htpasswd: bool = False, tls: ServerTLS | None = None, in_memory: bool = False
        ) -> DebianRegistry:
            directory = tmp_path / f"docker-registry-{next(numbers)}"
            return running.enter_context(
                running_debian_registry(
                    program, directory, htpasswd=htpasswd, tls=tls, in_memory=in_memory
                )
            )

        yield start


@pytest.fixture
def debian_registry(start_debian_registry: StartDebianRegistry) -> DebianRegistry:
    """Debian's docker-registry, empty and open to everyone."""
    return start_debian_registry()


@pytest.fixture
def skopeo() -> str:
    """Path of Debian's skopeo."""
    return real_component("skopeo")
