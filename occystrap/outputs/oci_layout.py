"""Writing an image into an OCI layout, which skopeo, crane and buildah read as well.

Rule: what the source stores is kept as it is, with its manifest and every digest. Only what can't
be kept like that is compressed, and gets a manifest of OCI.
Spec: https://github.com/opencontainers/image-spec/blob/v1.1.1/image-layout.md
"""

from __future__ import annotations

import threading
from functools import partial
from typing import TYPE_CHECKING, Final, final

from occystrap.client.download import once_more
from occystrap.errors import ImageOutputError, OccystrapError
from occystrap.image.checks import CheckResults, Severity
from occystrap.image.compression import compressed
from occystrap.image.element import CONFIG_FILE
from occystrap.image.layer import tar_size
from occystrap.image.oci_layout import layout_blob, layout_bytes, layout_has
from occystrap.image.once import Once
from occystrap.image.progress import NoProgress, TrackedSource, tracked
from occystrap.image.spool import Spool
from occystrap.image.workers import Workers
from occystrap.oci.descriptor import Descriptor
from occystrap.oci.digest import Digester
from occystrap.oci.manifest import Index, Manifest, build_manifest
from occystrap.oci.media_types import (
    DOCKER_CONFIG,
    OCI_CONFIG,
    Compression,
    Family,
    layer_media_type,
    lookup,
)
from occystrap.outputs.base import Moved
from occystrap.outputs.kept import comes_from_afar

if TYPE_CHECKING:
    from collections.abc import Iterator

    from occystrap.image.archived import ImageFiles
    from occystrap.image.element import ImageElement
    from occystrap.image.layer import Layer
    from occystrap.image.progress import Progress
    from occystrap.oci.digest import Digest
    from occystrap.outputs.layout_blobs import LayoutBlobs

__all__ = ["LayoutWriter"]

_CONFIG_TYPES: Final = {Family.DOCKER: DOCKER_CONFIG, Family.OCI: OCI_CONFIG}


