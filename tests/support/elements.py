"""What inputs yield, made of sample images."""

from __future__ import annotations

import io
from collections.abc import Iterator
from dataclasses import dataclass

from occystrap.image.element import CONFIG_FILE, IMAGE_LAYER, ImageElement
from occystrap.image.layer import StoredLayer
from occystrap.image.sources import BytesSource, VerifiedSource
from occystrap.oci.descriptor import Descriptor
from occystrap.oci.digest import Digest
from occystrap.oci.media_types import OCI_LAYER, Compression
from tests.support.images import SampleImage, stored

__all__ = ["EndedSource", "config_of", "layers_of"]


@dataclass(frozen=True)
class EndedSource:
    """A source whose end can be had."""

    content: bytes

    @property
    def size(self) -> int:
        """How many bytes there are."""
        return len(self.content)

    def open(self) -> Iterator[bytes]:
        """Give them."""
        yield self.content

    def read_end(self, count: int) -> bytes:
        """Give the last."""
        return self.content[-count:]


def config_of(image: SampleImage) -> ImageElement:
    """Make the element of a config."""
    return ImageElement(CONFIG_FILE, f"{image.config_hex}.json", io.BytesIO(image.config))


def layers_of(
    image: SampleImage, compression: Compression = Compression.GZIP, *, known: bool = True
) -> list[ImageElement]:
    """Make the elements of layers, whose diff_ids are known or not."""
    elements = []
    for number, tar in enumerate(image.layers):
        blob = stored(tar, compression)
        descriptor = Descriptor.of(blob, OCI_LAYER)
        source = VerifiedSource(BytesSource(blob), descriptor.digest)
        stored_layer = StoredLayer(descriptor, source, Digest.of(tar) if known else None)
        name = descriptor.digest.encoded
        elements.append(ImageElement(IMAGE_LAYER, name, layer_index=number, layer=stored_layer))
    return elements
