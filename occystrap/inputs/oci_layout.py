"""Images in OCI layouts: a directory, or a tar of one, as skopeo, crane and buildah share them.

Rule: opening finds the image and nothing more; every document and blob is checked against the
digest that it is named by when it is read.
Spec: https://github.com/opencontainers/image-spec/blob/v1.1.1/image-layout.md
"""

from __future__ import annotations

import io
from copy import copy
from typing import TYPE_CHECKING, Final, final

from occystrap.errors import ImageInputError, InvalidInput
from occystrap.image.archive import Archive
from occystrap.image.archived import NAMELESS, split_name
from occystrap.image.element import CONFIG_FILE, IMAGE_LAYER, ImageElement
from occystrap.image.file_directory import FileDirectory
from occystrap.image.layer import StoredLayer
from occystrap.image.oci_layout import (
    entry_names,
    layout_blob,
    layout_bytes,
    layout_document,
    layout_entries,
)
from occystrap.inputs.base import always_fetch
from occystrap.oci.descriptor import Descriptor
from occystrap.oci.manifest import Config, Index, Manifest
from occystrap.oci.platform import Platform, choose

if TYPE_CHECKING:
    import os
    from collections.abc import Callable, Iterator

    from occystrap.image.archived import ImageFiles
    from occystrap.oci.digest import Digest

__all__ = ["Image"]

#: Indexes in indexes in indexes: so deep, and no deeper.
_DEEPEST: Final = 4


@final
class Image:
    """An image in a layout; of several the one that `tag` names, of an index that for a platform.

    `tag` is what the layout calls it: a tag, or a whole name. Without a name, image and tag are
    `unknown`.
    """

    def __init__(
        self,
        path: str | os.PathLike[str],
        tag: str | None = None,
        *,
        archive: bool = False,
        platform: Platform | None = None,
        temp_dir: str | None = None,
    ) -> None:
        """Open a directory, or a tar with `archive`.

        Raises:
            ImageInputError: it can't be read, holds no such image, or several and none is named.
        """
        self.platform = platform or Platform("linux", "amd64")
        files: ImageFiles
        files = Archive.open(str(path), temp_dir) if archive else FileDirectory(path)
        self._files = files
        self._owns_files = True
        try:
            self._index, self._entries = layout_entries(files, tag)
        except BaseException as error:
            files.close()
            if isinstance(error, InvalidInput):
                raise ImageInputError(f"{files.path}: {error}") from error
            raise
        name = tag or next(iter(entry_names(self._entries[0])), "")
        self.image, self.tag = split_name(name) if name else NAMELESS

    def at(self, digest: Digest) -> Image:
        """Name another manifest of the same layout, which stays open until this one is closed."""
        other = copy(self)
        other._owns_files = False  # noqa: SLF001
        other._entries = [Descriptor("", digest, 0)]  # noqa: SLF001
        other.tag = str(digest)
        return other

    def get_root(self) -> Manifest | Index:
        """Read what the name stands for: the manifest, or the index of several platforms.

        Raises:
            ImageInputError: it stands for several that no index holds together.
        """
        if len(self._entries) == 1:
            return self._document(self._entries[0])
        if len(self._entries) == len(self._index.manifests):
            return self._index
        raise ImageInputError(
            f"{self._files.path} holds {len(self._entries)} images of this name, and no index of"
            " them; choose one with platform=OS/ARCHITECTURE"
        )

    def get_manifest(self) -> Manifest:
        """Read the manifest of the image for the platform.

        Raises:
            PlatformNotFound: there is none; the message lists what there is.
        """
        several = any(entry.platform is not None for entry in self._entries[1:])
        found = self._document(
            choose(self._entries, self.platform) if several else self._entries[0]
        )
        for _ in range(_DEEPEST):
            if isinstance(found, Manifest):
                return found
            found = self._document(choose(found.manifests, self.platform))
        raise ImageInputError(f"{self._files.path} holds indexes in indexes without end")

    def get_config(self) -> bytes:
        """Read the configuration of the image."""
        return layout_bytes(self._files, self.get_manifest().config)

    def fetch(
        self,
        fetch_callback: Callable[[str], bool] = always_fetch,
        *,
        ordered: bool = True,  # noqa: ARG002 - layers never come in another order
    ) -> Iterator[ImageElement]:
        """Yield the config, with the manifest, then the layers; they are named by their digest."""
        manifest = self.get_manifest()
        config = layout_bytes(self._files, manifest.config)
        diff_ids = self._diff_ids(manifest, config)
        name = f"{manifest.config.digest.encoded}.json"
        yield ImageElement(CONFIG_FILE, name, io.BytesIO(config), manifest=manifest)
        for index, (descriptor, diff_id) in enumerate(zip(manifest.layers, diff_ids, strict=True)):
            name = descriptor.digest.encoded
            layer = None
            if fetch_callback(name):
                source = layout_blob(self._files, descriptor)
                layer = StoredLayer(descriptor, source, diff_id)
            yield ImageElement(IMAGE_LAYER, name, layer_index=index, layer=layer)

    def close(self) -> None:
        """Close the layout; may be called twice."""
        if self._owns_files:
            self._files.close()

    def _document(self, descriptor: Descriptor) -> Manifest | Index:
        try:
            return layout_document(self._files, descriptor)
        except InvalidInput as error:
            raise ImageInputError(f"{self._files.path}: {error}") from error

    def _diff_ids(self, manifest: Manifest, config: bytes) -> tuple[Digest | None, ...]:
        """Read the digests of the tars; an artifact that is no image has none."""
        if not manifest.is_image:
            return (None,) * len(manifest.layers)
        diff_ids = Config.parse(config).diff_ids
        if len(diff_ids) != len(manifest.layers):
            raise ImageInputError(
                f"{self._files.path} is broken: a manifest has {len(manifest.layers)} layers, its"
                f" config {len(diff_ids)} diff_ids"
            )
        return diff_ids
