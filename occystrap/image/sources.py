"""Sources of bytes: files that threads share, pieces of them, and bytes at hand.

Rule: whoever opens a source reads it from the start, whatever other threads do with it.
"""

from __future__ import annotations

import contextlib
import os
import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING, final

from occystrap.errors import ImageInputError, ImageOutputError
from occystrap.image.layer import CHUNK
from occystrap.image.workers import Stopped
from occystrap.oci.digest import verified

if TYPE_CHECKING:
    from collections.abc import Iterator

    from _typeshed import ReadableBuffer

    from occystrap.image.layer import Source
    from occystrap.oci.digest import Digest

__all__ = ["BytesSource", "FileSlice", "SharedFile", "VerifiedSource"]


@final
class SharedFile:
    """A file that threads read and write at any place, and that may be closed at any time.

    The descriptor is closed by the last access: a thread that comes too late must not meet the
    file that has got the number since. `name`, and `advice` on what to do when it can't be written,
    are for messages.
    """

    def __init__(self, descriptor: int, name: str, advice: str = "") -> None:
        """Own the descriptor from here on."""
        self.name = name
        self._advice = advice
        self._descriptor: int | None = descriptor
        self._closed = False
        self._accesses = 0
        self._lock = threading.Lock()

    @property
    def size(self) -> int:
        """How many bytes there are now."""
        with self._reading() as descriptor:
            return os.fstat(descriptor).st_size

    def read_at(self, offset: int, count: int) -> bytes:
        """Read up to that many bytes; fewer only at the end.

        Raises:
            ImageInputError: the system can't.
            Stopped: the file is closed.
        """
        with self._reading() as descriptor:
            return os.pread(descriptor, count, offset)

    def write_at(self, offset: int, content: ReadableBuffer) -> None:
        """Write all of it.

        Raises:
            ImageOutputError: the system can't.
            Stopped: the file is closed.
        """
        with self._writing() as descriptor, memoryview(content) as view:
            done = 0
            while done < len(view):
                done += os.pwrite(descriptor, view[done:], offset + done)

    def truncate(self, size: int) -> None:
        """Cut the file off, or add zeros; errors are those of `write_at`."""
        with self._writing() as descriptor:
            os.ftruncate(descriptor, size)

    def close(self) -> None:
        """Close the file once no access is under way; may be called twice."""
        with self._lock:
            self._closed = True
            self._close_unused()

    def __del__(self) -> None:
        self.close()

    @contextlib.contextmanager
    def _reading(self) -> Iterator[int]:
        try:
            with self._lease() as descriptor:
                yield descriptor
        except OSError as error:
            raise ImageInputError(f"can't read {self.name}: {error.strerror}") from error

    @contextlib.contextmanager
    def _writing(self) -> Iterator[int]:
        try:
            with self._lease() as descriptor:
                yield descriptor
        except OSError as error:
            message = f"can't write {self.name}: {error.strerror}{self._advice}"
            raise ImageOutputError(message) from error

    @contextlib.contextmanager
    def _lease(self) -> Iterator[int]:
        with self._lock:
            if self._closed or self._descriptor is None:
                raise Stopped(f"{self.name} is closed")
            self._accesses += 1
        try:
            yield self._descriptor
        finally:
            with self._lock:
                self._accesses -= 1
                self._close_unused()

    def _close_unused(self) -> None:
        if self._closed and not self._accesses and self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None


@final
@dataclass(frozen=True, slots=True)
class FileSlice:
    """A stretch of a file."""

    file: SharedFile
    offset: int
    size: int

    def open(self) -> Iterator[bytes]:
        """Read the stretch.

        Raises:
            ImageInputError: the system can't, or the file has become shorter.
        """
        done = 0
        while done < self.size:
            chunk = self.file.read_at(self.offset + done, min(CHUNK, self.size - done))
            if not chunk:
                raise ImageInputError(f"{self.file.name} became shorter while it was read")
            done += len(chunk)
            yield chunk


@final
@dataclass(frozen=True, slots=True)
class BytesSource:
    """Bytes at hand."""

    content: bytes

    @property
    def size(self) -> int:
        """How many there are."""
        return len(self.content)

    def open(self) -> Iterator[bytes]:
        """Give them in pieces."""
        for start in range(0, len(self.content), CHUNK):
            yield self.content[start : start + CHUNK]


@final
@dataclass(frozen=True, slots=True)
class VerifiedSource:
    """A source whose bytes have a name to live up to; `what` calls them in errors."""

    source: Source
    digest: Digest
    what: str = "blob"

    @property
    def size(self) -> int:
        """How many bytes there are."""
        return self.source.size

    def open(self) -> Iterator[bytes]:
        """Read them, checked by the end.

        Raises:
            DigestMismatch: they are others.
        """
        return verified(self.source.open(), self.digest, self.source.size, self.what)
