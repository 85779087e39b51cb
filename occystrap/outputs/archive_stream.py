"""A tar file that goes out while it is made.

Rule: its members are plain files without a time, and one thread at a time writes one.
"""

from __future__ import annotations

import contextlib
import tarfile
import threading
from typing import TYPE_CHECKING, Final, final

from occystrap.errors import SizeMismatch
from occystrap.image.archive_writer import header_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from occystrap.image.pipe import Pipe

__all__ = ["ArchiveStream"]

_BLOCK: Final = tarfile.BLOCKSIZE
_END: Final = bytes(2 * _BLOCK)


@final
class ArchiveStream:
    """A tar file on its way through a pipe; what goes wrong in it breaks the pipe."""

    def __init__(self, pipe: Pipe) -> None:
        self._pipe = pipe
        self._turn = threading.RLock()

    @contextlib.contextmanager
    def turn(self) -> Iterator[bool]:
        """Have the turn, if nobody else has it just now; whether that is so is given."""
        mine = self._turn.acquire(blocking=False)
        try:
            yield mine
        finally:
            if mine:
                self._turn.release()

    @contextlib.contextmanager
    def member(self, name: str, size: int) -> Iterator[Callable[[bytes], None]]:
        """Add a file, when the turn has come, by what takes its pieces.

        Raises:
            SizeMismatch: it had another size.
        """
        written = 0

        def write(piece: bytes) -> None:
            nonlocal written
            written += len(piece)
            self._pipe.write(piece)

        with self._turn:
            try:
                self._pipe.write(header_of(name, size))
                yield write
                _check_size(size, written, name)
                self._pipe.write(bytes(-size % _BLOCK))
            except BaseException as error:
                self._pipe.break_off(error)
                raise

    def add(self, name: str, content: bytes) -> None:
        """Add a document."""
        with self.member(name, len(content)) as write:
            write(content)

    def finish(self) -> None:
        """End the file."""
        self._pipe.write(_END)
        self._pipe.finish()


def _check_size(expected: int, actual: int, name: str) -> None:
    if actual != expected:
        raise SizeMismatch(expected, actual, name)
