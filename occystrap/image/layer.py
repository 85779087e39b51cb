"""A layer, as stored and as a tar; and the sources that bytes come from.

Rule: a layer is carried, not remade. Its stored bytes are offered as they are, and nobody
decompresses or compresses what can be passed on.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, BinaryIO, Final, Protocol, final

from occystrap.image.compression import decompressed
from occystrap.oci.descriptor import Descriptor
from occystrap.oci.digest import Digest, Digester, verified

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

__all__ = [
    "CHUNK",
    "FileLayer",
    "Layer",
    "MadeLayer",
    "Source",
    "StoredLayer",
    "UnnamedLayer",
    "tar_size",
]

#: Bytes read at once where we choose.
CHUNK: Final = 256 * 1024


class Source(Protocol):
    """Some bytes that can be read again and again, also by several threads at once."""

    @property
    def size(self) -> int:
        """How many bytes there are."""
        ...

    def open(self) -> Iterator[bytes]:
        """Read them from the start; closing the iterator gives up what it holds.

        Raises:
            OccystrapError: they can't be read, or aren't what they should be.
        """
        ...


class Layer(Protocol):
    """A layer of an image, on demand."""

    @property
    def diff_id(self) -> Digest | None:
        """The digest of the tar, if the image says it."""
        ...

    @property
    def stored(self) -> Descriptor | None:
        """What the stored bytes are; None when there are only those of the tar."""
        ...

    def open_stored(self) -> Iterator[bytes]:
        """Read the bytes as stored, checked against `stored` by the end."""
        ...

    def open_tar(self) -> Iterator[bytes]:
        """Read the bytes of the uncompressed tar, checked against `diff_id` by the end.

        Raises:
            ImageInputError: the stored bytes can't be decompressed.
            VerificationError: they are not the bytes that the image names.
        """
        ...


@dataclass(frozen=True, slots=True)
class StoredLayer:
    """A layer whose stored bytes come from a source that verifies them against `stored`."""

    stored: Descriptor
    source: Source
    diff_id: Digest | None = None

    def open_stored(self) -> Iterator[bytes]:
        """Read the bytes as the source has them."""
        return self.source.open()

    def open_tar(self) -> Iterator[bytes]:
        """Read the uncompressed tar; how it is stored is seen from its first bytes.

        Media types lie: podman 4.3 calls plain tars gzip. Stored bytes that are named by the
        digest of the tar are the tar, and the source has hashed them already.
        """
        if self.diff_id == self.stored.digest:
            return self.source.open()
        return _tar_of(self.source, self.diff_id)

    def over(self, source: Source) -> StoredLayer:
        """Make the same layer over another source of its bytes, such as one that counts them."""
        return replace(self, source=source)


def _tar_of(source: Source, diff_id: Digest | None) -> Iterator[bytes]:
    tar = decompressed(source.open())
    return tar if diff_id is None else verified(tar, diff_id, what="layer")


@final
class UnnamedLayer:
    """A layer whose stored bytes nobody has named: they are hashed when it first matters."""

    def __init__(self, source: Source, diff_id: Digest, media_type: str) -> None:
        """Take a source that needn't verify anything."""
        self.diff_id = diff_id
        self.source = source
        self._media_type = media_type
        self._stored: Descriptor | None = None
        self._lock = threading.Lock()

    @property
    def stored(self) -> Descriptor:
        """What the stored bytes are; the first who asks waits while they are read."""
        with self._lock:
            if self._stored is None:
                digester = Digester()
                for chunk in self.source.open():
                    digester.update(chunk)
                self._stored = Descriptor(self._media_type, digester.digest, digester.size)
            return self._stored

    def open_stored(self) -> Iterator[bytes]:
        """Read the bytes as stored."""
        return verified(self.source.open(), self.stored.digest, self.stored.size, what="layer")

    def open_tar(self) -> Iterator[bytes]:
        """Read the uncompressed tar."""
        return _tar_of(self.source, self.diff_id)

    def over(self, source: Source) -> UnnamedLayer:
        """Make the same layer over another source of its bytes."""
        return UnnamedLayer(source, self.diff_id, self._media_type)


@dataclass(frozen=True, slots=True)
class FileLayer:
    """A layer that is an open, seekable file of its uncompressed tar, read by one thread."""

    file: BinaryIO
    diff_id: Digest | None = None
    stored: Descriptor | None = None

    def open_stored(self) -> Iterator[bytes]:
        """Read the tar: there are no other bytes."""
        if self.stored is None:
            return self.open_tar()
        return verified(self._read(), self.stored.digest, self.stored.size, what="layer")

    def open_tar(self) -> Iterator[bytes]:
        """Read the file from its start."""
        chunks = self._read()
        return chunks if self.diff_id is None else verified(chunks, self.diff_id, what="layer")

    def _read(self) -> Iterator[bytes]:
        self.file.seek(0)
        while chunk := self.file.read(CHUNK):
            yield chunk


@dataclass(frozen=True, slots=True)
class MadeLayer:
    """A layer whose tar is made anew whenever it is read; what it becomes is known beforehand."""

    diff_id: Digest
    size: int
    make: Callable[[], Iterator[bytes]]

    @property
    def stored(self) -> None:
        """Nothing: there is only the tar."""
        return

    def open_stored(self) -> Iterator[bytes]:
        """Make the tar: there are no other bytes."""
        return self.open_tar()

    def open_tar(self) -> Iterator[bytes]:
        """Make the tar, and check that it became what it should."""
        return verified(self.make(), self.diff_id, self.size, what="layer")


def tar_size(layer: Layer) -> int | None:
    """Tell how large the tar of a layer is, if that is known before anything is read."""
    if isinstance(layer, UnnamedLayer):
        return None
    if isinstance(layer, MadeLayer):
        return layer.size
    stored = layer.stored
    return stored.size if stored is not None and stored.digest == layer.diff_id else None
