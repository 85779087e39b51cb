"""A store for the time of a process, whose blobs are too large for memory.

Rule: blobs are in files without a name, so that nothing of them stays, however the process ends.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Final

from occystrap.oci.digest import Digest
from occystrap.server.memory_store import MemoryStore
from occystrap.server.store import Draft

__all__ = ["TemporaryStore"]

_PIECE: Final = 256 * 1024


class _NamelessFile:
    """A file that is gone when nobody has it any more; a draft first, and then a blob."""

    def __init__(self, directory: str | os.PathLike[str] | None) -> None:
        self.size = 0
        self._descriptor: int | None = None
        with tempfile.TemporaryFile(dir=directory, buffering=0) as file:
            self._descriptor = os.dup(file.fileno())

    def __del__(self) -> None:
        if self._descriptor is not None:
            os.close(self._descriptor)

    @property
    def _open(self) -> int:
        assert self._descriptor is not None  # noqa: S101 - closed with the last reference
        return self._descriptor

    def write(self, piece: bytes) -> None:
        """Add a piece at the end."""
        view = memoryview(piece)
        while view:
            written = os.pwrite(self._open, view, self.size)
            self.size += written
            view = view[written:]

    def read(self, start: int, stop: int) -> Iterator[bytes]:
        """Read a part of it."""
        while start < stop:
            piece = os.pread(self._open, min(_PIECE, stop - start), start)
            if not piece:
                return
            start += len(piece)
            yield piece


class _FileDraft:
    """Bytes on their way in."""

    def __init__(self, store: MemoryStore, file: _NamelessFile) -> None:
        self._store = store
        self._file = file

    def append(self, pieces: Iterable[bytes]) -> None:
        """Add pieces."""
        for piece in pieces:
            self._file.write(piece)

    def read(self) -> Iterator[bytes]:
        """Go over all bytes from the first."""
        return self._file.read(0, self._file.size)

    def keep(self, repository: str, digest: Digest) -> None:
        """Make the file a blob."""
        self._store.keep_blob(repository, digest, self._file)

    def discard(self) -> None:
        """Drop the bytes: they go with the draft."""


class TemporaryStore(MemoryStore):
    """Keep blobs in such files in `directory`, or the system's for them; all else in memory."""

    def __init__(self, directory: str | Path | None = None) -> None:
        super().__init__()
        self._directory = directory

    def new_draft(self) -> Draft:
        """Begin to take bytes."""
        return _FileDraft(self, _NamelessFile(self._directory))
