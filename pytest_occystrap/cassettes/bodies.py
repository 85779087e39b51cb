"""Bodies by digest: small ones in memory, others as files named by what they hash to.

Rule: a body is read piece by piece, and what was read from a file was hashed before it counts.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from occystrap.errors import CassetteError, ImageOutputError, VerificationError
from occystrap.image.partial import PartialFile
from occystrap.oci.digest import Digest, Digester, verified

__all__ = ["NO_BODY", "Blobs", "Body", "Incoming", "write_whole"]

_PIECE: Final = 256 * 1024
#: What comes in stays in memory up to this size.
_IN_MEMORY: Final = 64 * 1024


@dataclass(frozen=True, slots=True)
class Body:
    """The body of a message; two are equal if their bytes are.

    `source` is the bytes, or the file that holds them.
    """

    digest: Digest
    size: int
    source: bytes | Path = field(compare=False, repr=False)

    @classmethod
    def of(cls, content: bytes) -> Body:
        """Make one of bytes at hand."""
        return cls(Digest.of(content), len(content), content)

    def __iter__(self) -> Iterator[bytes]:
        """Read it piece by piece, from the start each time.

        Raises:
            CassetteError: the file isn't there, or holds something else; the latter is known at its
                end only.
        """
        if not isinstance(self.source, bytes):
            yield from self._read_file(self.source, _PIECE)
        elif self.source:
            yield self.source

    def _read_file(self, path: Path, piece: int) -> Iterator[bytes]:
        try:
            with path.open("rb", buffering=0) as file:
                pieces = iter(lambda: file.read(piece), b"")
                yield from verified(pieces, self.digest, self.size, "the recorded body")
        except OSError as error:
            message = f"the body {self.digest} of a cassette can't be read: {error}"
            raise CassetteError(message) from error
        except VerificationError as error:
            raise CassetteError(f"{path}: {error}") from error

    def read(self) -> bytes:
        """Return all of it, for those who can't take it piece by piece."""
        if isinstance(self.source, bytes):
            return self.source
        return b"".join(self._read_file(self.source, self.size or 1))  # one piece isn't copied


NO_BODY: Final = Body.of(b"")


@dataclass(frozen=True, slots=True)
class Blobs:
    """A directory of bodies: `sha256/HEX` below `directory`. Equal bodies are one file."""

    directory: Path

    def path_of(self, digest: Digest) -> Path:
        """Say where a body is, or would be."""
        return self.directory / digest.algorithm / digest.encoded

    def find(self, digest: Digest, size: int) -> Body:
        """Return a body that is kept here; it is looked for when it is read."""
        return Body(digest, size, self.path_of(digest))

    def keep(self, body: Body) -> Body:
        """Put a body here, unless it is here already; many may do so at once.

        Raises:
            ImageOutputError: the system can't.
            CassetteError: the body's own file has gone bad.
        """
        path = self.path_of(body.digest)
        if not _holds(path, body.size):
            write_whole(path, body)
        return Body(body.digest, body.size, path)


class Incoming:
    """A body that comes in piece by piece; when it is large, into a file of `directory`.

    Used by one thread at a time.
    """

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._digester = Digester()
        self._memory = bytearray()
        self._file: PartialFile | None = None

    @property
    def size(self) -> int:
        """How many bytes have come."""
        return self._digester.size

    def write(self, piece: bytes) -> None:
        """Take one more piece.

        Raises:
            ImageOutputError: the system can't write it.
        """
        if self._file is None and self.size + len(piece) > _IN_MEMORY:
            self._file = PartialFile(self._directory / secrets.token_hex(16))
            self._file.file.write_at(0, self._memory)
            self._memory.clear()
        if self._file is None:
            self._memory += piece
        else:
            self._file.file.write_at(self.size, piece)
        self._digester.update(piece)

    def finish(self) -> Body:
        """Say that no more will come, and return what came."""
        digest = self._digester.digest
        if self._file is None:
            return Body(digest, self.size, bytes(self._memory))
        self._file.publish()
        return Body(digest, self.size, self._file.path)

    def discard(self) -> None:
        """Let go of what came; for who needn't finish."""
        self._memory.clear()
        if self._file is not None:
            self._file.discard()


def write_whole(path: Path, pieces: Iterable[bytes]) -> None:
    """Write a file that appears under its name when it is whole, in a directory that may be new.

    Raises:
        ImageOutputError: the system can't.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ImageOutputError(f"can't write {path}: {error.strerror}") from error
    partial, offset = PartialFile(path), 0
    try:
        for piece in pieces:
            partial.file.write_at(offset, piece)
            offset += len(piece)
        partial.publish()
    finally:
        partial.discard()


def _holds(path: Path, size: int) -> bool:
    try:
        return path.stat().st_size == size
    except OSError:
        return False
