"""A store in memory, gone with the process.

Rule: one lock, held for the time of a look-up and never while bytes move.
"""

from __future__ import annotations

import io
import threading
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Final

from occystrap.oci.digest import Digest
from occystrap.oci.manifest import Index, Manifest
from occystrap.server.store import Blob, Draft

__all__ = ["MemoryStore"]

_PIECE: Final = 256 * 1024


class _MemoryDraft:
    """Bytes on their way in."""

    def __init__(self, store: MemoryStore) -> None:
        self._store = store
        self._buffer = io.BytesIO()

    def append(self, pieces: Iterable[bytes]) -> None:
        """Add pieces."""
        for piece in pieces:
            self._buffer.write(piece)

    def read(self) -> Iterator[bytes]:
        """Go over all bytes from the first."""
        yield self._buffer.getvalue()

    def keep(self, repository: str, digest: Digest) -> None:
        """Make the bytes a blob; BytesIO doesn't copy them for this."""
        self._store.add_blob(repository, digest, self._buffer.getvalue())

    def discard(self) -> None:
        """Drop the bytes."""
        self._buffer = io.BytesIO()


@dataclass(frozen=True, slots=True)
class _MemoryBlob:
    """A blob."""

    content: bytes

    @property
    def size(self) -> int:
        """Count of its bytes."""
        return len(self.content)

    def read(self, start: int, stop: int) -> Iterator[bytes]:
        """Read a part of it."""
        for offset in range(start, stop, _PIECE):
            yield self.content[offset : min(offset + _PIECE, stop)]


@dataclass(slots=True)
class _Repository:
    blobs: set[Digest] = field(default_factory=set[Digest])
    manifests: dict[Digest, Manifest | Index] = field(
        default_factory=dict[Digest, "Manifest | Index"]
    )
    tags: dict[str, Digest] = field(default_factory=dict[str, Digest])


class MemoryStore:
    """Keep everything in memory."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._contents: dict[Digest, Blob] = {}
        self._repositories: dict[str, _Repository] = {}

    def _look(self, repository: str) -> _Repository:
        return self._repositories.get(repository) or _Repository()

    def _make(self, repository: str) -> _Repository:
        return self._repositories.setdefault(repository, _Repository())

    def new_draft(self) -> Draft:
        """Begin to take bytes."""
        return _MemoryDraft(self)

    def add_blob(self, repository: str, digest: Digest, content: bytes) -> None:
        """Keep bytes that are at hand as a blob."""
        self.keep_blob(repository, digest, _MemoryBlob(content))

    def keep_blob(self, repository: str, digest: Digest, blob: Blob) -> None:
        """Keep a blob, unless its bytes are here already; then those."""
        with self._lock:
            self._contents.setdefault(digest, blob)
            self._make(repository).blobs.add(digest)

    def blob(self, repository: str, digest: Digest) -> Blob | None:
        """Look a blob up."""
        with self._lock:
            found = digest in self._look(repository).blobs
            return self._contents[digest] if found else None

    def mount_blob(self, digest: Digest, source: str, target: str) -> bool:
        """Show a blob in another repository."""
        with self._lock:
            if digest not in self._look(source).blobs:
                return False
            self._make(target).blobs.add(digest)
            return True

    def remove_blob(self, repository: str, digest: Digest) -> bool:
        """Take a blob out of a repository; with the last one its bytes go."""
        with self._lock:
            blobs = self._look(repository).blobs
            if digest not in blobs:
                return False
            blobs.remove(digest)
            if not any(digest in other.blobs for other in self._repositories.values()):
                del self._contents[digest]
            return True

    def add_manifest(self, repository: str, manifest: Manifest | Index, tag: str | None) -> None:
        """Keep a manifest."""
        with self._lock:
            kept = self._make(repository)
            kept.manifests[manifest.digest] = manifest
            if tag is not None:
                kept.tags[tag] = manifest.digest

    def manifest(self, repository: str, digest: Digest) -> Manifest | Index | None:
        """Look a manifest up."""
        with self._lock:
            return self._look(repository).manifests.get(digest)

    def manifests(self, repository: str) -> Iterator[Manifest | Index]:
        """Go over all manifests of a repository."""
        with self._lock:
            kept = dict(self._look(repository).manifests)
        return (kept[digest] for digest in sorted(kept))

    def remove_manifest(self, repository: str, digest: Digest) -> bool:
        """Remove a manifest and its tags."""
        with self._lock:
            kept = self._look(repository)
            if kept.manifests.pop(digest, None) is None:
                return False
            for tag in [tag for tag, target in kept.tags.items() if target == digest]:
                del kept.tags[tag]
            return True

    def tagged(self, repository: str, tag: str) -> Digest | None:
        """Look up what a tag points at."""
        with self._lock:
            return self._look(repository).tags.get(tag)

    def remove_tag(self, repository: str, tag: str) -> bool:
        """Remove a tag."""
        with self._lock:
            return self._look(repository).tags.pop(tag, None) is not None

    def tags(self, repository: str) -> Sequence[str] | None:
        """List the tags."""
        with self._lock:
            kept = self._repositories.get(repository)
            return None if kept is None else tuple(kept.tags)

    def repositories(self) -> Sequence[str]:
        """List the repositories."""
        with self._lock:
            return tuple(self._repositories)
