"""Since when which tag points where: what a store doesn't keep, and some registries tell.

Rule: a look at the store shows what has changed since the last one, and dates it now. Whoever
changes the store behind the registry's back has to look before time passes.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass

from occystrap.oci.digest import Digest
from occystrap.server.store import ManifestStore

__all__ = ["TagHistory", "TagLife"]


@dataclass(slots=True)
class TagLife:
    """One tag for as long as it pointed at one manifest; times are seconds since 1970."""

    name: str
    digest: Digest
    start: int
    end: int | None = None


class TagHistory:
    """What tags there are and were, in each repository, the repositories in the order they came."""

    def __init__(self, store: ManifestStore, clock: Callable[[], float]) -> None:
        self._store = store
        self._clock = clock
        self._lives: dict[str, list[TagLife]] = {}
        self._lock = threading.Lock()

    def look(self) -> None:
        """Take note of what has changed."""
        now = int(self._clock())
        with self._lock:
            for repository in self._store.repositories():
                self._note(repository, now)

    def repositories(self) -> list[str]:
        """List the repositories, the oldest first."""
        self.look()
        with self._lock:
            return list(self._lives)

    def tags(self, repository: str) -> list[TagLife] | None:
        """List the lives of tags, the newest first; None when there is no such repository."""
        self.look()
        with self._lock:
            lives = self._lives.get(repository)
            if lives is None:
                return None
            newest = sorted(lives, key=lambda life: life.start)
        return newest[::-1]

    def last_modified(self, repository: str) -> int | None:
        """Tell when the newest of the tags that there are was set."""
        starts = [life.start for life in self.tags(repository) or () if life.end is None]
        return max(starts, default=None)

    def _note(self, repository: str, now: int) -> None:
        lives = self._lives.setdefault(repository, [])
        alive = {life.name: life for life in lives if life.end is None}
        there = {
            tag: digest
            for tag in self._store.tags(repository) or ()
            if (digest := self._store.tagged(repository, tag)) is not None
        }
        for name, life in alive.items():
            if there.get(name) != life.digest:
                life.end = now
        lives += [
            TagLife(name, digest, now)
            for name, digest in there.items()
            if name not in alive or alive[name].end is not None
        ]
