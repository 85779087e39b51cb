"""Blobs of a registry that are needed more than once.

Rule: they are fetched once. The bytes stay in an unnamed temporary file for as long as somebody has
the blob; where it comes from isn't forgotten, so that it can still be mounted.
"""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, final
from weakref import WeakValueDictionary

from occystrap.client.download import RemoteBlob
from occystrap.image.layer import MadeLayer, StoredLayer
from occystrap.image.spool import Spool

if TYPE_CHECKING:
    from collections.abc import Iterator

    from occystrap.image.layer import Layer

__all__ = ["KeptBlob", "KeptBlobs", "comes_from_afar", "origin_of"]


@final
class KeptBlob:
    """A blob in a registry; who reads it to its end leaves it here for the next."""

    def __init__(self, origin: RemoteBlob, temp_dir: str | None = None) -> None:
        self.origin = origin
        self._temp_dir = temp_dir
        self._spool: Spool | None = None
        self._lock = threading.Lock()

    @property
    def size(self) -> int:
        """How many bytes there are."""
        return self.origin.size

    def open(self) -> Iterator[bytes]:
        """Read them from here, or else from the registry; raises what a `RemoteBlob` does.

        Raises:
            ImageOutputError: the temporary file can't be written.
        """
        with self._lock:
            spool = self._spool
        return self._fetch() if spool is None else spool.open()

    def _fetch(self) -> Iterator[bytes]:
        spool = Spool(self._temp_dir)
        for chunk in self.origin.open():
            spool.write(chunk)
            yield chunk
        with self._lock:
            self._spool = spool


@final
class KeptBlobs:
    """The blobs of a run, each of them the same one for all images, while any of them has it."""

    def __init__(self) -> None:
        self._blobs: WeakValueDictionary[str, KeptBlob] = WeakValueDictionary()
        self._lock = threading.Lock()

    def kept(self, layer: Layer, temp_dir: str | None = None) -> Layer:
        """Make a layer that is read more than once; what is at hand already stays as it is."""
        if not (isinstance(layer, StoredLayer) and isinstance(layer.source, RemoteBlob)):
            return layer
        origin = layer.source
        with self._lock:
            blob = self._blobs.get(origin.url)
            if blob is None:
                blob = self._blobs[origin.url] = KeptBlob(origin, temp_dir)
        return layer.over(blob)


def origin_of(layer: Layer) -> RemoteBlob | None:
    """Find the place in a registry that a layer comes from, if it does."""
    source = layer.source if isinstance(layer, StoredLayer) else None
    if isinstance(source, KeptBlob):
        return source.origin
    return source if isinstance(source, RemoteBlob) else None


def comes_from_afar(layer: Layer) -> bool:
    """Say whether reading a layer may wait for a link; what is made of another one may, too."""
    return isinstance(layer, MadeLayer) or origin_of(layer) is not None
