"""Whatever goes wrong, no broken tar file is left."""

from __future__ import annotations

import io
import os
import threading
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import pytest

from occystrap.errors import DigestMismatch, ImageInputError, ImageOutputError, OccystrapError
from occystrap.image.element import CONFIG_FILE, IMAGE_LAYER, ImageElement
from occystrap.image.layer import FileLayer, StoredLayer
from occystrap.image.sources import BytesSource
from occystrap.oci.descriptor import Descriptor
from occystrap.oci.digest import Digest
from occystrap.oci.media_types import OCI_LAYER, Compression
from occystrap.outputs.tarfile import TarWriter
from tests.support.elements import config_of, layers_of
from tests.support.images import SampleImage, make_image, stored, varied_image

VARIED = varied_image()


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Name the file to be written, in a directory of its own."""
    (tmp_path / "out").mkdir()
    return tmp_path / "out" / "x.tar"


def write(path: Path, elements: Iterable[ImageElement], **options: Any) -> TarWriter:
    """Write an image, and close the output on every way out."""
    writer = TarWriter("example/app", "1.0", path, **options)
    try:
        for element in elements:
            writer.process_image_element(element)
        writer.finalize()
    finally:
        writer.close()
    return writer


def lost(image: SampleImage) -> list[ImageElement]:
    """Leave out a layer."""
    return [config_of(image), *layers_of(image)[:-1]]


def swapped(image: SampleImage) -> list[ImageElement]:
    """Put other layers in the place of those that the config names."""
    return [config_of(image), *layers_of(make_image(*image.layers[::-1]), known=False)]


def misnamed(image: SampleImage) -> list[ImageElement]:
    """Give the config the name of another."""
    return [ImageElement(CONFIG_FILE, f"{'0' * 64}.json", io.BytesIO(image.config))]


def declined(image: SampleImage) -> list[ImageElement]:
    """Send a layer without content."""
    return [config_of(image), ImageElement(IMAGE_LAYER, "abc", layer_index=0)]


def corrupt(image: SampleImage) -> list[ImageElement]:
    """Send a layer whose bytes are others than it says."""
    wrong = FileLayer(io.BytesIO(image.layers[0]), Digest.of(b"other"))
    return [config_of(image), ImageElement(IMAGE_LAYER, "abc", layer_index=0, layer=wrong)]


def truncated(image: SampleImage) -> list[ImageElement]:
    """Send a layer that ends in the middle."""
    blob = stored(image.layers[0], Compression.GZIP)[:-9]
    cut = StoredLayer(Descriptor.of(blob, OCI_LAYER), BytesSource(blob), None)
    return [config_of(image), ImageElement(IMAGE_LAYER, "abc", layer_index=0, layer=cut)]


def configless(image: SampleImage) -> list[ImageElement]:
    """Leave out the config."""
    return layers_of(image)


def no_config(image: SampleImage) -> list[ImageElement]:
    """Send something else in the place of the config."""
    return [ImageElement(CONFIG_FILE, "c.json", io.BytesIO(b"text")), *layers_of(image)]


@pytest.mark.parametrize(
    ("make", "error", "problem"),
    [
        (lost, ImageOutputError, "the config names 4 layers, but 3 came"),
        (swapped, DigestMismatch, "layer 1 of 4"),
        (misnamed, DigestMismatch, "the image configuration is corrupt"),
        (declined, ImageOutputError, "layer abc came without content"),
        (corrupt, DigestMismatch, "layer"),
        (truncated, ImageInputError, "ends in the middle"),
        (configless, ImageOutputError, "No config file was processed"),
        (no_config, OccystrapError, "is not JSON"),
    ],
)
def test_what_goes_wrong_leaves_nothing(
    path: Path, make: Callable[[SampleImage], list[ImageElement]], error: type, problem: str
) -> None:
    """One clear error, no file under the final name, and none under another."""
    path.write_bytes(b"the old file")
    before = os.listdir("/proc/self/fd")  # noqa: PTH208
    with pytest.raises(error, match=problem):
        write(path, make(VARIED))
    assert path.read_bytes() == b"the old file"
    assert list(path.parent.iterdir()) == [path]
    assert len(os.listdir("/proc/self/fd")) <= len(before)  # noqa: PTH208


class Hanging:
    """A source that gives one piece, and then waits until it is let go."""

    def __init__(self) -> None:
        self.size = 1 << 20
        self.reading = threading.Event()
        self.let_go = threading.Event()
        self.ended = threading.Event()

    def open(self) -> Iterator[bytes]:
        """Hang."""
        try:
            while True:
                yield bytes(100_000)
                self.reading.set()
                self.let_go.wait(60)
        finally:
            self.ended.set()


def test_an_interrupt_leaves_nothing(path: Path) -> None:
    """Closing removes the file while threads still write, and they can't touch it any more."""
    source = Hanging()
    hanging = StoredLayer(Descriptor(OCI_LAYER, Digest.of(b""), 1 << 20), source)
    writer = TarWriter("a", "1", path)
    writer.process_image_element(ImageElement(IMAGE_LAYER, "a", layer_index=0, layer=hanging))
    assert source.reading.wait(10)
    assert not path.exists()
    assert len(list(path.parent.iterdir())) == 1
    writer.close()
    writer.close()
    assert list(path.parent.iterdir()) == []
    source.let_go.set()
    assert source.ended.wait(10)
    assert list(path.parent.iterdir()) == []


@pytest.mark.parametrize(("place", "problem"), [("gone/x.tar", "No such file"), ("", "directory")])
def test_places_that_cannot_be_written(path: Path, place: str, problem: str) -> None:
    """Nothing is read before it is known that there is a place for it."""
    with pytest.raises(ImageOutputError, match=f"can't write {path.parent}.*{problem}"):
        TarWriter("a", "1", path.parent / place)
