"""The tar that filters make of a layer's tar.

Rule: it is made as it is read, and the same every time. A tar in which nothing changes comes out
byte for byte; one in which something does ends as all of them do.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Final, Protocol, final

from occystrap.client.download import once_more
from occystrap.errors import OccystrapError
from occystrap.image.layer import CHUNK, MadeLayer
from occystrap.image.tar_blocks import BLOCK
from occystrap.image.tar_reader import Entry, TarReader
from occystrap.oci.digest import Digest, Digester

if TYPE_CHECKING:
    from occystrap.image.layer import Layer

__all__ = ["LayerRewriter", "Remade", "Remake", "rewritten"]

#: By this a tar ends.
_END: Final = bytes(2 * BLOCK)


class LayerRewriter(Protocol):
    """What a filter does with one layer; several threads may do it at once."""

    @property
    def learns(self) -> bool:
        """Whether a first look at the layer may be needed."""
        ...

    @property
    def wiser(self) -> bool:
        """Whether the last look has brought up something that it should have begun with."""
        ...

    @property
    def remark(self) -> str:
        """What the last look has done, as in "Excluded 2 entries"; empty if it's nothing."""
        ...

    def rewrite(self, entries: Iterator[Entry]) -> Iterator[Entry]:
        """Pass entries on, or others instead; one that stays is passed on as the same object."""
        ...


@final
@dataclass(frozen=True, slots=True)
class Remade:
    """What a tar becomes, and what it was."""

    digest: Digest
    size: int
    original: Digest


def rewritten(chunks: Iterator[bytes], rewriters: Sequence[LayerRewriter]) -> Iterator[bytes]:
    """Make a tar of another one, in pieces of some size.

    Raises:
        ImageInputError: it is no tar, or damaged.
    """
    reader = TarReader(chunks)
    with closing(reader):
        pieces: list[bytes] = []
        size = 0
        for piece in _rewritten(reader, rewriters):
            pieces.append(piece)
            size += len(piece)
            if size >= CHUNK:
                yield b"".join(pieces)
                pieces, size = [], 0
        if pieces:
            yield b"".join(pieces)


def _rewritten(reader: TarReader, rewriters: Sequence[LayerRewriter]) -> Iterator[bytes]:
    source = _Source(reader)
    entries = source.entries()
    for rewriter in rewriters:
        entries = rewriter.rewrite(entries)
    same = short = 0
    is_changed = False
    try:
        for entry in entries:
            same += entry is source.last
            is_changed |= entry is not source.last
            yield entry.member.pack()
            short = 0
            for piece in entry.blocks:
                yield piece
                short = (short - len(piece)) % BLOCK
    except OccystrapError:
        raise
    except ValueError as error:  # a field that nobody had to read before
        raise reader.damaged(error) from error
    if is_changed or same < source.count:
        yield bytes(short) + _END  # the last member may have come without padding
        for _ in reader.rest():
            pass
    else:
        yield from reader.rest()


def _hashed(chunks: Iterator[bytes], digester: Digester) -> Iterator[bytes]:
    for chunk in chunks:
        digester.update(chunk)
        yield chunk


@final
class _Source:
    """The entries of a reader, counted."""

    def __init__(self, reader: TarReader) -> None:
        self._reader = reader
        self.count = 0
        self.last: Entry | None = None

    def entries(self) -> Iterator[Entry]:
        for entry in self._reader.entries():
            self.count += 1
            self.last = entry
            yield entry


@final
class Remake:
    """A layer that is made of another one by rewriters of its own."""

    def __init__(self, layer: Layer, rewriters: Sequence[LayerRewriter]) -> None:
        self._layer = layer
        self._rewriters = rewriters
        self._known = not any(rewriter.learns for rewriter in rewriters)
        self._lock = threading.Lock()

    def look(self, read: Callable[[], Iterator[bytes]]) -> Remade:
        """Find out what the tar becomes; it is read as often as that needs.

        Raises:
            OccystrapError: the layer can't be read, or is no tar.
        """
        while True:
            digester, original = Digester(), Digester()
            chunks = read()
            if self._layer.diff_id is None:
                chunks = _hashed(chunks, original)
            for chunk in rewritten(chunks, self._rewriters):
                digester.update(chunk)
            if not any(rewriter.wiser for rewriter in self._rewriters):
                self._known = True
                before = self._layer.diff_id or original.digest
                return Remade(digester.digest, digester.size, before)

    def layer(self, digest: Digest, size: int) -> MadeLayer:
        """Return the layer, of which somebody knows what it becomes."""
        return MadeLayer(digest, size, self._make)

    @property
    def remarks(self) -> list[str]:
        """What people should know."""
        return [rewriter.remark for rewriter in self._rewriters if rewriter.remark]

    def _make(self) -> Iterator[bytes]:
        with self._lock:
            if not self._known:
                once_more(partial(self.look, self._layer.open_tar))
        yield from rewritten(self._layer.open_tar(), self._rewriters)