@final
class LayoutWriter:
    """An image on its way into a layout, where it gets a name, or none if that is empty.

    `compression` makes all layers be stored like that; without it layers stay as their source
    stores them, and those of tarballs become gzip.
    """

    requires_ordered_layers = False

    def __init__(
        self,
        blobs: LayoutBlobs,
        name: str,
        *,
        compression: Compression | None = None,
        level: int | None = None,
        max_workers: int = 4,
        temp_dir: str | None = None,
        progress: Progress | None = None,
    ) -> None:
        """Own the layout under way, to publish or discard it."""
        self.moved = Moved()
        self.manifest: Manifest | Index | None = None
        self._blobs = blobs
        self._name: str | None = name
        self._compression = compression
        self._level = level
        self._max_workers = max_workers
        self._temp_dir = temp_dir
        self._progress = progress or NoProgress()
        self._workers = Workers(max_workers)
        self._origin: Manifest | None = None
        self._config: Descriptor | None = None
        self._layers: dict[int, Descriptor] = {}
        self._count = 0
        self._shared = Once()
        self._lock = threading.Lock()

    def at(self, digest: Digest) -> LayoutWriter:  # noqa: ARG002 - whose manifest has it anyway
        """Make the writer of an image below the index that this one writes."""
        other = LayoutWriter(
            self._blobs,
            "",
            max_workers=self._max_workers,
            temp_dir=self._temp_dir,
            progress=self._progress,
        )
        other._name = None
        other._shared = self._shared
        return other

    def fetch_callback(self, digest: str) -> bool:  # noqa: ARG002 - the shape of the callback
        """Want every layer: whether it has to move is seen when its digest is known."""
        return True

    def process_image_element(self, element: ImageElement) -> None:
        """Store a config at once, and a layer as soon as a worker is free."""
        if element.element_type == CONFIG_FILE:
            raw = element.read_config()
            self._origin = element.manifest or element.origin
            config = None if element.manifest is None else element.manifest.config
            self._config = config or Descriptor.of(raw, _CONFIG_TYPES[self._family])
            self._blobs.add(self._config, raw)
            return
        layer = element.open_layer()
        if layer is None:
            raise ImageOutputError(f"layer {element.name} came without content")
        number = self._count if element.layer_index is None else element.layer_index
        self._count += 1
        self._workers.submit(partial(self._store, number, layer))

    def finalize(self) -> None:
        """Wait for all layers, then store the manifest, and let the image appear.

        Raises:
            ImageOutputError: no config came.
        """
        self._workers.wait()
        if self._config is None:
            raise ImageOutputError("No config file was processed")
        layers = [self._layers[number] for number in sorted(self._layers)]
        self._end(self._manifest(self._config, layers))

    def store_index(self, index: Index) -> None:
        """Store an index, byte for byte; everything that it lists has to be there."""
        self._end(index)

    def verify(self, *, full: bool = False) -> CheckResults:
        """Look for what was written; `full` reads all blobs back."""
        results = CheckResults()
        manifest = self.manifest
        if manifest is None:
            results.add(Severity.ERROR, "verify.manifest", "nothing was written")
            return results
        try:
            files = self._blobs.open()
        except OccystrapError as error:
            results.add(Severity.ERROR, "verify.manifest", str(error))
            return results
        try:
            self._verify(files, manifest, results, full=full)
        finally:
            files.close()
        if not results.errors:
            results.add(Severity.INFO, "verify.ok", f"{files.path} has {manifest.digest}")
        return results

    def close(self) -> None:
        """Stop what is under way, and remove the layout unless it is finished."""
        self._workers.stop()
        if self._name is not None:
            self._blobs.discard()

    @property
    def _family(self) -> Family:
        """Whose manifest is written: the source's, or OCI's, whose layout this is."""
        known = None if self._origin is None else lookup(self._origin.media_type)
        zstd = self._compression is Compression.ZSTD  # Docker's has none
        return Family.OCI if known is None or zstd else known.family

    def _manifest(self, config: Descriptor, layers: list[Descriptor]) -> Manifest:
        """Keep the manifest of the source if it names what was stored, else make one."""
        origin = self._origin
        if origin is None:
            return build_manifest(self._family, config, layers)
        kept = [each.digest for each in origin.layers] == [each.digest for each in layers]
        if origin.config == config and kept:
            return origin
        return build_manifest(self._family, config, layers, origin.annotations)

    def _end(self, manifest: Manifest | Index) -> None:
        self._blobs.add(manifest.descriptor, manifest.raw)
        if self._name is not None:
            self._blobs.publish(manifest.descriptor, self._name)
        self.manifest = manifest

    def _store(self, number: int, layer: Layer) -> None:
        stored = layer.stored
        if stored is not None and self._carries(stored):
            self._keep(number, layer, stored)
            return
        compression = self._compression or Compression.GZIP
        moved = False

        def make() -> Descriptor:
            nonlocal moved
            with Spool(temp_dir=self._temp_dir) as spool:
                digest = once_more(partial(self._compress, number, layer, compression, spool))
                media_type = layer_media_type(self._family, compression)
                descriptor = Descriptor(media_type, digest, spool.size)
                moved = self._blobs.store(descriptor, spool)
                return descriptor

        made, _ = self._shared.get(layer.diff_id or object(), make)
        self._note(number, _of_family(made, self._family), moved=moved)

    def _carries(self, stored: Descriptor) -> bool:
        """Say whether a layer stays as it is."""
        known = lookup(stored.media_type)
        if known is None or known.foreign:
            return True  # no layer of an image, or none that is kept with it
        if self._compression is not None:
            return known.compression is self._compression
        return self._origin is not None or known.compression is not Compression.NONE

    def _keep(self, number: int, layer: Layer, stored: Descriptor) -> None:
        if stored.foreign:
            self._note(number, stored, moved=False)
            return
        task = self._progress.task(str(stored.digest)[:19], stored.size)
        source = TrackedSource(_Stored(layer, stored, self._workers), task)
        moved = self._blobs.store(stored, source)
        task.finish("" if moved else "present")
        self._note(
            number, stored if self._origin else _of_family(stored, self._family), moved=moved
        )

    def _compress(
        self, number: int, layer: Layer, compression: Compression, spool: Spool
    ) -> Digest:
        spool.restart()
        digester = Digester()
        with self._workers.computing(from_afar=comes_from_afar(layer)):
            task = self._progress.task(f"compressing layer {number + 1}", tar_size(layer))
            tar = tracked(self._workers.guard(layer.open_tar()), task)
            for chunk in compressed(tar, compression, self._level):
                digester.update(chunk)
                spool.write(chunk)
            task.finish()
        return digester.digest

    def _note(self, number: int, descriptor: Descriptor, *, moved: bool) -> None:
        with self._lock:
            self._layers[number] = descriptor
        self.moved.count(layers=1, size=descriptor.size if moved else 0, skipped=int(not moved))

    def _verify(
        self, files: ImageFiles, manifest: Manifest | Index, results: CheckResults, *, full: bool
    ) -> None:
        if self._name is not None:
            with results.noting("verify.manifest"):
                if not layout_has(files, manifest.digest, self._name):
                    raise ImageOutputError(f"{files.path} has another image of this name, or none")
        with results.noting("verify.manifest"):
            layout_bytes(files, manifest.descriptor)
        if isinstance(manifest, Index):
            return
        for descriptor in dict.fromkeys(manifest.references):
            check = "verify.config" if descriptor == manifest.config else "verify.layer"
            with results.noting(check):
                source = layout_blob(files, descriptor)
                for _ in source.open() if full else ():
                    pass


@final
class _Stored:
    """The stored bytes of a layer as a source that ends when the run does."""

    def __init__(self, layer: Layer, descriptor: Descriptor, workers: Workers) -> None:
        self._layer = layer
        self._workers = workers
        self.size = descriptor.size

    def open(self) -> Iterator[bytes]:
        return self._workers.guard(self._layer.open_stored())


def _of_family(stored: Descriptor, family: Family) -> Descriptor:
    """Name a layer as manifests of the family do."""
    known = lookup(stored.media_type)
    if known is None or known.foreign:
        return stored
    media_type = layer_media_type(family, known.compression)
    return Descriptor(media_type, stored.digest, stored.size)
