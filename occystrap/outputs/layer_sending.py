"""Getting one layer into an archive that goes out while it is made.

Rule: of several layers that are read at once, one goes out as it comes; the others wait in
temporary files, so that nobody holds up the others. What goes out has been checked by its end
against the digest of its tar, also where the daemon wouldn't look.
"""

from __future__ import annotations

import contextlib
from collections.abc import Generator
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Final, final

from occystrap.client.download import once_more
from occystrap.image.compression import decompressed, sniff
from occystrap.image.layer import StoredLayer
from occystrap.image.spool import Spool
from occystrap.oci.digest import Digester, verified
from occystrap.oci.media_types import Compression, lookup
from occystrap.outputs.layer_progress import open_stored, open_tar
from occystrap.outputs.saved_image import member_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from occystrap.image.layer import Layer
    from occystrap.image.progress import Progress
    from occystrap.image.workers import Workers
    from occystrap.oci.descriptor import Descriptor
    from occystrap.oci.digest import Digest
    from occystrap.outputs.archive_stream import ArchiveStream
    from occystrap.outputs.base import Moved

__all__ = ["LayerSender"]

#: How layers may be stored that every daemon can read in an archive.
_READ_EVERYWHERE: Final = (Compression.NONE, Compression.GZIP)
_SNIFFED: Final = 4


@final
@dataclass(frozen=True, slots=True)
class _Opened:
    """A layer whose stored bytes go as they are, opened, the first of them in `head`."""

    diff_id: Digest
    stored: Descriptor
    head: bytes
    rest: Generator[bytes, None, None]

    def copy_to(self, write: Callable[[bytes], None]) -> None:
        """Pass the bytes on, and check them against the digest of the tar meanwhile."""
        with contextlib.closing(self.rest):
            chunks = self._copied(write)
            if self.stored.digest != self.diff_id:
                chunks = verified(decompressed(chunks), self.diff_id, what="layer")
            for _ in chunks:
                pass

    def _copied(self, write: Callable[[bytes], None]) -> Iterator[bytes]:
        write(self.head)
        yield self.head
        for chunk in self.rest:
            write(chunk)
            yield chunk


@final
@dataclass(frozen=True, slots=True)
class LayerSender:
    """Sends layers into one archive; used by several threads at once."""

    archive: ArchiveStream
    workers: Workers
    moved: Moved
    progress: Progress
    temp_dir: str | None

    def send(self, number: int, layer: Layer) -> Digest:
        """Write the layer at place `number` into the archive, and return the digest of its tar."""
        with self.archive.turn() as mine:
            opened = self._open(number, layer) if mine else None
            if opened is not None:
                size = opened.stored.size
                with self.archive.member(member_of(opened.diff_id), size) as write:
                    opened.copy_to(write)
                self.moved.count(layers=1, size=size)
                return opened.diff_id
        with Spool(self.temp_dir) as spool:
            diff_id = once_more(partial(self._fill, number, layer, spool))
            with self.archive.member(member_of(diff_id), spool.size) as write:
                for chunk in spool.open():
                    write(chunk)
            self.moved.count(layers=1, size=spool.size)
            return diff_id

    def _fill(self, number: int, layer: Layer, spool: Spool) -> Digest:
        """Put a layer into a spool, as it will stand in the archive."""
        spool.restart()
        opened = self._open(number, layer)
        if opened is not None:
            opened.copy_to(spool.write)
            return opened.diff_id
        digester = Digester()
        tar = self.workers.guard(open_tar(layer, number, self.progress))
        with contextlib.closing(tar):
            for chunk in tar:
                if layer.diff_id is None:
                    digester.update(chunk)
                spool.write(chunk)
        return layer.diff_id or digester.digest

    def _open(self, number: int, layer: Layer) -> _Opened | None:
        """Open the stored bytes, if every daemon can read them: what they are, they tell."""
        if not isinstance(layer, StoredLayer) or layer.diff_id is None:
            return None
        known = lookup(layer.stored.media_type)
        if known is None or known.compression not in _READ_EVERYWHERE:
            return None
        chunks = self.workers.guard(open_stored(layer, number, self.progress))
        head = b""
        while len(head) < _SNIFFED and (chunk := next(chunks, None)) is not None:
            head += chunk
        if sniff(head) in _READ_EVERYWHERE:
            return _Opened(layer.diff_id, layer.stored, head, chunks)
        chunks.close()
        return None
