"""A daemon that has an image, and what speaks to it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from occystrap.daemon import Daemon
from tests.support.fake_daemon import FakeDaemon, running_fake
from tests.support.images import SampleImage, varied_image

NAME = "example/app:1"


@pytest.fixture
def image() -> SampleImage:
    """An image of four layers."""
    return varied_image().named(NAME)


@pytest.fixture
def fake(image: SampleImage) -> FakeDaemon:
    """A daemon that has it."""
    fake = FakeDaemon()
    fake.add(NAME, image)
    return fake


@pytest.fixture
def daemon(fake: FakeDaemon) -> Iterator[Daemon]:
    """What speaks to it."""
    with running_fake(fake) as path:
        daemon = Daemon(path, patience=20)
        yield daemon
        daemon.close()
        daemon.close()
