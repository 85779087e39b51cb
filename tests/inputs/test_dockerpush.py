"""Images that a daemon pushes here: what comes, what needn't, and what is left behind."""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from socket import create_connection

import pytest

from occystrap.errors import DaemonError, ImageInputError, InvalidInput, OccystrapError
from occystrap.inputs.dockerpush import Image, Patience
from occystrap.oci.digest import Digest
from occystrap.oci.manifest import Manifest
from occystrap.server.message import Request, Response
from tests.support.fake_daemon import FakeDaemon, Trick, gave_up, running_fake, saying
from tests.support.images import SampleImage, bottom_layer, make_image, sha256, thorough_image

NAME = "example/app:1"


@pytest.fixture
def image() -> SampleImage:
    """An image with all that layers can have, and one layer twice."""
    return thorough_image()


@pytest.fixture
def fake(image: SampleImage) -> FakeDaemon:
    """A daemon that has it."""
    fake = FakeDaemon()
    fake.add(NAME, image)
    return fake


@pytest.fixture
def socket(fake: FakeDaemon) -> Iterator[str]:
    """Where that daemon is."""
    with running_fake(fake) as path:
        yield path


def test_an_image_is_pushed_here(
    fake: FakeDaemon, socket: str, image: SampleImage, tmp_path: Path
) -> None:
    """Config, manifest and layers are what came, and the daemon has its own name only."""
    source = Image("example/app", "1", socket, temp_dir=str(tmp_path))
    assert source.get_config() == image.config
    manifest = source.get_manifest()
    assert isinstance(manifest, Manifest)
    config, *layers = source.fetch()
    assert config.manifest == manifest
    assert [element.name for element in layers] == image.diff_ids
    opened = [element.open_layer() for element in layers]
    assert [layer.stored for layer in opened if layer] == list(manifest.layers)
    assert [sha256(b"".join(layer.open_tar())) for layer in opened if layer] == image.diff_ids
    assert [operation for operation, _ in fake.seen] == ["find", "tag", "push", "untag"]
    assert set(fake.images) == {NAME}
    assert list(tmp_path.iterdir()) == []
    source.close()
    source.close()


def test_the_name_of_the_moment_cannot_be_guessed(fake: FakeDaemon, socket: str) -> None:
    """Whoever else finds the port doesn't know what to ask for."""
    repositories = set()
    for _ in range(2):
        fake.seen.clear()
        source = Image("docker.io/library/app", "1", socket)
        fake.add("app:1", make_image(bottom_layer()))
        source.get_config()
        source.close()
        (pushed,) = (name for operation, name in fake.seen if operation == "push")
        host, secret, *rest = pushed.split("/")
        assert host.startswith("127.0.0.1:")
        assert len(secret) >= 32
        assert rest == ["library", "app"]
        repositories.add(secret)
    assert len(repositories) == 2


def test_what_the_destination_has_is_not_sent(
    fake: FakeDaemon, socket: str, image: SampleImage
) -> None:
    """Such a layer can be named, and not be read; the config is sent in any case."""
    first = Image("example/app", "1", socket)
    manifest = first.get_manifest()
    assert manifest is not None
    first.close()
    fake.pushed.clear()
    sizes = {each.digest: each.size for each in (*manifest.layers[:2], manifest.config)}
    source = Image("example/app", "1", socket)
    source.held = sizes.get
    assert source.get_config() == image.config
    _, *layers = source.fetch()
    held = {each.digest.encoded for each in manifest.layers[:2]}
    everything = {each.digest.encoded for each in manifest.references}
    assert set(fake.pushed) == everything - held
    lowest = layers[0].open_layer()
    assert lowest is not None
    assert lowest.stored == manifest.layers[0]
    with pytest.raises(ImageInputError, match="isn't here: the destination had it"):
        list(lowest.open_stored())
    source.close()


def test_layers_that_are_declined_come_without_content(socket: str, image: SampleImage) -> None:
    """They are named by their diff_id."""
    source = Image("example/app", "1", socket)
    _, *layers = source.fetch(lambda name: name == image.diff_ids[0])
    assert [element.open_layer() is not None for element in layers] == [True] + [False] * 4
    source.close()


def test_an_image_that_is_not_there(fake: FakeDaemon, socket: str) -> None:
    """Nothing is tried."""
    source = Image("example/other", "1", socket)
    with pytest.raises(ImageInputError, match="Image not found: example/other:1"):
        source.get_config()
    assert fake.seen == [("find", "example/other:1")]
    source.close()


