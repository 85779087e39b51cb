"""Blobs of a registry that are needed more than once.

Rule: they are fetched once. The bytes stay in an unnamed temporary file for as long as somebody has
the blob; where it comes from isn't forgotten, so that it can still be mounted.
"""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, final

from occystrap.client.download import RemoteBlob
from occystrap.image.layer import StoredLayer
from occystrap.image.spool import Spool

if TYPE_CHECKING:
    from collections.abc import Iterator

    from occystrap.image.layer import Layer

__all__ = ["KeptBlob", "kept", "origin_of"]


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


def kept(layer: Layer, temp_dir: str | None = None) -> Layer:
    """Make a layer that is going to be read more than once; what is at hand already stays it."""
    if isinstance(layer, StoredLayer) and isinstance(layer.source, RemoteBlob):
        return layer.over(KeptBlob(layer.source, temp_dir))
    return layer


def origin_of(layer: Layer) -> RemoteBlob | None:
    """Find the place in a registry that a layer comes from, if it does."""
    source = layer.source if isinstance(layer, StoredLayer) else None
    if isinstance(source, KeptBlob):
        return source.origin
    return source if isinstance(source, RemoteBlob) else None
