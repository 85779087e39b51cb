"""Images of a daemon, in every shape in which daemons save them."""

from __future__ import annotations

import io
import json
import tarfile
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from occystrap.errors import DaemonError, DigestMismatch, ImageInputError
from occystrap.inputs.base import ImageInput
from occystrap.inputs.docker import Image
from occystrap.oci.platform import Platform
from occystrap.server.message import Headers, Request, Response
from tests.support.archives import docker_save, oci_layout_of_platforms, tar_of
from tests.support.fake_daemon import KINDS, FakeDaemon, Trick, running_fake, saying
from tests.support.images import SampleImage, bottom_layer, make_image, sha256, thorough_image
from tests.support.progress import CountingProgress

NAME = "example/app:1"


@pytest.fixture
def image() -> SampleImage:
    """An image with all that layers can have, and one layer twice."""
    return thorough_image().named(NAME)


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


def saving(archive: bytes, end: bytes = b"") -> list[Trick]:
    """Answer with an archive, and something behind it."""

    def save(request: Request, act: object) -> Response:
        return Response(200, Headers(), [archive, end])

    return [save]


def tars_of(source: ImageInput) -> list[str]:
    """Hash the tars of all layers."""
    _, *layers = source.fetch()
    opened = [element.open_layer() for element in layers]
    return [sha256(b"".join(layer.open_tar())) for layer in opened if layer is not None]


@pytest.mark.parametrize("kind", KINDS)
def test_every_shape_is_read(fake: FakeDaemon, socket: str, image: SampleImage, kind: str) -> None:
    """Config and layers, byte for byte: also links before their target, and gzip."""
    fake.kind = kind
    source = Image("example/app", "1", socket)
    assert source.get_config() == image.config
    assert tars_of(source) == image.diff_ids
    config, *layers = source.fetch()
    assert config.name == f"{image.config_hex}.json"
    assert [element.name for element in layers] == image.diff_ids
    assert [element.layer_index for element in layers] == [0, 1, 2, 3, 4]
    assert (source.image, source.tag) == ("example/app", "1")
    source.close()
    source.close()
    assert fake.seen == [("find", NAME), ("save", NAME)]


@pytest.mark.parametrize("kind", KINDS)
def test_a_manifest_is_kept_where_the_daemon_has_one(
    fake: FakeDaemon, socket: str, image: SampleImage, kind: str
) -> None:
    """Containerd's image store knows images by it; the one in other archives is made up."""
    fake.kind = kind
    source = Image("example/app", "1", socket)
    manifest, known = source.get_manifest(), fake.identifier(image)
    assert (None if manifest is None else str(manifest.digest)) == (
        known if "containerd" in kind else None
    )
    (config, *layers) = source.fetch()
    assert config.manifest == manifest
    if manifest is not None:
        stored = [layer.layer.stored for layer in layers if layer.layer is not None]
        assert stored == list(manifest.layers)
    source.close()


def test_of_an_index_the_image_for_the_platform_is_taken(fake: FakeDaemon, socket: str) -> None:
    """As containerd's image store has it when it has pulled all of them."""
    arm = make_image(bottom_layer(), architecture="arm64")
    archive = oci_layout_of_platforms(make_image(b""), arm)

    def find(request: Request, act: object) -> Response:
        return saying(200, {"Id": listed(archive), "Size": 1, "Descriptor": {}})

    fake.tricks = {"save": saving(archive), "find": [find]}
    source = Image("example/app", "1", socket, platform=Platform("linux", "arm64"))
    assert source.get_config() == arm.config
    source.close()


def listed(archive: bytes) -> str:
    """Return the digest of the one thing that a layout lists."""
    with tarfile.open(fileobj=io.BytesIO(archive)) as tar:
        file = tar.extractfile("index.json")
        assert file is not None
        ((digest),) = (entry["digest"] for entry in json.load(file)["manifests"])
        return str(digest)


def test_layers_that_are_declined_come_without_content(socket: str, image: SampleImage) -> None:
    """They are named by their diff_id."""
    source = Image("example/app", "1", socket)
    declined = image.diff_ids[0]
    _, *layers = source.fetch(lambda name: name != declined)
    assert [element.name for element in layers if element.open_layer() is None] == [declined]
    source.close()


def test_an_image_that_is_not_there(socket: str) -> None:
    """The error says who hasn't got it, and what to do."""
    source = Image("example/other", "2", socket)
    with pytest.raises(
        ImageInputError, match=r"Image not found: example/other:2 .*pull it"
    ) as error:
        source.get_config()
    assert socket in str(error.value)
    source.close()


def test_an_image_by_digest(fake: FakeDaemon, socket: str, image: SampleImage) -> None:
    """The daemon is asked for it as it was typed."""
    digest = f"sha256:{'0' * 64}"
    source = Image("example/app", digest, socket)
    with pytest.raises(ImageInputError, match="Image not found"):
        source.get_config()
    assert fake.requests[0].path == f"/images/example/app@{digest}/json"
    source.close()


@pytest.mark.parametrize(
    ("archive", "end", "said"),
    [
        (b"junk" * 1000, b"", "the archive of example/app:1 is no readable tar file"),
        (b"", b"", "no readable tar file"),
        (tar_of([("manifest.json", b"[]")]), b"", "its manifest.json is empty"),
        (tar_of([("manifest.json", b"{")]), b"", "the archive of example/app:1"),
        (tar_of([("other", b"x")]), b"", "'manifest.json' not found"),
        (b"\0" * 512, b'{"errorDetail":{"message":"lost"},"error":"lost"}\r\n', "gave up: lost"),
    ],
)
def test_what_is_no_image(
    fake: FakeDaemon, socket: str, archive: bytes, end: bytes, said: str
) -> None:
    """Nothing of it is passed on."""
    fake.tricks = {"save": saving(archive, end)}
    source = Image("example/app", "1", socket)
    with pytest.raises((ImageInputError, DaemonError), match=said):
        source.get_config()
    source.close()


def test_a_layer_that_is_not_what_the_config_names(
    fake: FakeDaemon, socket: str, image: SampleImage
) -> None:
    """It is found out by whoever reads it, by its last byte at the latest."""
    archive = docker_save(image).replace(b"etc/gone", b"etc/gnoe")
    fake.tricks = {"save": saving(archive)}
    source = Image("example/app", "1", socket)
    with pytest.raises(DigestMismatch, match=r"layer .* is corrupt"):
        tars_of(source)
    source.close()


def test_progress_counts_what_is_saved(socket: str, fake: FakeDaemon) -> None:
    """Of about as much as the image has."""
    progress = CountingProgress()
    source = Image("example/app", "1", socket, progress=progress)
    source.get_config()
    source.close()
    size = sum(map(len, fake.images[NAME].layers))
    assert progress.tasks == [("saving example/app:1", size)]
    assert progress.count == len(b"".join(fake.save(NAME, Request("GET", "/")).body))


def test_nothing_is_left_behind(socket: str, tmp_path: Path) -> None:
    """The archive has no name, and no thread waits for anything."""
    before = set(threading.enumerate())
    source = Image("example/app", "1", socket, temp_dir=str(tmp_path))
    source.get_config()
    assert list(tmp_path.iterdir()) == []
    source.close()
    assert {each for each in threading.enumerate() if "serve" not in each.name} <= before
