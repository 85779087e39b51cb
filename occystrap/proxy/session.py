"""What was pushed to the proxy: blobs in files, as few as the limit says.

Rule: what a push under way counts on stays. The rest goes, what was used longest ago first, and
before a byte too many is written the push is refused that would bring it.
"""

from __future__ import annotations

import errno
import threading
import time
from collections import OrderedDict
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, final

from occystrap.server.directory_store import DirectoryStore

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from pathlib import Path

    from occystrap.oci.digest import Digest
    from occystrap.server.store import Blob, Draft

__all__ = ["SessionStore"]

#: So long may a push take from one request about a blob to the next, in seconds.
_PATIENCE: Final = 3600.0


@final
@dataclass(slots=True)
class _Kept:
    """A blob: in which repositories, and whether each of them has been served with it."""

    size: int
    touched: float
    repositories: dict[str, bool] = field(default_factory=dict[str, bool])
    pins: int = 0

    def may_go(self, now: float) -> bool:
        """Whether nobody counts on it."""
        if self.pins:
            return False
        return all(self.repositories.values()) or self.touched + _PATIENCE < now


@final
class SessionStore:
    """Blobs in a directory of its own, which holds at most `limit` bytes; None is no limit.

    With `keep` blobs stay after they were delivered, for as long as there is room: who pushes them
    again needn't send them.
    """

    def __init__(
        self,
        directory: Path,
        *,
        limit: int | None = None,
        keep: bool = False,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._files = DirectoryStore(directory)
        self._limit = limit
        self._keep = keep
        self._clock = clock
        self._kept: OrderedDict[Digest, _Kept] = OrderedDict()
        self._used = 0
        self._lock = threading.Lock()

    @property
    def used(self) -> int:
        """How many bytes there are, those on their way in among them."""
        with self._lock:
            return self._used

    def new_draft(self) -> Draft:
        """Begin to take bytes."""
        return _CountedDraft(self, self._files.new_draft())

    def blob(self, repository: str, digest: Digest) -> Blob | None:
        """Look a blob up."""
        with self._lock:
            self._touch(digest)
            return self._files.blob(repository, digest)

    def mount_blob(self, digest: Digest, source: str, target: str) -> bool:
        """Show a blob of one repository in another, where somebody counts on it now."""
        with self._lock:
            if not self._files.mount_blob(digest, source, target):
                return False
            self._kept[digest].repositories[target] = False
            self._touch(digest)
            return True

    def promise(self, repository: str, digest: Digest) -> None:
        """Note that somebody was told that the blob is here, and counts on it."""
        with self._lock:
            kept = self._kept.get(digest)
            if kept is not None and repository in kept.repositories:
                kept.repositories[repository] = False

    @contextmanager
    def delivering(self, repository: str, digests: Iterable[Digest]) -> Iterator[None]:
        """Keep blobs while an image is delivered; when it is, they may go."""
        with self._lock:
            pinned = [digest for digest in dict.fromkeys(digests) if digest in self._kept]
            for digest in pinned:
                self._kept[digest].pins += 1
        is_delivered = False
        try:
            yield
            is_delivered = True
        finally:
            with self._lock:
                for digest in pinned:
                    kept = self._kept[digest]
                    kept.pins -= 1
                    if is_delivered and repository in kept.repositories:
                        kept.repositories[repository] = True
                    if not self._keep and kept.may_go(self._clock()):
                        self._remove(digest)
                self._make_room()

    def check_room(self) -> None:
        """See that there is room for more, and make some if there isn't.

        Raises:
            OSError: there is none, for pushes under way have it all.
        """
        with self._lock:
            if not self._make_room():
                limit = f"the disk limit of {self._limit} bytes is used up by pushes under way"
                raise OSError(errno.ENOSPC, limit)

    def count(self, size: int) -> None:
        """Add to the bytes that there are."""
        with self._lock:
            self._used += size

    def keep_draft(self, draft: Draft, size: int, repository: str, digest: Digest) -> None:
        """Make a draft of so many bytes a blob; it is no longer counted as a draft."""
        with self._lock:
            draft.keep(repository, digest)
            kept = self._kept.get(digest)
            if kept is None:
                kept = self._kept[digest] = _Kept(size, 0)
            else:
                self._used -= size
            kept.repositories[repository] = False
            self._touch(digest)

    def _touch(self, digest: Digest) -> None:
        kept = self._kept.get(digest)
        if kept is not None:
            kept.touched = self._clock()
            self._kept.move_to_end(digest)

    def _make_room(self) -> bool:
        """Remove what may go until the limit is kept; False if it can't be."""
        if self._limit is None:
            return True
        now = self._clock()
        for digest in list(self._kept) if self._used >= self._limit else ():
            if self._kept[digest].may_go(now):
                self._remove(digest)
            if self._used < self._limit:
                return True
        return self._used < self._limit

    def _remove(self, digest: Digest) -> None:
        kept = self._kept.pop(digest)
        self._used -= kept.size
        for repository in kept.repositories:
            self._files.remove_blob(repository, digest)
        self._files.remove_content(digest)


@final
class _CountedDraft:
    """Bytes on their way in, counted as they come."""

    def __init__(self, store: SessionStore, draft: Draft) -> None:
        self._store = store
        self._draft = draft
        self._size = 0

    def append(self, pieces: Iterable[bytes]) -> None:
        """Add pieces."""
        self._draft.append(self._counted(pieces))

    def _counted(self, pieces: Iterable[bytes]) -> Iterator[bytes]:
        for piece in pieces:
            self._store.check_room()
            self._store.count(len(piece))
            self._size += len(piece)
            yield piece

    def read(self) -> Iterator[bytes]:
        """Go over all bytes from the first."""
        return self._draft.read()

    def keep(self, repository: str, digest: Digest) -> None:
        """Make the bytes a blob."""
        self._store.keep_draft(self._draft, self._size, repository, digest)
        self._size = 0

    def discard(self) -> None:
        """Drop the bytes."""
        self._draft.discard()
        self._store.count(-self._size)
        self._size = 0
