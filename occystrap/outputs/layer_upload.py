"""Getting one layer into a registry: as it is stored, or compressed on the way.

Rule: a blob's digest is known before it is sent, so that one that is there isn't sent, and one that
failed can be sent again.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, final

from occystrap.client.download import once_more
from occystrap.client.upload import UploadOutcome
from occystrap.image.cache import filters_hash
from occystrap.image.compression import compressed
from occystrap.image.layer import tar_size
from occystrap.image.once import Once
from occystrap.image.progress import TrackedSource, tracked
from occystrap.image.spool import Spool
from occystrap.oci.digest import Digester
from occystrap.oci.manifest import Descriptor
from occystrap.oci.media_types import Compression, Family, layer_media_type, lookup
from occystrap.outputs.kept import comes_from_afar, origin_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from occystrap.client.download import RemoteBlob
    from occystrap.client.registry import RegistryClient
    from occystrap.image.cache import LayerCache
    from occystrap.image.layer import Layer, Source
    from occystrap.image.progress import Progress
    from occystrap.image.workers import Workers
    from occystrap.oci.digest import Digest
    from occystrap.oci.reference import Reference
    from occystrap.outputs.base import Moved

__all__ = ["LayerUploader"]


@final
@dataclass(frozen=True, slots=True)
class LayerUploader:
    """Uploads layers into one repository; used by several threads at once.

    `compression` makes every layer be stored like that; None keeps what can be kept.
    """

    registry: RegistryClient
    target: Reference
    workers: Workers
    moved: Moved
    progress: Progress
    compression: Compression | None
    level: int | None
    temp_dir: str | None
    cache: LayerCache | None
    shared: Once = field(default_factory=Once)

    def upload(self, name: str, layer: Layer, family: Family, *, as_is: bool) -> Descriptor:
        """Make the repository hold the layer, and return what a manifest says of it.

        `as_is` when the manifest of the source is going to be kept: then a layer is changed only
        if another compression was asked for. `name` is what the cache knows the layer by.
        """
        stored = layer.stored
        if stored is not None and self._carries(stored, as_is=as_is):
            named = stored if as_is else _of_family(stored, family)
            self._send(named, _Stored(layer, stored), origin_of(layer))
            return named
        compression = self.compression or Compression.GZIP
        key = ("uploaded", name, self._recipe(compression))
        make = partial(self._made, name, layer, family, compression)
        known, is_new = self.shared.get(key, make)
        if not is_new:
            self.moved.count(layers=1, skipped=1)
        return _of_family(known, family)

    def _made(
        self, name: str, layer: Layer, family: Family, compression: Compression
    ) -> Descriptor:
        known = self._remembered(name, compression)
        if known is None:
            known = self._send_compressed(name, layer, family, compression)
            if self.cache is not None:
                self.cache.record(name, self._recipe(compression), known, layer.diff_id)
        return known

    def _recipe(self, compression: Compression) -> str:
        level = "" if self.level is None else f"-{self.level}"
        return filters_hash(compression) + level

    def _remembered(self, name: str, compression: Compression) -> Descriptor | None:
        """Find what the layer became before, if the repository still holds that."""
        found = None if self.cache is None else self.cache.lookup(name, self._recipe(compression))
        if found is None or not self.registry.has_blob(self.target.repository, found.stored.digest):
            return None
        self.moved.count(layers=1, skipped=1)
        return found.stored

    def _carries(self, stored: Descriptor, *, as_is: bool) -> bool:
        known = lookup(stored.media_type)
        if known is None or known.foreign:
            return True  # no layer of an image, or none that registries hold
        if self.compression is not None:
            return known.compression is self.compression
        return as_is or known.compression is not Compression.NONE

    def _send_compressed(
        self, name: str, layer: Layer, family: Family, compression: Compression
    ) -> Descriptor:
        with Spool(temp_dir=self.temp_dir) as spool:
            digest = once_more(lambda: self._compress(name, layer, compression, spool))
            descriptor = Descriptor(layer_media_type(family, compression), digest, spool.size)
            self._send(descriptor, spool, None)
            return descriptor

    def _compress(self, name: str, layer: Layer, compression: Compression, spool: Spool) -> Digest:
        spool.restart()
        digester = Digester()
        with self.workers.computing(from_afar=comes_from_afar(layer)):
            task = self.progress.task(f"compressing {name[:12]}", tar_size(layer))
            tar = tracked(self.workers.guard(layer.open_tar()), task)
            for chunk in compressed(tar, compression, self.level):
                digester.update(chunk)
                spool.write(chunk)
            task.finish()
        return digester.digest

    def _send(self, descriptor: Descriptor, source: Source, origin: RemoteBlob | None) -> None:
        outcome = UploadOutcome.PRESENT
        if not descriptor.foreign:
            task = self.progress.task(str(descriptor.digest)[:19], descriptor.size)
            outcome = self.registry.upload_blob(
                self.target.repository,
                descriptor,
                TrackedSource(_Guarded(source, self.workers), task),
                mount_from=self._mountable(origin),
            )
            task.finish(outcome.value)
        sent = descriptor.size if outcome is UploadOutcome.UPLOADED else 0
        self.moved.count(layers=1, size=sent, skipped=int(outcome is not UploadOutcome.UPLOADED))

    def _mountable(self, origin: RemoteBlob | None) -> str:
        if origin is None or origin.host != self.target.registry:
            return ""
        return origin.repository


def _of_family(stored: Descriptor, family: Family) -> Descriptor:
    """Name a layer as manifests of the family do."""
    known = lookup(stored.media_type)
    if known is None or known.foreign:
        return stored
    return Descriptor(layer_media_type(family, known.compression), stored.digest, stored.size)


@final
@dataclass(frozen=True, slots=True)
class _Stored:
    """The stored bytes of a layer as a source."""

    layer: Layer
    descriptor: Descriptor

    @property
    def size(self) -> int:
        return self.descriptor.size

    def open(self) -> Iterator[bytes]:
        return self.layer.open_stored()


@final
@dataclass(frozen=True, slots=True)
class _Guarded:
    """A source that ends when the run does."""

    source: Source
    workers: Workers

    @property
    def size(self) -> int:
        return self.source.size

    def open(self) -> Iterator[bytes]:
        return self.workers.guard(self.source.open())
