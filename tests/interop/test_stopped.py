"""A run that is killed at any moment leaves no half-written image under its final name."""

from __future__ import annotations

import random
import signal
import subprocess
from dataclasses import dataclass
from pathlib import Path

import pytest

from occystrap.oci.media_types import Compression
from occystrap.oci.routes import RouteKind, parse_route
from occystrap.server.message import Request
from tests.support.archives import docker_save
from tests.support.command import PATIENCE, Occystrap
from tests.support.console import Shelf
from tests.support.held import held_registry
from tests.support.images import bottom_layer, file, layer, make_image, top_layer

LARGE = layer(file("noise", random.Random(0).randbytes(1024 * 1024)))  # noqa: S311 - no secret
IMAGE = make_image(bottom_layer(), LARGE, top_layer())
CONFIG, LAYER = IMAGE.config_hex, IMAGE.diff_ids[1]


@dataclass(frozen=True, slots=True)
class Moment:
    """A request to be stopped at, when so many bytes of its body have passed."""

    method: str
    kind: RouteKind
    digest: str = ""
    after: int | None = None

    def __call__(self, request: Request) -> bool:
        """Whether this is the request."""
        route = parse_route(request.path)
        assert route is not None
        same = (request.method, route.kind) == (self.method, self.kind)
        return same and self.digest in route.item


PULL = {
    "before the manifest": Moment("GET", RouteKind.MANIFEST),
    "before the config": Moment("GET", RouteKind.BLOB, CONFIG),
    "before a layer": Moment("GET", RouteKind.BLOB, LAYER),
    "within a layer": Moment("GET", RouteKind.BLOB, LAYER, len(LARGE) // 2),
    "before the last byte": Moment("GET", RouteKind.BLOB, LAYER, len(LARGE) - 1),
}
PUSH = {
    "before anything": Moment("HEAD", RouteKind.BLOB),
    "before an upload": Moment("POST", RouteKind.UPLOADS),
    "within a layer": Moment("PUT", RouteKind.UPLOAD, after=len(LARGE) // 2),
    "before the manifest": Moment("PUT", RouteKind.MANIFEST),
}


def moments(table: dict[str, Moment]) -> pytest.MarkDecorator:
    """Run a test for each moment of a table."""
    return pytest.mark.parametrize("moment", table.values(), ids=table.keys())


signals = pytest.mark.parametrize(
    "number", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT], ids=lambda each: each.name
)


@pytest.fixture
def shelf() -> Shelf:
    """A registry that has the image, its layers plain."""
    shelf = Shelf()
    shelf.put("some/image", "v1", IMAGE, Compression.NONE)
    return shelf


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    """An empty directory."""
    path = tmp_path / "out"
    path.mkdir()
    return path


def stop(
    occystrap: Occystrap,
    shelf: Shelf,
    moment: Moment,
    number: signal.Signals,
    *arguments: str,
) -> None:
    """Run the command until the moment has come, and stop it.

    `HOST` becomes the registry's, and `OTHER` another name of it.
    """
    with held_registry(shelf.registry, moment, moment.after) as (listener, held):
        other = listener.host.replace("127.0.0.1", "localhost")
        words = [each.replace("HOST", listener.host).replace("OTHER", other) for each in arguments]
        with occystrap.start("--insecure", *words) as process:
            try:
                held.wait()
                process.send_signal(number)
                _, errors = process.communicate(timeout=PATIENCE)
            finally:
                process.kill()
    _check_ending(process, number, errors)


def _check_ending(process: subprocess.Popen[str], number: signal.Signals, errors: str) -> None:
    # It dies of the signal, which shells show as 130 or 143; so a loop around it ends as well.
    assert process.returncode == -number
    assert "Traceback" not in errors
    if number is not signal.SIGKILL:
        assert [line for line in errors.splitlines() if " starting" not in line][-1:] == [
            f"Stopped by {number.name}."
        ]


@signals
@moments(PULL)
def test_a_pull_that_is_stopped_leaves_no_image(
    occystrap: Occystrap, shelf: Shelf, directory: Path, moment: Moment, number: signal.Signals
) -> None:
    """Nothing has the final name; after a signal that can be caught, nothing is left at all."""
    target = directory / "image.tar"
    uri = "registry://HOST/some/image:v1"
    stop(occystrap, shelf, moment, number, "process", uri, f"tar://{target}")
    assert not target.exists()
    if number is not signal.SIGKILL:
        assert list(directory.iterdir()) == []


@signals
def test_a_file_that_was_there_stays_as_it_was(
    occystrap: Occystrap, shelf: Shelf, directory: Path, number: signal.Signals
) -> None:
    """It is replaced by a whole image only."""
    target = directory / "image.tar"
    target.write_bytes(b"old")
    moment, uri = PULL["within a layer"], "registry://HOST/some/image:v1"
    stop(occystrap, shelf, moment, number, "process", uri, f"tar://{target}")
    assert target.read_bytes() == b"old"
    if number is not signal.SIGKILL:
        assert list(directory.iterdir()) == [target]


@signals
@moments(PUSH)
def test_a_push_that_is_stopped_sets_no_tag(
    occystrap: Occystrap, directory: Path, moment: Moment, number: signal.Signals
) -> None:
    """The registry knows no image of that name, and the tarball stays as it was."""
    source, shelf = directory / "image.tar", Shelf()
    content = docker_save(IMAGE)
    source.write_bytes(content)
    uri = "registry://HOST/new/image:v1"
    stop(occystrap, shelf, moment, number, "process", f"tar://{source}", uri)
    assert shelf.get("new/image", "v1") is None
    assert list(directory.iterdir()) == [source]
    assert source.read_bytes() == content


@signals
@pytest.mark.parametrize("within", [PULL["within a layer"], PUSH["within a layer"]], ids=["a", "b"])
def test_a_copy_that_is_stopped_sets_no_tag(
    occystrap: Occystrap, shelf: Shelf, within: Moment, number: signal.Signals
) -> None:
    """Neither in the middle of what comes nor in the middle of what goes."""
    uris = ("registry://HOST/some/image:v1", "registry://OTHER/new/image:v1")
    stop(occystrap, shelf, within, number, "process", *uris)
    assert shelf.get("new/image", "v1") is None
