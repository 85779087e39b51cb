"""Exact numbers of bytes from chunks of any size.

Rule: no more is held than what is asked for, and the chunk that it ends in.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, final

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["ChunkReader"]

_STEP: Final = 64 * 1024


@final
class ChunkReader:
    """Reads a stream of chunks as if it were a file."""

    def __init__(self, source: Iterator[bytes]) -> None:
        self._source = source
        self._chunk = b""
        self._position = 0

    def take_some(self, count: int) -> bytes:
        """Return that many bytes, or those that are left."""
        taken = self._chunk[self._position : self._position + count]
        self._position += len(taken)
        if len(taken) == count:
            return taken
        parts, missing = [taken], count - len(taken)
        while missing and (chunk := next(self._source, None)) is not None:
            parts.append(chunk[:missing])
            self._chunk, self._position = chunk, min(missing, len(chunk))
            missing -= self._position
        return b"".join(parts)

    def take(self, count: int) -> bytes:
        """Return that many bytes.

        Raises:
            EOFError: there are fewer.
        """
        taken = self.take_some(count)
        if len(taken) < count:
            raise EOFError("it ends in the middle")
        return taken

    def pieces(self, count: int) -> Iterator[bytes]:
        """Give that many bytes, or those that are left, as they come."""
        while count:
            if self._position == len(self._chunk):
                chunk = next(self._source, None)
                if chunk is None:
                    return
                self._chunk, self._position = chunk, 0
            piece = self._chunk[self._position : self._position + count]
            self._position += len(piece)
            count -= len(piece)
            if piece:
                yield piece

    def rest(self) -> Iterator[bytes]:
        """Give all that is left."""
        if self._position < len(self._chunk):
            piece, self._chunk, self._position = self._chunk[self._position :], b"", 0
            yield piece
        yield from self._source

    def skip(self, count: int) -> None:
        """Go past that many bytes, without holding them.

        Raises:
            EOFError: there are fewer.
        """
        while count:
            count -= len(self.take(min(count, _STEP)))
