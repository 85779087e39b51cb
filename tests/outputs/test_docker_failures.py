"""Loading an image into a daemon fails: nobody waits for anybody, and nothing is shown."""

from __future__ import annotations

import json
import socket
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from occystrap.errors import (
    DaemonError,
    DigestMismatch,
    ImageInputError,
    ImageOutputError,
    SizeMismatch,
)
from occystrap.image.element import IMAGE_LAYER, ImageElement
from occystrap.image.layer import StoredLayer
from occystrap.image.sources import BytesSource
from occystrap.oci.descriptor import Descriptor
from occystrap.oci.digest import Digest
from occystrap.oci.media_types import OCI_LAYER, Compression
from occystrap.outputs.docker import DockerWriter
from tests.support.elements import config_of, layers_of
from tests.support.fake_daemon import FakeDaemon, gave_up, running_fake, saying
from tests.support.images import SampleImage, make_image, stored, thorough_image

_BEGIN = b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n"


@pytest.fixture
def image() -> SampleImage:
    """An image with all that layers can have, and one layer twice."""
    return thorough_image()


@pytest.fixture
def fake() -> FakeDaemon:
    """A daemon without an image."""
    return FakeDaemon()


@pytest.fixture
def writer(fake: FakeDaemon) -> Iterator[DockerWriter]:
    """What loads an image into it."""
    with running_fake(fake) as path:
        writer = DockerWriter("example/app", "1", path)
        yield writer
        writer.close()


def write(writer: DockerWriter, *elements: ImageElement) -> None:
    """Write an image of these."""
    for element in elements:
        writer.process_image_element(element)
    writer.finalize()


@contextmanager
def hasty(*lines: dict[str, object]) -> Iterator[str]:
    """Run a daemon that answers before it has read much, and goes; without lines it only goes."""
    body = b"".join(json.dumps(line).encode() for line in lines)
    with tempfile.TemporaryDirectory(prefix="daemon-") as directory:
        path = f"{directory}/socket"
        with socket.socket(socket.AF_UNIX) as listening:
            listening.bind(path)
            listening.listen()

            def serve() -> None:
                for _ in range(2):  # the first only looks whether somebody is there
                    connection, _ = listening.accept()
                    with connection:
                        if connection.recv(1000) and body:
                            connection.sendall(_BEGIN + body)
                        # What nobody has read would make a reset, which destroys the answer.
                        connection.shutdown(socket.SHUT_RD)
                        while connection.recv(1 << 20):
                            pass

            thread = threading.Thread(target=serve, daemon=True)
            thread.start()
            yield path
            thread.join(10)


@pytest.mark.parametrize(
    ("lines", "said"),
    [
        ([gave_up("no space left on device")], "no space left on device"),
        ([{"stream": "Loaded image: example/app:1"}], "didn't wait for all"),
        ([], "broke off"),
    ],
)
def test_a_daemon_that_stops_reading(lines: list[dict[str, object]], said: str) -> None:
    """Nothing waits for it, and its error is told."""
    image = make_image(bytes(20_000_000), bytes(10_000_000))
    with hasty(*lines) as path:
        writer = DockerWriter("example/app", "1", path)
        with pytest.raises(DaemonError, match=said):
            write(writer, config_of(image), *layers_of(image, Compression.NONE))
        writer.close()


def lying_layer(image: SampleImage, content: bytes, *, size: int | None = None) -> ImageElement:
    """Make the lowest layer of an image, of other bytes."""
    blob = stored(content, Compression.GZIP)
    descriptor = Descriptor.of(blob, OCI_LAYER)
    if size is not None:
        descriptor = replace(descriptor, size=size)
    layer = StoredLayer(descriptor, BytesSource(blob), Digest.of(image.layers[0]))
    return ImageElement(IMAGE_LAYER, "a" * 64, layer_index=0, layer=layer)


@pytest.mark.parametrize("first", [True, False])
def test_a_layer_that_is_another_one(
    fake: FakeDaemon, writer: DockerWriter, image: SampleImage, first: bool
) -> None:
    """It is found out here: some daemons don't look at a layer which they believe to have."""
    good = layers_of(image)[1:]
    bad = lying_layer(image, b"other" * 1000)
    elements = [bad, *good] if first else [*good, bad]
    with pytest.raises(DigestMismatch):
        write(writer, config_of(image), *elements)
    writer.close()
    assert fake.images == {}


@pytest.mark.parametrize("more", [-1, 1])
def test_a_layer_of_another_size(
    fake: FakeDaemon, writer: DockerWriter, image: SampleImage, more: int
) -> None:
    """The archive would be none from there on."""
    size = len(stored(image.layers[0], Compression.GZIP)) + more
    with pytest.raises(SizeMismatch):
        write(writer, config_of(image), lying_layer(image, image.layers[0], size=size))
    writer.close()
    assert fake.images == {}


def test_a_layer_that_cannot_be_read(
    fake: FakeDaemon, writer: DockerWriter, image: SampleImage
) -> None:
    """It is the error of the source that is told, not what the daemon made of it."""

    class Gone:
        size = 10

        def open(self) -> Iterator[bytes]:
            yield b"\x1f\x8b\x08\0"
            raise ImageInputError("the disk is gone")

    layer = StoredLayer(Descriptor(OCI_LAYER, Digest.of(b"x"), 10), Gone(), Digest.of(b"y"))
    with pytest.raises(ImageInputError, match="the disk is gone"):
        write(writer, config_of(image), ImageElement(IMAGE_LAYER, "a", layer=layer))
    writer.close()
    assert fake.images == {}


def test_a_daemon_that_refuses(fake: FakeDaemon, writer: DockerWriter, image: SampleImage) -> None:
    """W-33: what it says in an answer that began well is an error here."""
    fake.tricks["load"] = [lambda request, act: saying(200, gave_up("layers from another world"))]
    with pytest.raises(DaemonError, match="layers from another world"):
        write(writer, config_of(image), *layers_of(image))


def test_no_daemon(tmp_path: Path, image: SampleImage) -> None:
    """The error is about the socket."""
    writer = DockerWriter("example/app", "1", tmp_path / "none")
    with pytest.raises(DaemonError, match="can't reach a container daemon"):
        write(writer, config_of(image), *layers_of(image))
    writer.close()


@pytest.mark.parametrize("tag", [f"sha256:{'0' * 64}", f"1@sha256:{'0' * 64}"])
def test_a_digest_is_no_name_for_a_destination(tag: str) -> None:
    """A daemon has no digest to give."""
    with pytest.raises(ImageOutputError, match="not by a digest"):
        DockerWriter("example/app", tag)


def test_what_is_stopped_leaves_nothing(
    fake: FakeDaemon, writer: DockerWriter, image: SampleImage
) -> None:
    """Neither an image nor a thread."""
    before = {each.name for each in threading.enumerate()}
    writer.process_image_element(config_of(image))
    writer.process_image_element(layers_of(image)[0])
    writer.close()
    assert fake.images == {}
    assert "docker load" not in {each.name for each in threading.enumerate()} - before
