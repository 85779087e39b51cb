"""Tar files, indexed once and then read at any place by any number of threads.

Rule: nothing that an archive says is trusted: not sizes, names, links, nor that it ends. Whatever
is wrong with it, the error is an `ImageInputError` that names the file. Nothing is ever extracted.
"""

from __future__ import annotations

import os
import posixpath
import stat
import tarfile
from dataclasses import dataclass
from typing import IO, TYPE_CHECKING, Final, cast, final

from occystrap.errors import ImageInputError
from occystrap.image.compression import decompressed, sniff
from occystrap.image.layer import CHUNK
from occystrap.image.sources import FileSlice, SharedFile
from occystrap.image.spool import temporary_file
from occystrap.oci.media_types import Compression

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

__all__ = ["Archive"]

#: The most that a JSON document in an archive may have: far more than any registry would take.
_DOCUMENT_LIMIT: Final = 32 * 1024 * 1024
#: The most that the headers of a member (long names, PAX records) may have.
_HEADER_LIMIT: Final = 64 * 1024
_MEMBER_LIMIT: Final = 100_000
_LINK_LIMIT: Final = 40
_SNIFFED: Final = 16
#: What else begins like this, at this offset.
_OTHER_COMPRESSIONS: Final = {(0, b"\xfd7zXZ\0"): "xz", (4, b"1AY&SY"): "bzip2"}


@final
@dataclass(frozen=True, slots=True)
class _Member:
    """Where the bytes of a file are; for a link, what it leads to."""

    offset: int
    size: int
    target: str | None = None


@final
class Archive:
    """A tar file, compressed as a whole or not; `path` is for messages."""

    def __init__(self, file: SharedFile, path: str) -> None:
        """Index an open file, and close it when the archive is closed."""
        self.path = path
        self._file = file
        self._members = _index(file, path)

    @classmethod
    def open(cls, path: str, temp_dir: str | None = None) -> Archive:
        """Open a file; one that is compressed goes to a temporary file first, and so does a pipe.

        Raises:
            ImageInputError: it can't be read, or is no tar file.
            ImageOutputError: the temporary file can't be written.
        """
        file = _open(path, temp_dir)
        try:
            return cls(file, path)
        except BaseException:
            file.close()
            raise

    def __contains__(self, name: str) -> bool:
        return _normal(name) in self._members

    def source(self, name: str) -> FileSlice:
        """Find the bytes of a file; links are followed.

        Raises:
            ImageInputError: it isn't there, or is no file.
        """
        current = _normal(name)
        for _ in range(_LINK_LIMIT):
            member = self._members.get(current)
            if member is None:
                missing = "" if current == _normal(name) else f", which leads to {current!r}"
                raise ImageInputError(f"{self.path}: {name!r}{missing} not found in tarball")
            if member.target is None:
                return FileSlice(self._file, member.offset, member.size)
            current = member.target
        raise ImageInputError(f"{self.path}: {name!r} is a link that leads nowhere")

    def read(self, name: str) -> bytes:
        """Read a document.

        Raises:
            ImageInputError: it isn't there, or is too large for a document.
        """
        source = self.source(name)
        if source.size > _DOCUMENT_LIMIT:
            raise ImageInputError(f"{self.path}: {name!r} is too large ({source.size} bytes)")
        return b"".join(source.open())

    def close(self) -> None:
        """Close the file; may be called twice."""
        self._file.close()


