"""What an archive says of one image, in whatever layout it says it.

Rule: a description is complete. The config is there, its layers are as many as the archive has,
and every layer can be read by any number of threads while the archive is open.
"""

from __future__ import annotations

import io
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Protocol, final

from occystrap.errors import DigestMismatch, ImageInputError, InvalidInput
from occystrap.image.element import CONFIG_FILE, IMAGE_LAYER, ImageElement
from occystrap.oci.digest import Digest
from occystrap.oci.manifest import Config
from occystrap.oci.reference import DEFAULT_TAG, Reference

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from occystrap.image.layer import Layer, Source
    from occystrap.oci.manifest import Manifest

__all__ = [
    "NAMELESS",
    "ArchivedImage",
    "ImageFiles",
    "no_such_name",
    "read_config",
    "same_name",
    "split_name",
]

#: Image and tag of an image that has no name.
NAMELESS: Final = ("unknown", "unknown")


class ImageFiles(Protocol):
    """The files of an archive or a directory, by their names; `path` is for messages."""

    @property
    def path(self) -> str:
        """Where they are."""
        ...

    def __contains__(self, name: str) -> bool: ...

    def source(self, name: str) -> Source:
        """Find the bytes of a file.

        Raises:
            ImageInputError: there is no such file.
        """
        ...

    def read(self, name: str) -> bytes:
        """Read a document.

        Raises:
            ImageInputError: there is none, or it is too large for one.
        """
        ...

    def close(self) -> None:
        """Close what is open; may be called twice."""
        ...


@final
@dataclass(frozen=True, slots=True)
class ArchivedImage:
    """An image in an archive: what it is called, if anything, and what it consists of.

    `manifest` is there if the archive stores one that registries would know.
    """

    names: tuple[str, ...]
    config: Config
    layers: tuple[Layer, ...]
    manifest: Manifest | None = None

    def elements(self, wanted: Callable[[str], bool]) -> Iterator[ImageElement]:
        """Yield the config, then the layers in their order.

        Layers are named by their diff_id; one that isn't `wanted` comes without content.
        """
        config = io.BytesIO(self.config.raw)
        name = f"{self.config.digest.encoded}.json"
        yield ImageElement(CONFIG_FILE, name, config, manifest=self.manifest)
        pairs = zip(self.layers, self.config.diff_ids, strict=True)
        for index, (layer, diff_id) in enumerate(pairs):
            name = diff_id.encoded
            content = layer if wanted(name) else None
            yield ImageElement(IMAGE_LAYER, name, layer_index=index, layer=content)


def read_config(raw: bytes, expected: Digest | None, layer_count: int, path: str) -> Config:
    """Read the config of an image with so many layers in the archive `path`.

    Raises:
        DigestMismatch: it isn't the config that the archive names.
        ImageInputError: it lists another number of layers.
        InvalidManifest: it is no config.
    """
    config = Config.parse(raw)
    if expected is not None and expected != Digest.of(raw, expected.algorithm):
        raise DigestMismatch(str(expected), str(config.digest), f"the config of {path}")
    if len(config.diff_ids) != layer_count:
        raise ImageInputError(
            f"{path}: the config lists {len(config.diff_ids)} layers, but there are {layer_count}"
        )
    return config


def split_name(name: str) -> tuple[str, str]:
    """Split a name into image and tag; a bare word is a tag, as in many OCI layouts."""
    image, colon, tag = name.rpartition(":")
    if "/" in tag:  # the colon, if there is one, begins a port
        return name, DEFAULT_TAG
    return (image, tag) if colon else (NAMELESS[0], name)


def same_name(name: str, other: str) -> bool:
    """Say whether two names mean one image, as `busybox` and `docker.io/library/busybox:latest`."""
    try:
        return name == other or Reference.parse(name) == Reference.parse(other)
    except InvalidInput:
        return False


def no_such_name(path: str, wanted: str, names: Iterable[str]) -> ImageInputError:
    """Say that no image has the name, and which there are."""
    listed = ", ".join(map(repr, names)) or "images without a name only"
    return ImageInputError(f"{path} holds no image {wanted!r}; there is: {listed}")