def quiet(request: Request, act: object) -> Response:
    """Say that all went well, and do nothing."""
    return saying(200, {"status": "pushed: digest: sha256:00 size: 7"})


def unreached(request: Request, act: object) -> Response:
    """Fail as a daemon with another network does."""
    return saying(200, {"status": "begun"}, gave_up("dial tcp 127.0.0.1:5: connection refused"))


def refuse(request: Request, act: object) -> Response:
    """Refuse at once."""
    return saying(500, {"message": "no such driver"})


@pytest.mark.parametrize(
    ("operation", "trick", "kind", "said"),
    [
        ("push", quiet, ImageInputError, "says that it has pushed example/app:1, but it hasn't"),
        ("push", unreached, DaemonError, "doesn't reach 127.0.0.1:.*take docker://.*refused"),
        ("push", refuse, DaemonError, "no such driver"),
        ("tag", refuse, DaemonError, "no such driver"),
    ],
)
def test_a_push_that_fails(
    fake: FakeDaemon,
    socket: str,
    operation: str,
    trick: Trick,
    kind: type[OccystrapError],
    said: str,
) -> None:
    """The error says why and what else there is; the name of the moment is gone."""
    fake.tricks[operation] = [trick]
    source = Image("example/app", "1", socket)
    with pytest.raises(kind, match=f"(?i){said}"):
        source.get_config()
    assert set(fake.images) == {NAME}
    assert fake.seen[-1][0] == "untag"
    source.close()


class Interrupted(BaseException):
    """What Ctrl-C raises."""


def test_whatever_happens_the_name_is_taken_away(fake: FakeDaemon, socket: str) -> None:
    """Also when the run is interrupted while the daemon pushes."""
    held = threading.Event()

    def hang(request: Request, act: object) -> Response:
        held.wait(20)
        return saying(200)

    class Clock:
        def __call__(self) -> float:
            if any(operation == "push" for operation, _ in fake.seen):
                raise Interrupted
            return 0.0

    fake.tricks["push"] = [hang]
    source = Image("example/app", "1", socket, patience=Patience(clock=Clock()))
    try:
        with pytest.raises(Interrupted):
            source.get_config()
    finally:
        held.set()
    assert set(fake.images) == {NAME}
    source.close()


def test_a_name_that_stays_is_told(
    fake: FakeDaemon, socket: str, image: SampleImage, caplog: pytest.LogCaptureFixture
) -> None:
    """The image has come all the same."""
    fake.tricks["untag"] = [refuse]
    source = Image("example/app", "1", socket)
    with caplog.at_level(logging.WARNING):
        assert source.get_config() == image.config
    assert "the daemon still has the name 127.0.0.1:" in caplog.text
    source.close()


@pytest.mark.parametrize(
    ("reached", "said"),
    [(False, "doesn't reach 127.0.0.1"), (True, "insists on TLS with 127.0.0.1")],
)
def test_nobody_waits_for_ever(fake: FakeDaemon, socket: str, reached: bool, said: str) -> None:
    """Whether nobody came to the door, or somebody did who asked for nothing."""
    held = threading.Event()

    def hang(request: Request, act: object) -> Response:
        if reached:
            host, port = request.path.split("/")[2].replace("%3A", ":").split(":")
            create_connection((host, int(port))).close()
        held.wait(20)
        return saying(200)

    fake.tricks["push"] = [hang]
    patience = Patience(arrival=20.0 if reached else 0.0, quiet=0.3)
    source = Image("example/app", "1", socket, patience=patience)
    try:
        with pytest.raises(DaemonError, match=rf"{said}.*\(nothing has come for \d+ seconds\)"):
            source.get_config()
    finally:
        held.set()
    assert set(fake.images) == {NAME}
    source.close()


def test_a_pushed_image_without_all_its_parts(fake: FakeDaemon, socket: str) -> None:
    """Whatever the daemon says, an image has a config and all its layers."""
    image = make_image(bottom_layer())
    for broken, said in (
        (replace(image, layers=()), "the config lists 1 layers, but there are 0"),
        (replace(image, config=b"junk"), "example/app:1"),
    ):
        fake.images[NAME] = broken
        fake.tricks["find"] = [
            lambda request, act: saying(200, {"Id": str(Digest.of(b"x")), "Size": 1})
        ]
        source = Image("example/app", "1", socket)
        with pytest.raises((ImageInputError, InvalidInput), match=said):
            source.get_config()
        source.close()
