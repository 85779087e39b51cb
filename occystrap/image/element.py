"""What travels through a pipeline: the config of an image, and its layers.

Rule: an element is a recipe. It offers a layer as stored and as a tar, and makes neither until
it is asked; a filter replaces an element by another one.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, BinaryIO, Final

from occystrap.image.layer import FileLayer

if TYPE_CHECKING:
    from occystrap.image.layer import Layer
    from occystrap.oci.manifest import Manifest

__all__ = ["CONFIG_FILE", "IMAGE_LAYER", "ImageElement"]

CONFIG_FILE: Final = "config_file"
IMAGE_LAYER: Final = "image_layer"


@dataclass(frozen=True, slots=True)
class ImageElement:
    """A config (`data` holds its bytes) or a layer, one step of a pipeline.

    `name` is `HEX.json` for a config; for a layer the hex of the digest that it is known by.
    `data` of a layer may be a seekable file of the uncompressed tar; our own inputs give `layer`
    instead. Both are None when the output's `fetch_callback` declined it. `layer_index` is the
    place in the image, from 0. `manifest` comes with a config that is untouched: the manifest of
    the image as its source stores it; `origin` with one that a filter has changed: the manifest
    that the image had before.
    """

    element_type: str
    name: str
    data: BinaryIO | None = None
    layer_index: int | None = None
    layer: Layer | None = None
    manifest: Manifest | None = None
    origin: Manifest | None = None

    def read_config(self) -> bytes:
        """Read the bytes of a config."""
        if self.data is None:
            return b""
        self.data.seek(0)
        return self.data.read()

    def open_layer(self) -> Layer | None:
        """Return the layer, however it was given; None when it was declined."""
        if self.layer is None and self.data is not None:
            return FileLayer(self.data)
        return self.layer
