"""Layers as stored and as tars, and the elements that carry them."""

from __future__ import annotations

import io
import threading
from collections.abc import Iterator

import pytest

from occystrap.errors import DigestMismatch, ImageInputError, VerificationError
from occystrap.image.checks import CheckResults, Severity
from occystrap.image.element import CONFIG_FILE, IMAGE_LAYER, ImageElement
from occystrap.image.layer import FileLayer, Layer, StoredLayer, UnnamedLayer, tar_size
from occystrap.image.sources import BytesSource, VerifiedSource
from occystrap.oci.descriptor import Descriptor
from occystrap.oci.digest import Digest
from occystrap.oci.media_types import OCI_LAYER, Compression, Family, layer_media_type
from tests.support.images import bottom_layer, stored

TAR = bottom_layer()
DIFF_ID = Digest.of(TAR)


class Counted:
    """A source that counts how often it is opened."""

    def __init__(self, content: bytes) -> None:
        self.content = content
        self.size = len(content)
        self.opened = 0

    def open(self) -> Iterator[bytes]:
        """Yield the content in two pieces."""
        self.opened += 1
        yield self.content[:1000]
        yield self.content[1000:]


def stored_layer(content: bytes, diff_id: Digest | None) -> StoredLayer:
    """Make a layer of bytes that verify themselves."""
    descriptor = Descriptor.of(content, OCI_LAYER)
    return StoredLayer(descriptor, VerifiedSource(BytesSource(content), descriptor.digest), diff_id)


@pytest.mark.parametrize("compression", Compression)
def test_a_stored_layer_offers_both_views(compression: Compression) -> None:
    """The stored bytes come as they are, the tar decompressed, whatever the media type says."""
    blob = stored(TAR, compression)
    for diff_id in (DIFF_ID, None):
        layer = stored_layer(blob, diff_id)
        assert b"".join(layer.open_stored()) == blob
        assert b"".join(layer.open_tar()) == TAR


@pytest.mark.parametrize("compression", Compression)
def test_a_tar_is_held_against_its_diff_id(compression: Compression) -> None:
    """A layer that isn't what the config says is an error by its end."""
    layer = stored_layer(stored(TAR, compression), Digest.of(b"another"))
    with pytest.raises(DigestMismatch, match="layer"):
        list(layer.open_tar())


def test_bytes_named_by_the_diff_id_are_the_tar() -> None:
    """A blob whose digest is the diff_id is never decompressed: it is hashed once, as it is."""
    blob = stored(TAR, Compression.GZIP)
    assert b"".join(stored_layer(blob, Digest.of(blob)).open_tar()) == blob


def test_an_unnamed_layer_is_hashed_when_it_matters() -> None:
    """Nothing is read before the stored digest is asked for, and then only once."""
    source = Counted(stored(TAR, Compression.GZIP))
    media_type = layer_media_type(Family.DOCKER, Compression.GZIP)
    layer = UnnamedLayer(source, DIFF_ID, media_type)
    assert b"".join(layer.open_tar()) == TAR
    assert source.opened == 1
    assert layer.stored == layer.stored == Descriptor.of(source.content, media_type)
    assert source.opened == 2
    assert b"".join(layer.open_stored()) == source.content


def test_an_unnamed_layer_is_hashed_once_for_many_threads() -> None:
    """Threads that ask at the same time wait for the one that reads."""
    source = Counted(TAR)
    layer = UnnamedLayer(source, DIFF_ID, OCI_LAYER)
    threads = [threading.Thread(target=lambda: layer.stored) for _ in range(5)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert source.opened == 1


def test_an_unnamed_layer_that_changes_is_an_error() -> None:
    """Bytes that aren't those that were hashed don't pass."""
    source = Counted(TAR)
    layer = UnnamedLayer(source, DIFF_ID, OCI_LAYER)
    assert layer.stored.digest == DIFF_ID
    source.content = TAR[::-1]
    with pytest.raises(DigestMismatch):
        list(layer.open_stored())


def test_an_unnamed_layer_that_is_damaged_is_an_input_error() -> None:
    """A gzip layer that is cut off says so."""
    layer = UnnamedLayer(Counted(stored(TAR, Compression.GZIP)[:-20]), DIFF_ID, OCI_LAYER)
    with pytest.raises(ImageInputError, match="ends in the middle"):
        list(layer.open_tar())


def test_the_size_of_a_tar_is_known_where_it_is_stored_plainly() -> None:
    """Nothing is read to find it out."""
    source = Counted(stored(TAR, Compression.GZIP))
    assert tar_size(UnnamedLayer(source, DIFF_ID, OCI_LAYER)) is None
    assert source.opened == 0
    assert tar_size(stored_layer(TAR, DIFF_ID)) == len(TAR)
    assert tar_size(stored_layer(TAR, None)) is None
    assert tar_size(stored_layer(source.content, DIFF_ID)) is None
    assert tar_size(FileLayer(io.BytesIO(TAR))) is None


def test_a_layer_can_be_read_over_another_source() -> None:
    """It stays the same layer: a source that counts, say, gives the same bytes."""
    blob = stored(TAR, Compression.GZIP)
    for layer in (stored_layer(blob, DIFF_ID), UnnamedLayer(Counted(blob), DIFF_ID, OCI_LAYER)):
        source = Counted(blob)
        again = layer.over(source)
        assert b"".join(again.open_tar()) == TAR
        assert source.opened == 1
        assert (again.stored, again.diff_id) == (layer.stored, layer.diff_id)


def test_a_file_is_a_layer() -> None:
    """An open file is read from its start, each time, and checked against what names it."""
    file = io.BytesIO(TAR)
    file.seek(99)
    for layer in (FileLayer(file), FileLayer(file, DIFF_ID)):
        assert b"".join(layer.open_stored()) == TAR
        assert b"".join(layer.open_tar()) == TAR
    with pytest.raises(DigestMismatch):
        list(FileLayer(file, Digest.of(b"another")).open_tar())
    another = Descriptor.of(b"another", "x/y")
    with pytest.raises(VerificationError):
        list(FileLayer(file, DIFF_ID, another).open_stored())


def test_an_element_gives_its_layer_however_it_came() -> None:
    """A layer object is returned as it is, a file becomes one, and a declined layer is None."""
    layer: Layer = stored_layer(TAR, DIFF_ID)
    assert ImageElement(IMAGE_LAYER, "a", layer=layer).open_layer() is layer
    opened = ImageElement(IMAGE_LAYER, "a", io.BytesIO(TAR)).open_layer()
    assert opened is not None
    assert b"".join(opened.open_tar()) == TAR
    assert ImageElement(IMAGE_LAYER, "a").open_layer() is None


def test_a_config_is_read_from_its_start() -> None:
    """Reading twice gives the same bytes; without data there are none."""
    element = ImageElement(CONFIG_FILE, "a.json", io.BytesIO(b"{}"))
    assert element.read_config() == element.read_config() == b"{}"
    assert ImageElement(CONFIG_FILE, "a.json").read_config() == b""


def test_findings_are_listed_by_severity() -> None:
    """Results keep their order, and know which of them are errors."""
    results = CheckResults()
    results.add(Severity.INFO, "verify.ok", "fine")
    results.add(Severity.ERROR, "verify.layer", "gone")
    assert [result.check for result in results.errors] == ["verify.layer"]
    assert [result.to_document() for result in results.of(Severity.INFO)] == [
        {"severity": "info", "check": "verify.ok", "message": "fine"}
    ]
