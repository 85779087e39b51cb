"""When filters fail they say why, and leave nothing behind."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from occystrap.errors import DigestMismatch, ImageInputError, ImageOutputError, OccystrapError
from occystrap.filters.rewrite import RewriteFilter
from occystrap.filters.timestamps import NormalizeTimestamps
from occystrap.image.element import IMAGE_LAYER, ImageElement
from occystrap.image.layer import StoredLayer
from occystrap.image.sources import BytesSource, VerifiedSource
from occystrap.image.workers import Stopped
from occystrap.oci.descriptor import Descriptor
from occystrap.oci.digest import Digest
from occystrap.oci.media_types import OCI_LAYER, Compression
from occystrap.server.message import Handler, Request, Response
from tests.support.console import Shelf
from tests.support.elements import config_of, layers_of
from tests.support.filtering import Run, Taken
from tests.support.handlers import Front, cut
from tests.support.images import SampleImage, file, layer, make_image, stored

HERE = "registry://r.example/demo/image:1"
THERE = "registry://other.example/new:1"
EXCLUDE = "exclude:pattern=tmp"


def test_what_breaks_on_the_way_is_fetched_again(run: Run, front: Front, shelf: Shelf) -> None:
    """The filter sees nothing of it."""
    front.tricks = {"GET blob": [lambda request, inner: inner.handle(request), cut(20), cut(30)]}
    run(HERE, THERE, EXCLUDE)
    assert shelf.get("new", "1") is not None


@pytest.mark.parametrize("target", [THERE, "tar://new.tar"])
def test_nothing_is_left_of_what_fails(run: Run, shelf: Shelf, target: str) -> None:
    """A layer that is no tar is named, no tag appears and no file."""
    bad = make_image(layer(file("a")), b"this is no tar" * 100)
    shelf.put("demo/image", "1", bad)
    with pytest.raises(ImageInputError, match="no readable tar"):
        run(HERE, target, EXCLUDE)
    assert shelf.get("new", "1") is None
    assert list(Path().iterdir()) == []


def spoil(request: Request, inner: Handler) -> Response:
    """Let one bit of the body be another."""
    response = inner.handle(request)
    body = bytearray(b"".join(response.body))
    body[len(body) // 2] ^= 1
    return replace(response, body=[bytes(body)])


def test_what_is_spoilt_on_the_way_is_fetched_again(run: Run, front: Front, shelf: Shelf) -> None:
    """Once more, as everything that a registry gives."""
    front.tricks = {"GET blob": [lambda request, inner: inner.handle(request), spoil, spoil]}
    run(HERE, THERE, EXCLUDE, MAX_WORKERS=3)
    assert shelf.get("new", "1") is not None


def test_spoilt_bytes_are_called_that(image: SampleImage) -> None:
    """Even if they are no tar any more."""
    blob = stored(image.layers[0], Compression.NONE)
    descriptor = Descriptor.of(blob, OCI_LAYER)
    spoilt = VerifiedSource(BytesSource(b"x" + blob[1:]), descriptor.digest)
    layer_ = StoredLayer(descriptor, spoilt, Digest.of(image.layers[0]))
    rewriting = RewriteFilter(Taken(), [NormalizeTimestamps()])
    rewriting.process_image_element(ImageElement(IMAGE_LAYER, "a", layer=layer_))
    with pytest.raises(DigestMismatch):
        rewriting.finalize()


def test_what_is_no_image_cannot_be_filtered(image: SampleImage) -> None:
    """The config has to name the layers that came."""
    rewriting = RewriteFilter(Taken(), [NormalizeTimestamps()])
    for element in (config_of(image), *layers_of(image)[:2]):
        rewriting.process_image_element(element)
    with pytest.raises(ImageInputError, match="2 layers, of which the config names 3"):
        rewriting.finalize()


def test_a_layer_without_content_is_an_error(image: SampleImage) -> None:
    """There is nothing to look at."""
    rewriting = RewriteFilter(Taken(), [NormalizeTimestamps()])
    with pytest.raises(ImageOutputError, match="layer abc came without content"):
        rewriting.process_image_element(ImageElement(IMAGE_LAYER, "abc"))


def test_a_filter_that_is_closed_stops(image: SampleImage) -> None:
    """What is under way ends at its next piece."""
    begun, gate, stopped = threading.Event(), threading.Event(), threading.Event()

    class Endless:
        size = 1

        def open(self) -> Iterator[bytes]:
            try:
                begun.set()
                gate.wait()
                while True:
                    yield file("a")[0].tobuf()
            finally:
                stopped.set()

    output = Taken()
    rewriting = RewriteFilter(output, [NormalizeTimestamps()])
    endless = StoredLayer(Descriptor.of(b"", OCI_LAYER), Endless())
    rewriting.process_image_element(ImageElement(IMAGE_LAYER, "a", layer=endless))
    begun.wait()
    rewriting.close()
    gate.set()
    assert stopped.wait(30)
    assert output.is_closed
    with pytest.raises(Stopped):
        rewriting.finalize()
    assert not output.is_final


def test_every_error_is_one_of_ours(run: Run, front: Front) -> None:
    """A registry that fails in the middle of filtering fails the run."""
    front.tricks = {"GET blob": [lambda request, inner: inner.handle(request)] + [cut(5)] * 50}
    with pytest.raises(OccystrapError):
        run(HERE, "tar://new.tar", EXCLUDE, RETRIES=0)
    assert list(Path().iterdir()) == []