def _open(path: str, temp_dir: str | None) -> SharedFile:
    try:
        with open(path, "rb", buffering=0) as file:  # noqa: PTH123 - a Path drops what it ends in
            mode = os.fstat(file.fileno()).st_mode
            if stat.S_ISFIFO(mode):
                return _unpacked(iter(lambda: file.read(CHUNK), b""), path, temp_dir)
            if not stat.S_ISREG(mode):
                raise ImageInputError(f"can't read {path}: it is no regular file")
            shared = SharedFile(os.dup(file.fileno()), path)
    except OSError as error:
        raise ImageInputError(f"can't read {path}: {error.strerror}") from error
    except ValueError as error:  # a NUL in the path
        raise ImageInputError(f"can't read {path!r}: {error}") from error
    if sniff(shared.read_at(0, _SNIFFED)) is Compression.NONE:
        return shared
    try:
        return _unpacked(FileSlice(shared, 0, shared.size).open(), path, temp_dir)
    finally:
        shared.close()


def _unpacked(chunks: Iterable[bytes], path: str, temp_dir: str | None) -> SharedFile:
    """Write the decompressed bytes into a file without a name."""
    file = temporary_file(temp_dir)
    try:
        size = 0
        for chunk in decompressed(chunks, path):
            file.write_at(size, chunk)
            size += len(chunk)
    except BaseException:
        file.close()
        raise
    return file


def _index(file: SharedFile, path: str) -> dict[str, _Member]:
    head = file.read_at(0, _SNIFFED)
    for (offset, magic), name in _OTHER_COMPRESSIONS.items():
        if head.startswith(magic, offset):
            raise ImageInputError(f"{path} is compressed with {name}; decompress it first")
    try:
        return dict(_members(file))
    except (tarfile.TarError, ValueError, ArithmeticError, LookupError, RecursionError) as error:
        raise ImageInputError(f"{path} is no readable tar file: {error}") from error


def _members(file: SharedFile) -> Iterator[tuple[str, _Member]]:
    size = file.size
    headers = _Headers(file, size)
    tar = tarfile.TarFile(fileobj=cast("IO[bytes]", headers))
    tar.offset = 0
    position = -1
    for _ in range(_MEMBER_LIMIT):
        headers.seek(tar.offset)
        if not headers.read(tarfile.BLOCKSIZE).strip(b"\0"):
            return
        headers.seek(tar.offset)
        # Unlike next(), this keeps no headers, and doesn't take a damaged one for the end.
        member = tarfile.TarInfo.fromtarfile(tar)
        if member.size < 0 or tar.offset <= position:
            raise tarfile.ReadError(f"the header at byte {member.offset} is damaged")
        position = tar.offset
        yield from _files(member, size)
    raise tarfile.ReadError(f"it has more than {_MEMBER_LIMIT} members, so it holds no image")


def _files(member: tarfile.TarInfo, archive_size: int) -> Iterator[tuple[str, _Member]]:
    """Give what can be read under a name: the bytes of a file, or those that a link leads to."""
    name = _normal(member.name)
    if member.issym():
        target = posixpath.join(posixpath.dirname(name), member.linkname)
        yield name, _Member(0, 0, _normal(target))
    elif member.islnk():
        yield name, _Member(0, 0, _normal(member.linkname))
    elif member.isreg() and not member.issparse():
        if member.offset_data + member.size > archive_size:
            raise tarfile.ReadError(f"it ends within {member.name!r}")
        yield name, _Member(member.offset_data, member.size)


def _normal(name: str) -> str:
    """Name a member as it would be named from the root of the archive."""
    return posixpath.normpath("/" + name.lstrip("/"))[1:]


@final
class _Headers:
    """A file as tarfile reads it, where so many bytes may be read without going elsewhere."""

    def __init__(self, file: SharedFile, size: int) -> None:
        self._file = file
        self._size = size
        self._position = 0
        self._budget = _HEADER_LIMIT

    def tell(self) -> int:
        return self._position

    def seek(self, position: int) -> int:
        self._position = position
        self._budget = _HEADER_LIMIT
        return position

    def read(self, count: int) -> bytes:
        self._budget -= count
        if self._budget < 0:
            raise tarfile.ReadError(f"the header at byte {self._position} is too large")
        if not 0 <= self._position < self._size:
            return b""
        content = self._file.read_at(self._position, count)
        self._position += len(content)
        return content
