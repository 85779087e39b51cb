"""--rate-limit holds for all requests of a run together, as the registry counts them."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import combinations
from pathlib import Path

import pytest

from occystrap.server.doors.listener import Listener, serve
from occystrap.server.message import Handler, Request, Response
from tests.support.archives import docker_save
from tests.support.command import Occystrap
from tests.support.console import Shelf
from tests.support.handlers import BearerGate
from tests.support.images import SampleImage, file, layer, make_image

RATE = 20
#: A request may be on its way for so long on a busy machine, in seconds.
SLACK = 0.4


@dataclass
class Clocked:
    """Notes when each request arrives."""

    inner: Handler
    arrivals: list[float] = field(default_factory=list[float])
    lock: threading.Lock = field(default_factory=threading.Lock)

    def handle(self, request: Request) -> Response:
        """Note the time, and pass it on."""
        with self.lock:
            self.arrivals.append(time.monotonic())
        return self.inner.handle(request)

    def check(self) -> None:
        """Hold any stretch of the run against the rate, and see that there was a run."""
        assert len(self.arrivals) >= 0.9 * RATE
        for (first, began), (last, ended) in combinations(enumerate(self.arrivals), 2):
            assert ended - began >= (last - first) / RATE - SLACK, self.arrivals


@pytest.fixture
def shelf() -> Shelf:
    """What the registry has."""
    return Shelf()


@pytest.fixture
def clocked(shelf: Shelf) -> Clocked:
    """A registry that asks for tokens, with a clock in front of both."""
    return Clocked(BearerGate(shelf.registry))


@pytest.fixture
def listener(clocked: Clocked) -> Iterator[Listener]:
    """The registry on a port."""
    with serve(clocked) as listening:
        yield listening


def image_of(count: int) -> SampleImage:
    """Make an image of so many small layers."""
    return make_image(*(layer(file(f"{number}")) for number in range(count)))


OPTIONS = ("--insecure", "-j", "8")
LIMIT = ("--rate-limit", str(RATE))


def test_a_pull_keeps_to_the_limit(
    occystrap: Occystrap, shelf: Shelf, clocked: Clocked, listener: Listener, tmp_path: Path
) -> None:
    """Manifest, token, config and layers together."""
    shelf.put("some/image", "v1", image_of(16))
    source = f"registry://{listener.host}/some/image:v1"
    occystrap.succeed(*OPTIONS, *LIMIT, "process", source, f"tar://{tmp_path}/image.tar")
    clocked.check()


def test_a_push_keeps_to_the_limit(
    occystrap: Occystrap, clocked: Clocked, listener: Listener, tmp_path: Path
) -> None:
    """HEAD, POST and PUT of each blob, tokens, the manifest, and what is asked to verify."""
    path = tmp_path / "image.tar"
    path.write_bytes(docker_save(image_of(4)))
    target = f"registry://{listener.host}/new/image:v1"
    environ = {"OCCYSTRAP_RATE_LIMIT": str(RATE)}
    occystrap.succeed(*OPTIONS, "process", f"tar://{path}", target, environ=environ)
    clocked.check()


def test_a_copy_keeps_to_the_limit(
    occystrap: Occystrap, shelf: Shelf, clocked: Clocked, listener: Listener
) -> None:
    """Both sides together, though each has connections and tokens of its own."""
    shelf.put("some/image", "v1", image_of(3))
    source = f"registry://{listener.host}/some/image:v1"
    other = listener.host.replace("127.0.0.1", "localhost")
    target = f"registry://{other}/new/image:v1?skip_verify=true"
    occystrap.succeed(*OPTIONS, *LIMIT, "process", source, target)
    clocked.check()
