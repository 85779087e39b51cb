"""What pytest-recording is told: where the cassette of a test is, and in which ways it's kept.

Rule: every run of pytest loads this, so it imports nothing that a run without cassettes doesn't
need. This is registered after pytest-recording, or its fixtures would count before these; those of
a conftest count before both.
"""

from __future__ import annotations

import hashlib
import importlib.util
import sys
from pathlib import Path
from typing import Any, Final

import pytest

__all__ = ["add_recording", "load_recording"]

_HASHED: Final = 8
#: Modes in which what was recorded is thrown away, and so isn't looked for under its old name.
_ANEW: Final = frozenset({"all", "rewrite"})


def load_recording(plugins: pytest.PytestPluginManager) -> None:
    """Load pytest-recording, if it's installed and nothing else has loaded it or forbids it."""
    is_installed = importlib.util.find_spec("pytest_recording") is not None
    if is_installed and not _is_loaded(plugins) and not plugins.hasplugin("vcr"):
        plugins.import_plugin("recording", consider_entry_points=True)


def add_recording(plugins: pytest.PytestPluginManager) -> None:
    """Let pytest-recording have our ways, if it's there."""
    if _is_loaded(plugins):
        plugins.register(_Recording(), "pytest_occystrap_recording")


def _is_loaded(plugins: pytest.PytestPluginManager) -> bool:
    """Tell whether it's there under any name: a plugin that has two is fatal."""
    module = sys.modules.get("pytest_recording.plugin")
    return module is not None and plugins.is_registered(module)


class _Recording:
    """Hooks and fixtures for `@pytest.mark.vcr`."""

    def __init__(self) -> None:
        self._plain: frozenset[tuple[Path, str]] | None = None

    @pytest.hookimpl(optionalhook=True)
    def pytest_recording_configure(self, vcr: Any) -> None:
        """Give our ways to the VCR that is about to open the cassette of a test."""
        from pytest_occystrap.cassettes.vcrpy import adopt

        adopt(vcr)

    @pytest.fixture
    def default_cassette_name(self, request: pytest.FixtureRequest) -> str:
        """Name a cassette as pytest-recording does, but no two tests of a module alike."""
        from pytest_recording.plugin import get_default_cassette_name

        mark = request.node.get_closest_marker("default_cassette")
        if mark is not None:
            return str(mark.args[0])
        name: str = get_default_cassette_name(request.cls, request.node.name)
        if name == _own_name(request.node):
            return name
        _, _, told_apart = request.node.nodeid.partition("::")
        apart = f"{name}-{hashlib.sha256(told_apart.encode()).hexdigest()[:_HASHED]}"
        return name if self._is_recorded_as(name, apart, request) else apart

    def _is_recorded_as(self, name: str, apart: str, request: pytest.FixtureRequest) -> bool:
        """Tell whether a test was recorded under the name that pytest-recording gives it."""
        config = dict(request.getfixturevalue("vcr_config"))
        for mark in reversed(request.getfixturevalue("vcr_markers")):
            config |= mark.kwargs
        if config.get("record_mode", request.getfixturevalue("record_mode")) in _ANEW:
            return False
        directory = Path(request.getfixturevalue("vcr_cassette_dir"))
        suffix = f".{config.get('serializer', 'yaml')}"
        if (directory / f"{apart}{suffix}").is_file():
            return False
        if not (directory / f"{name}{suffix}").is_file():
            return False
        return (request.node.path, name) not in self._plain_names(request.session)

    def _plain_names(self, session: pytest.Session) -> frozenset[tuple[Path, str]]:
        """Collect the names that belong to tests which are called so."""
        if self._plain is None:
            self._plain = frozenset((each.path, _own_name(each)) for each in session.items)
        return self._plain


def _own_name(item: pytest.Item) -> str:
    """Return what a test is called in its module."""
    return item.nodeid.partition("::")[2].replace("::", ".")
