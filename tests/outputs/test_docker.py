"""Loading images into a daemon: under the name asked for, whole or not at all."""

from __future__ import annotations

import io
import tarfile
from collections.abc import Iterator
from dataclasses import replace

import pytest

from occystrap.errors import (
    ImageOutputError,
)
from occystrap.image.element import IMAGE_LAYER, ImageElement
from occystrap.image.layer import StoredLayer, UnnamedLayer
from occystrap.image.sources import BytesSource
from occystrap.oci.digest import Digest
from occystrap.oci.media_types import (
    Compression,
    Family,
    layer_media_type,
)
from occystrap.outputs.docker import DockerWriter
from occystrap.server.message import Request, Response
from tests.support.elements import config_of, layers_of
from tests.support.fake_daemon import KINDS, FakeDaemon, running_fake, saying
from tests.support.images import SampleImage, stored, thorough_image

NAME = "example/app:1"
GZIP = layer_media_type(Family.DOCKER, Compression.GZIP)


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
        writer.close()


def write(writer: DockerWriter, *elements: ImageElement) -> None:
    """Write an image of these."""
    for element in elements:
        assert writer.fetch_callback(element.name)
        writer.process_image_element(element)
    writer.finalize()


def checks(writer: DockerWriter, *, full: bool = False) -> list[str]:
    """Return what is found out about what was written."""
    return [result.check for result in writer.verify(full=full).results]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("compression", Compression)
def test_an_image_is_loaded(
    fake: FakeDaemon, writer: DockerWriter, image: SampleImage, compression: Compression, kind: str
) -> None:
    """W-33: under the name asked for, with its own config and layers, however they are stored."""
    fake.kind = kind
    write(writer, config_of(image), *layers_of(image, compression))
    loaded = fake.images[NAME]
    assert (loaded.config, loaded.layers) == (image.config, image.layers)
    assert checks(writer) == ["verify.ok"]
    assert checks(writer, full=True) == ["verify.ok"]
    assert (writer.moved.layers, writer.moved.skipped) == (5, 1)


def archive_of(fake: FakeDaemon, seen: list[bytes]) -> None:
    """Keep the archive that is loaded next."""

    def load(request: Request, act: object) -> Response:
        body = b"".join(request.body)
        seen.append(body)
        return fake.load("", replace(request, body=[body]))

    fake.tricks["load"] = [load]


def test_layers_go_as_they_are_stored(
    fake: FakeDaemon, writer: DockerWriter, image: SampleImage
) -> None:
    """All that is gzip stays it; the list of them comes last, and the archive is a whole one."""
    seen: list[bytes] = []
    archive_of(fake, seen)
    write(writer, config_of(image), *layers_of(image, Compression.GZIP))
    with tarfile.open(fileobj=io.BytesIO(seen[0])) as tar:
        assert tar.getnames()[-2:] == [f"{image.config_hex}.json", "manifest.json"]
        members = {member.name: tar.extractfile(member) for member in tar}
    blobs = {stored(layer, Compression.GZIP) for layer in image.layers}
    assert writer.moved.size == sum(map(len, blobs))
    with tarfile.open(fileobj=io.BytesIO(seen[0])) as tar:
        for diff_id in image.diff_ids:
            file = tar.extractfile(f"{diff_id}/layer.tar")
            assert file is not None
            assert file.read() in blobs
    assert len(members) == len(blobs) + 2
    assert seen[0].endswith(b"\0" * 1024)


def test_media_types_are_not_believed(
    fake: FakeDaemon, writer: DockerWriter, image: SampleImage
) -> None:
    """What calls itself gzip, and is zstd, becomes plain: not every daemon reads it."""
    layers = []
    for element in layers_of(image, Compression.ZSTD):
        layer = element.layer
        assert isinstance(layer, StoredLayer)
        lying = replace(layer.stored, media_type=GZIP)
        layers.append(replace(element, layer=replace(layer, stored=lying)))
    seen: list[bytes] = []
    archive_of(fake, seen)
    write(writer, config_of(image), *layers)
    assert b"\x28\xb5\x2f\xfd" not in seen[0]
    assert fake.images[NAME].layers == image.layers


def test_layers_without_a_digest_are_named_when_they_have_come(
    fake: FakeDaemon, writer: DockerWriter, image: SampleImage
) -> None:
    """Those of filters and of scripts; the config may come last, too."""
    plain = [
        ImageElement(IMAGE_LAYER, f"layer {number}", io.BytesIO(tar), number)
        for number, tar in enumerate(image.layers[:2])
    ]
    blobs = [stored(tar, Compression.GZIP) for tar in image.layers[2:]]
    unnamed = [
        ImageElement(
            IMAGE_LAYER,
            f"layer {number}",
            layer_index=number,
            layer=UnnamedLayer(BytesSource(blob), Digest.of(tar), GZIP),
        )
        for number, (blob, tar) in enumerate(zip(blobs, image.layers[2:], strict=True), start=2)
    ]
    write(writer, *plain, *unnamed, config_of(image))
    assert fake.images[NAME].layers == image.layers


def test_a_layer_without_content_is_refused(writer: DockerWriter, image: SampleImage) -> None:
    """There is no daemon that had it already."""
    with pytest.raises(ImageOutputError, match="came without content"):
        write(writer, config_of(image), ImageElement(IMAGE_LAYER, "a" * 64))


def test_without_a_config_there_is_no_image(
    fake: FakeDaemon, writer: DockerWriter, image: SampleImage
) -> None:
    """Nor with one that names other layers."""
    with pytest.raises(ImageOutputError, match="No config file was processed"):
        write(writer, *layers_of(image))
    assert fake.images == {}


def test_too_few_layers(fake: FakeDaemon, writer: DockerWriter, image: SampleImage) -> None:
    """The daemon gets no list, and shows no image."""
    with pytest.raises(ImageOutputError, match="names 5 layers, but 3 came"):
        write(writer, config_of(image), *layers_of(image)[:3])
    writer.close()
    assert fake.images == {}


def test_verification_finds_what_is_wrong(
    fake: FakeDaemon, writer: DockerWriter, image: SampleImage
) -> None:
    """Another config, other layers, no image, a layer that has changed, and no daemon."""
    write(writer, config_of(image), *layers_of(image))
    fake.images[NAME] = replace(image, config=image.config + b" ", names=(NAME,))
    assert checks(writer) == ["verify.config"]
    fake.images[NAME] = replace(image, layers=image.layers[:-1], names=(NAME,))
    assert checks(writer) == ["verify.layer"]
    del fake.images[NAME]
    assert checks(writer) == ["verify.docker"]
    other = SampleImage((b"x" * 1024,) * 5, image.config, (NAME,))
    fake.images[NAME] = image.named(NAME)
    fake.tricks["save"] = [
        lambda request, act: FakeDaemon(images={NAME: other}).save(NAME, request)
    ]
    assert checks(writer, full=True) == ["verify.layer"]
    fake.tricks["find"] = [lambda request, act: saying(500, {"message": "tired"})]
    assert checks(writer) == ["verify.docker"]


def test_a_daemon_that_is_gone_is_no_failure(fake: FakeDaemon, image: SampleImage) -> None:
    """It has said that it has loaded the image; only nobody can look."""
    with running_fake(fake) as path:
        writer = DockerWriter("example/app", "1", path)
        write(writer, config_of(image), *layers_of(image))
    (result,) = writer.verify().results
    assert (result.check, result.severity.value) == ("verify.docker", "warning")
    writer.close()
