"""Fake registries for tests of the fake registry, made without the help of the plugin."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack

import pytest

from pytest_occystrap.fake import FakeRegistry
from pytest_occystrap.plugin import MakeRegistry


@pytest.fixture
def make() -> Iterator[MakeRegistry]:
    """Fake registries whose leaks are the test's own business."""
    with ExitStack() as stack:
        yield lambda **options: stack.enter_context(FakeRegistry(**options))


@pytest.fixture
def registry(make: MakeRegistry) -> FakeRegistry:
    """A fake registry, empty."""
    return make()
