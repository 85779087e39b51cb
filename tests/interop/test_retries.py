"""--retries N gives every request of a run N + 1 attempts, as the registry counts them."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from occystrap.oci.routes import RouteKind, parse_route
from occystrap.server.doors.listener import serve
from occystrap.server.message import Handler, Request, Response
from tests.support.archives import docker_save
from tests.support.command import Occystrap
from tests.support.console import Shelf
from tests.support.handlers import BearerGate, Trick, cut, lose_answer, status
from tests.support.images import file, layer, make_image

IMAGE = make_image(layer(file("file", bytes(range(256)) * 400)))


@dataclass(frozen=True, slots=True)
class Kind:
    """Requests of one method and route; of blobs, the config or not."""

    method: str
    route: RouteKind | None
    config: bool = False

    def __call__(self, request: Request) -> bool:
        """Whether this is one of them."""
        route = parse_route(request.path)
        if (request.method, route and route.kind) != (self.method, self.route):
            return False
        named = request.parameter("digest") or ("" if route is None else route.item)
        return (IMAGE.config_hex in named) is self.config


TOKEN = Kind("GET", None)
PULL = {
    "token": TOKEN,
    "manifest": Kind("GET", RouteKind.MANIFEST),
    "config": Kind("GET", RouteKind.BLOB, config=True),
    "layer": Kind("GET", RouteKind.BLOB),
}
PUSH = {
    "HEAD": Kind("HEAD", RouteKind.BLOB),
    "POST": Kind("POST", RouteKind.UPLOADS),
    "PUT of the config": Kind("PUT", RouteKind.UPLOAD, config=True),
    "PUT of a layer": Kind("PUT", RouteKind.UPLOAD),
    "PUT of the manifest": Kind("PUT", RouteKind.MANIFEST),
}


@dataclass
class Failing:
    """Plays a trick on the first requests of a kind, and counts all of that kind."""

    inner: Handler
    kind: Callable[[Request], bool]
    trick: Trick
    times: int = 1_000_000
    count: int = 0
    lock: threading.Lock = field(default_factory=threading.Lock)

    def handle(self, request: Request) -> Response:
        """Answer, or fail."""
        if not self.kind(request):
            return self.inner.handle(request)
        with self.lock:
            self.count += 1
            fails = self.count <= self.times
        return self.trick(request, self.inner) if fails else self.inner.handle(request)


def kinds(table: dict[str, Kind]) -> list[object]:
    """Give a table's kinds as parameters."""
    return [pytest.param(kind, id=name) for name, kind in table.items()]


@pytest.fixture
def shelf() -> Shelf:
    """A registry that has an image."""
    shelf = Shelf()
    shelf.put("some/image", "v1", IMAGE)
    return shelf


@pytest.fixture
def saved(tmp_path: Path) -> Path:
    """A tarball of the image."""
    path = tmp_path / "saved.tar"
    path.write_bytes(docker_save(IMAGE))
    return path


def words(kind: Kind, host: str, saved: Path) -> tuple[str, str, str]:
    """Say what to run so that such requests are made."""
    if kind in PULL.values():
        return "process", f"registry://{host}/some/image:v1", f"tar://{saved}.again"
    return "process", f"tar://{saved}", f"registry://{host}/new/image:v1"


@pytest.mark.parametrize("kind", kinds(PULL | PUSH))
def test_a_request_that_always_fails_is_tried_so_often(
    occystrap: Occystrap, shelf: Shelf, saved: Path, kind: Kind
) -> None:
    """With two retries three times; then one line says which request failed, and how often."""
    failing = Failing(BearerGate(shelf.registry), kind, status(503))
    with serve(failing) as listener:
        command = words(kind, listener.host, saved)
        line = occystrap.fail("--insecure", "--retries", "2", *command)
    assert failing.count == 3
    assert line.startswith(f"Error: {kind.method} http://{listener.host}/")
    assert "503 Service Unavailable" in line
    assert "gave up after 3 attempts" in line
    assert list(saved.parent.glob("*.again")) == []
    assert shelf.get("new/image", "v1") is None


@pytest.mark.parametrize("kind", [TOKEN, PULL["layer"], PUSH["PUT of a layer"]])
def test_the_last_attempt_counts(
    occystrap: Occystrap, shelf: Shelf, saved: Path, kind: Kind
) -> None:
    """What fails as often as there are retries ends well, and the report counts them."""
    failing = Failing(BearerGate(shelf.registry), kind, status(429), times=2)
    with serve(failing) as listener:
        report = occystrap.process(*words(kind, listener.host, saved)[1:], "--retries", "2")
    assert (report["retries"], report["rate_limits"]) == (2, 2)


@pytest.mark.parametrize(
    ("kind", "trick"),
    [
        pytest.param(PULL["layer"], cut(100), id="a layer breaks off"),
        pytest.param(PULL["manifest"], cut(100), id="a manifest breaks off"),
        pytest.param(PUSH["PUT of the manifest"], lose_answer, id="no answer to a manifest"),
    ],
)
def test_a_connection_that_always_breaks_is_tried_so_often(
    occystrap: Occystrap, shelf: Shelf, saved: Path, kind: Kind, trick: Trick
) -> None:
    """The variable gives the number, too."""
    failing = Failing(shelf.registry, kind, trick)
    with serve(failing) as listener:
        line = occystrap.fail(
            "--insecure",
            *words(kind, listener.host, saved),
            environ={"OCCYSTRAP_RETRIES": "1"},
        )
    assert failing.count == 2
    assert "gave up after 2 attempts" in line


@pytest.mark.parametrize("kind", [PULL["manifest"], PUSH["PUT of a layer"]])
def test_without_retries_there_is_one_attempt(
    occystrap: Occystrap, shelf: Shelf, saved: Path, kind: Kind
) -> None:
    """With --retries 0 the first failure is the last."""
    failing = Failing(shelf.registry, kind, status(503))
    with serve(failing) as listener:
        command = words(kind, listener.host, saved)
        occystrap.fail("--insecure", "--retries", "0", *command)
    assert failing.count == 1
