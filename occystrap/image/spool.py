"""Bytes that have to wait.

Rule: they wait in memory when they are few, else in a file without a name, so that no ending of
the process leaves it behind.
"""

from __future__ import annotations

import os
import tempfile
from typing import TYPE_CHECKING, Final, final

from occystrap.errors import ImageOutputError
from occystrap.image.sources import BytesSource, FileSlice, SharedFile

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import TracebackType

__all__ = ["Spool", "temporary_file"]

#: What may stay in memory: little, since up to 127 layers may wait for the first of an image.
_IN_MEMORY: Final = 64 * 1024
_ADVICE: Final = "; --temp-dir names another directory"


def temporary_file(temp_dir: str | os.PathLike[str] | None = None) -> SharedFile:
    """Open a new file that has no name; the system's directory for such files is the default.

    Raises:
        ImageOutputError: the directory can't be written to.
    """
    directory = "" if temp_dir is None else os.fspath(temp_dir)
    try:
        directory = directory or tempfile.gettempdir()
        with tempfile.TemporaryFile(dir=directory, buffering=0) as file:
            return SharedFile(os.dup(file.fileno()), f"a temporary file in {directory}", _ADVICE)
    except OSError as error:
        where = directory or "any of the usual places"
        message = f"can't make a temporary file in {where}: {error.strerror}{_ADVICE}"
        raise ImageOutputError(message) from error


@final
class Spool:
    """A source that is written first, by one thread, and then read by any number."""

    def __init__(self, temp_dir: str | os.PathLike[str] | None = None) -> None:
        self.size = 0
        self._temp_dir = temp_dir
        self._memory = bytearray()
        self._file: SharedFile | None = None

    def write(self, chunk: bytes) -> None:
        """Add one more piece.

        Raises:
            ImageOutputError: the temporary file can't be written.
        """
        if self._file is None and self.size + len(chunk) > _IN_MEMORY:
            self._file = temporary_file(self._temp_dir)
            self._file.write_at(0, self._memory)
            self._memory.clear()
        if self._file is None:
            self._memory += chunk
        else:
            self._file.write_at(self.size, chunk)
        self.size += len(chunk)

    def restart(self) -> None:
        """Forget what was written."""
        self.size = 0
        self._memory.clear()

    def open(self) -> Iterator[bytes]:
        """Read everything that was written."""
        if self._file is None:
            return BytesSource(bytes(self._memory)).open()
        return FileSlice(self._file, 0, self.size).open()

    def close(self) -> None:
        """Free the memory and the disk; may be called twice."""
        self._memory.clear()
        if self._file is not None:
            self._file.close()

    def __enter__(self) -> Spool:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()
