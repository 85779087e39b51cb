"""Programs and daemons that pull and push, and an image for them to move."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from occystrap.server.doors.tls import shared_authority
from tests.support.daemons import DAEMONS, running_daemon
from tests.support.engine import Engine
from tests.support.images import SampleImage, file, layer, make_image, thorough_image
from tests.support.skopeo import Skopeo


@pytest.fixture
def skopeo(skopeo: str) -> Skopeo:
    """Debian's skopeo, as a function."""
    return Skopeo(skopeo)


@pytest.fixture
def sample(request: pytest.FixtureRequest) -> SampleImage:
    """An image with all that layers can have, which no other test has: dockerd keeps manifests."""
    own = layer(file("etc/test", request.node.name.encode()))
    return make_image(*thorough_image().layers, own)


@pytest.fixture(scope="package", params=DAEMONS)
def daemon(request: pytest.FixtureRequest) -> Iterator[Engine]:
    """dockerd, and podman's service; they start in a quarter of a second, so each worker may."""
    with running_daemon(request.param, shared_authority().ca_file) as engine:
        yield engine
