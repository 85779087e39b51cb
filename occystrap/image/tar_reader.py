"""A tar read as a stream, member by member.

Rule: every byte comes out again: a member has all blocks that belong to it, and what follows the
last member is kept as well. Nothing is held but the headers of one member.
"""

from __future__ import annotations

from collections.abc import Generator, Iterable, Iterator
from dataclasses import dataclass
from typing import Final, final

from occystrap.errors import ImageInputError
from occystrap.image.chunk_reader import ChunkReader
from occystrap.image.tar_blocks import BLOCK, check, field, number
from occystrap.image.tar_member import EXTENSIONS, GLOBAL, SPARSE, Extension, Member

__all__ = ["Entry", "TarReader"]

#: The most that an extension may have, and all of a member together; Go, in which docker is
#: written, reads no more either.
_EXTENSION_LIMIT: Final = 1024 * 1024
_ZEROS: Final = bytes(BLOCK)
#: Where, in a block that goes on with the map of a sparse file, it says whether another follows.
_MORE_SPARSE: Final = 504


@final
@dataclass(frozen=True, slots=True)
class Entry:
    """A member and its content with the padding; it can be read once, before the next entry is."""

    member: Member
    blocks: Iterable[bytes] = ()


@final
class TarReader:
    """Reads the entries, and then the rest; `what` names the tar in errors.

    When it is damaged, the chunks are read to their end all the same, so that a source that
    verifies itself has the first word.
    """

    def __init__(self, chunks: Iterable[bytes], what: str = "the layer") -> None:
        self._chunks = iter(chunks)
        self._reader = ChunkReader(self._chunks)
        self._what = what
        self._end = b""

    def entries(self) -> Iterator[Entry]:
        """Read the entries; content that nobody reads is skipped.

        Raises:
            ImageInputError: this is no tar, or it is damaged or cut off.
        """
        try:
            while (member := self._next()) is not None:
                left = self._blocks(member)
                yield Entry(member, left)
                for _ in left:
                    pass
        except (ValueError, EOFError) as error:
            raise self.damaged(error) from error

    def rest(self) -> Iterator[bytes]:
        """Read what follows the last entry, once all of them are read."""
        if self._end:
            yield self._end
        yield from self._reader.rest()

    def close(self) -> None:
        """Give up what the chunks hold."""
        if isinstance(self._chunks, Generator):
            self._chunks.close()

    def _next(self) -> Member | None:
        extensions: tuple[Extension, ...] = ()
        while True:
            header = self._reader.take_some(BLOCK)
            if len(header) < BLOCK or header == _ZEROS:
                if extensions or (header and header != _ZEROS):
                    raise EOFError("it ends within a header")
                self._end = header
                return None
            check(header)
            kind = field(header, "kind")
            if kind == GLOBAL and not extensions:
                return Member.of_all(self._extension(header))
            if kind not in EXTENSIONS:
                return Member.of(extensions, header, self._sparse(header))
            extensions = (*extensions, self._extension(header))
            if sum(len(each.blocks) for each in extensions) > _EXTENSION_LIMIT:
                raise ValueError("it has headers without end")

    def _extension(self, header: bytes) -> Extension:
        size = number(header, "size")
        if not 0 <= size <= _EXTENSION_LIMIT:
            raise ValueError(f"it has a header of {size} bytes")
        return Extension(header, self._reader.take(size + -size % BLOCK))

    def _sparse(self, header: bytes) -> bytes:
        blocks = b""
        if field(header, "kind") == SPARSE and field(header, "more_sparse") != b"\0":
            blocks = self._reader.take(BLOCK)
            while blocks[_MORE_SPARSE - BLOCK] and len(blocks) < _EXTENSION_LIMIT:
                blocks += self._reader.take(BLOCK)
        return blocks

    def _blocks(self, member: Member) -> Iterator[bytes]:
        size = 0
        for piece in self._reader.pieces(member.size + member.padding):
            size += len(piece)
            yield piece
        if size < member.size:  # the padding of the last one is left out by some
            raise self.damaged(f"it ends within {member.path!r}")

    def damaged(self, why: object) -> ImageInputError:
        """Read what is left, and make the error that says why this is no tar."""
        for _ in self._reader.rest():
            pass
        return ImageInputError(f"{self._what} is no readable tar: {why}")
