"""The end of a gzip layer promises the size of its tar; what can't be it is no promise."""

from __future__ import annotations

import gzip

import pytest

from occystrap.image.layer import StoredLayer
from occystrap.image.promised import is_brief, promised_size, promises
from occystrap.image.sources import BytesSource
from occystrap.oci.descriptor import Descriptor
from occystrap.oci.digest import Digest
from occystrap.oci.media_types import OCI_LAYER, Compression, Family, layer_media_type
from tests.support.elements import EndedSource

OCI_LAYER_GZIP = layer_media_type(Family.OCI, Compression.GZIP)
OCI_LAYER_ZSTD = layer_media_type(Family.OCI, Compression.ZSTD)
TAR = bytes(range(256)) * 40
DIFF_ID = Digest.of(TAR)


def layer_of(content: bytes, media_type: str = OCI_LAYER_GZIP) -> StoredLayer:
    """Make a layer of stored bytes."""
    return StoredLayer(Descriptor.of(content, media_type), EndedSource(content), DIFF_ID)


@pytest.mark.parametrize("level", [0, 6])
def test_gzip_says_its_size(level: int) -> None:
    """Also where nothing was compressed."""
    assert promised_size(layer_of(gzip.compress(TAR, level))) == len(TAR)


@pytest.mark.parametrize(
    "content",
    [
        gzip.compress(TAR, 0) + gzip.compress(b"the last of several members"),
        gzip.compress(TAR, 0) + gzip.compress(b""),
        gzip.compress(TAR) + bytes(8),
        b"",
    ],
)
def test_what_cannot_be_the_size_is_no_promise(content: bytes) -> None:
    """A size that isn't a tar's, or is far less than what is stored, or isn't there."""
    assert promised_size(layer_of(content)) is None


def test_who_promises() -> None:
    """Gzip layers with a diff_id whose end can be had."""
    content = gzip.compress(TAR)
    assert promises(layer_of(content))
    assert not promises(layer_of(content, OCI_LAYER))
    assert not promises(layer_of(content, OCI_LAYER_ZSTD))
    stored = Descriptor.of(content, OCI_LAYER_GZIP)
    assert not promises(StoredLayer(stored, BytesSource(content), DIFF_ID))
    assert not promises(StoredLayer(stored, EndedSource(content)))
    huge = Descriptor(OCI_LAYER_GZIP, stored.digest, 3 << 30)
    assert not promises(StoredLayer(huge, EndedSource(content), DIFF_ID))


def test_who_is_brief() -> None:
    """Small layers."""
    small = layer_of(gzip.compress(TAR))
    assert is_brief(small)
    large = Descriptor(OCI_LAYER_GZIP, small.stored.digest, 2 << 20)
    assert not is_brief(StoredLayer(large, small.source, DIFF_ID))
