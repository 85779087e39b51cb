"""A tar file that several threads fill at once.

Rule: members stand in the order of their numbers, so the same image makes the same file. Whoever
is next writes to the file directly, beside others whose size is known or promised; the rest waits
in spools. A promise that wasn't kept costs a second writing of the file, and nothing else.
"""

from __future__ import annotations

import tarfile
import threading
from typing import TYPE_CHECKING, Final, final

from occystrap.errors import OccystrapError, SizeMismatch
from occystrap.image.partial import PartialFile
from occystrap.image.sources import FileSlice
from occystrap.image.spool import Spool

if TYPE_CHECKING:
    import os
    from collections.abc import Iterator

    from occystrap.image.sources import SharedFile

__all__ = ["ArchiveWriter", "BrokenPromise", "Place", "header_of"]

_HEADER: Final = tarfile.BLOCKSIZE
_USTAR_LIMIT: Final = 8 * 1024**3


def _padded(size: int, block: int) -> int:
    return -(-size // block) * block


def _directory_header(name: str) -> bytes:
    member = tarfile.TarInfo(f"{name}/")
    member.type = tarfile.DIRTYPE
    member.mode = 0o755
    return member.tobuf(tarfile.USTAR_FORMAT)


def header_of(name: str, size: int) -> bytes:
    """Make the header of a plain file, always of one block.

    What is too large for the fields of POSIX is written in the binary way of GNU, which Go, BSD
    and Python read as well; PAX would take two blocks more, which shows only at the end.
    """
    member = tarfile.TarInfo(name)
    member.size = size
    member.mode = 0o644
    large = size >= _USTAR_LIMIT
    return member.tobuf(tarfile.GNU_FORMAT if large else tarfile.USTAR_FORMAT)


class BrokenPromise(OccystrapError):
    """A member isn't of the size that was promised."""


@final
class Place:
    """A stretch of the file for the bytes of one member."""

    def __init__(self, file: SharedFile, offset: int, room: int | None = None) -> None:
        self.size = 0
        self._file = file
        self._offset = offset
        self.room = room

    def write(self, chunk: bytes) -> None:
        """Add one more piece.

        Raises:
            BrokenPromise: there are more bytes than were promised.
        """
        if self.room is not None and self.size + len(chunk) > self.room:
            raise BrokenPromise("there are more bytes than were promised")
        self._file.write_at(self._offset + self.size, chunk)
        self.size += len(chunk)

    def restart(self) -> None:
        """Forget what was written."""
        self.size = 0


@final
class ArchiveWriter:
    """A tar file under way, of plain files without a time; `sizes` has those that are in it.

    Members that are filled side by side are numbered from 0. A name that is there already isn't
    written again.
    """

    def __init__(
        self,
        path: str | os.PathLike[str],
        temp_dir: str | None = None,
        *,
        with_directories: bool = False,
    ) -> None:
        """Begin the file; `with_directories` if the name of every member is known from the start.

        Some who unpack it can't make a directory that has no entry, unless they are root: skopeo.

        Raises:
            ImageOutputError: it can't be written there.
        """
        self.sizes: dict[str, int] = {}
        self._with_directories = with_directories
        self._directories: set[str] = set()
        self._path = path
        self._partial = PartialFile(path)
        self._temp_dir = temp_dir
        self._end = 0
        self._next = 0
        self._waiting: dict[int, tuple[str, Spool] | None] = {}
        self._offsets: dict[str, int] = {}
        self._announced: set[int] = set()
        self._moved: dict[str, Spool] = {}
        self._lock = threading.Condition()

    def add(self, name: str, content: bytes) -> None:
        """Add a document, before the first numbered member or after the last."""
        with self._lock:
            offset = self._append(name, len(content))
        self._partial.file.write_at(offset, content)

    def announce(self, number: int) -> None:
        """Say that a member will soon be of a size: those behind it wait for that to begin."""
        with self._lock:
            self._announced.add(number)

    def open(
        self,
        number: int,
        name: str | None = None,
        size: int | None = None,
        *,
        promised: bool = False,
    ) -> Place | Spool:
        """Begin a numbered member, to be written by one thread; name and size if they are known.

        A size that is only `promised` may turn out to be another: see `give_way`.
        """
        with self._lock:
            self._lock.wait_for(lambda: all(number <= other for other in self._announced))
            self._announced.discard(number)
            self._lock.notify_all()
            if number != self._next or name in self.sizes:
                return Spool(self._temp_dir)
            if name is None or size is None:
                return Place(self._partial.file, self._end + _HEADER)
            room = size if promised else None
            place = Place(self._partial.file, self._append(name, size), room)
            self._next += 1
        self._write_waiting()
        return place

    def open_brief(self) -> Spool:
        """Begin a member that was announced and is written at once; it waits for its turn."""
        return Spool(self._temp_dir)

    def give_way(self, name: str) -> Spool:
        """Begin a member anew that isn't of the size that was promised."""
        spool = Spool(self._temp_dir)
        with self._lock:
            self._moved[name] = spool
        return spool

    def commit(self, number: int, name: str, written: Place | Spool) -> None:
        """End a numbered member.

        Raises:
            SizeMismatch: its size isn't the one that it was begun with.
            BrokenPromise: it isn't the one that was promised.
        """
        with self._lock:
            if self._moved.get(name) is written:
                return
            if isinstance(written, Spool):
                self._waiting[number] = (name, written)
            elif number == self._next:
                self._append_once(name, written.size)
                self._next += 1
            elif written.room not in (None, written.size):
                raise BrokenPromise(f"{name} has {written.size} bytes, not {written.room}")
            elif written.size != self.sizes[name]:
                raise SizeMismatch(self.sizes[name], written.size, name)
        self._write_waiting()
        with self._lock:
            self._announced.discard(number)
            self._lock.notify_all()

    def skip(self, number: int) -> None:
        """Leave a number out."""
        with self._lock:
            self._waiting[number] = None
        self._write_waiting()

    def publish(self) -> None:
        """End the archive and give it its name."""
        if self._moved:
            self._write_again()
        file = self._partial.file
        file.truncate(self._end)
        file.truncate(_padded(self._end + 2 * tarfile.BLOCKSIZE, tarfile.RECORDSIZE))
        self._partial.publish()

    def discard(self) -> None:
        """Remove what was written, unless it was published; may be called twice."""
        self._partial.discard()
        with self._lock:
            spools = [*self._moved.values(), *(e[1] for e in self._waiting.values() if e)]
            self._waiting.clear()
            self._announced.clear()
            self._lock.notify_all()
        for spool in spools:
            spool.close()

    def _write_waiting(self) -> None:
        """Write the members whose turn it is; taking one out makes it this thread's."""
        while True:
            with self._lock:
                if self._next not in self._waiting:
                    return
                entry = self._waiting.pop(self._next)
                offset = None if entry is None else self._append_once(entry[0], entry[1].size)
                self._next += 1
            if entry is None:
                continue
            with entry[1] as spool:
                if offset is not None:
                    place = Place(self._partial.file, offset)
                    for chunk in spool.open():
                        place.write(chunk)

    def _write_again(self) -> None:
        """Write the file anew, all members in their order and of the sizes that they have."""
        old, self._partial = self._partial, PartialFile(self._path)
        offsets, sizes = self._offsets, self.sizes
        self._offsets, self.sizes, self._end = {}, {}, 0
        self._directories.clear()
        try:
            for name, offset in offsets.items():
                source = self._moved.get(name) or FileSlice(old.file, offset, sizes[name])
                place = Place(self._partial.file, self._append(name, source.size))
                for chunk in source.open():
                    place.write(chunk)
        finally:
            old.discard()
            for spool in self._moved.values():
                spool.close()

    def _append_once(self, name: str, size: int) -> int | None:
        return None if name in self.sizes else self._append(name, size)

    def _append(self, name: str, size: int) -> int:
        """Write a header at the end, and return where its content belongs."""
        header = b"".join(self._missing_directories(name)) + header_of(name, size)
        self._partial.file.write_at(self._end, header)
        offset = self._end + len(header)
        self._end = offset + _padded(size, tarfile.BLOCKSIZE)
        self.sizes[name] = size
        self._offsets[name] = offset
        # Zeros from here on, whatever stood here: padding, or a layer that was there already.
        self._partial.file.truncate(offset + size)
        return offset

    def _missing_directories(self, name: str) -> Iterator[bytes]:
        """Make the entries of the directories that a member is in."""
        above = name.split("/")[:-1] if self._with_directories else []
        for depth in range(1, len(above) + 1):
            directory = "/".join(above[:depth])
            if directory not in self._directories:
                self._directories.add(directory)
                yield _directory_header(directory)
