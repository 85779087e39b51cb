"""Directories that hold images: documents and blobs, each a file under its name.

Rule: nothing that is there is trusted: not sizes, nor that a name is a file. Files are opened when
they are read, so that a directory may have more of them than a process may have open.
"""

from __future__ import annotations

import contextlib
import os
import stat
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, Final, final

from occystrap.errors import ImageInputError
from occystrap.image.layer import CHUNK

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["FileDirectory", "PathSource"]

_DOCUMENT_LIMIT: Final = 32 * 1024 * 1024
_READ: Final = os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK | os.O_NOCTTY


@final
@dataclass(frozen=True, slots=True)
class PathSource:
    """The bytes of a file that has had so many of them."""

    path: Path
    size: int

    def open(self) -> Iterator[bytes]:
        """Read the file.

        Raises:
            ImageInputError: the system can't, or it has another size by now.
        """
        left = self.size
        with _opened(self.path) as file:
            while left and (chunk := file.read(min(left, CHUNK))):
                left -= len(chunk)
                yield chunk
        if left:
            raise ImageInputError(f"{self.path} became shorter while it was read")


@final
class FileDirectory:
    """A directory; links in it are followed, as tools make them."""

    def __init__(self, path: str | os.PathLike[str]) -> None:
        """Look whether it is there.

        Raises:
            ImageInputError: it isn't, or is no directory.
        """
        self.path = os.fspath(path)
        try:
            mode = Path(path).stat().st_mode
        except OSError as error:
            raise ImageInputError(f"can't read {self.path}: {error.strerror}") from error
        if not stat.S_ISDIR(mode):
            raise ImageInputError(f"can't read {self.path}: it is no directory")

    def __contains__(self, name: str) -> bool:
        return Path(self.path, name).is_file()

    def source(self, name: str) -> PathSource:
        """Find the bytes of a file.

        Raises:
            ImageInputError: there is no such file, or it is something else.
        """
        place = self._place(name)
        try:
            status = place.stat()
        except FileNotFoundError as error:
            raise ImageInputError(f"{self.path}: {name!r} not found") from error
        except OSError as error:
            raise ImageInputError(f"can't read {place}: {error.strerror}") from error
        if not stat.S_ISREG(status.st_mode):
            raise ImageInputError(f"can't read {place}: it is no regular file")
        return PathSource(place, status.st_size)

    def read(self, name: str) -> bytes:
        """Read a document, as it was at some moment: another may take its name meanwhile.

        Raises:
            ImageInputError: there is none, or it is too large for one.
        """
        with _opened(self.source(name).path) as file:
            size = os.fstat(file.fileno()).st_size
            if size > _DOCUMENT_LIMIT:
                raise ImageInputError(f"{self.path}: {name!r} is too large ({size} bytes)")
            return file.read(size)

    def close(self) -> None:
        """Do nothing: nothing stays open."""

    def _place(self, name: str) -> Path:
        """Name a file below the directory; what a document says may lead nowhere else."""
        path = Path(name)
        if path.is_absolute() or ".." in path.parts or "\0" in name:
            raise ImageInputError(f"{self.path}: {name!r} is no name of a file in it")
        return Path(self.path, path)


@contextlib.contextmanager
def _opened(path: Path) -> Iterator[BinaryIO]:
    """Open a regular file, and say of what the system refuses where it was."""
    try:
        with os.fdopen(os.open(path, _READ), "rb", buffering=0) as file:
            if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
                raise ImageInputError(f"can't read {path}: it is no regular file")
            yield file
    except OSError as error:
        raise ImageInputError(f"can't read {path}: {error.strerror}") from error
