"""How far uploads have come, as a dialect has to tell its clients.

Rule: bytes are counted as they pass; the registry behind decides what becomes of them.
"""

from __future__ import annotations

import base64
import binascii
import threading
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from occystrap.oci.digest import Digest, Digester

__all__ = ["Progress", "Sessions", "TooLong", "is_any_state"]


class TooLong(Exception):
    """A chunk goes on after the most that a registry takes."""


@dataclass(slots=True)
class Progress:
    """One upload: where and what it is, how much has come, in how many chunks and in the first."""

    repository: str
    session: str
    size: int = 0
    chunks: int = 0
    first_chunk: int = 0
    #: Hashes of what has come, where that has to be known before the end.
    digesters: tuple[Digester, ...] = ()

    def count(self, pieces: Iterable[bytes], limit: int | None) -> Iterator[bytes]:
        """Pass the bytes of a chunk on.

        Raises:
            TooLong: there are more than `limit`.
        """
        start = self.size
        for piece in pieces:
            if limit is not None and self.size - start + len(piece) > limit:
                raise TooLong
            yield piece
            self.size += len(piece)  # not before it was taken
            for digester in self.digesters:
                digester.update(piece)

    def has(self, digest: Digest) -> bool:
        """Tell whether what has come has this digest."""
        return any(digester.digest == digest for digester in self.digesters)

    def done(self) -> None:
        """Take note that a chunk has come whole."""
        self.chunks += 1
        if self.chunks == 1:
            self.first_chunk = self.size

    def write(self, template: str) -> str:
        """Fill in a Range header."""
        return template.format(
            size=self.size, last=self.size - 1, first_chunk=max(self.first_chunk - 1, 0)
        )

    @property
    def state(self) -> str:
        """What makes a Location good for the next request only."""
        text = f'{self._name}"Offset":{self.size}}}'
        return base64.urlsafe_b64encode(text.encode()).decode()

    @property
    def _name(self) -> str:
        return f'{{"Name":"{self.repository}","UUID":"{self.session}",'

    def is_state(self, text: str | None) -> bool | None:
        """Tell whether that is the newest state; None for what never was one of this upload."""
        try:
            decoded = base64.urlsafe_b64decode(text or "").decode()
        except (binascii.Error, ValueError):
            return None
        return text == self.state if decoded.startswith(self._name) else None


def is_any_state(text: str | None) -> bool:
    """Tell whether that could be the state of an upload, whichever."""
    try:
        return base64.urlsafe_b64decode(text or "").startswith(b'{"Name":')
    except (binascii.Error, ValueError):
        return False


class Sessions:
    """All uploads that are under way; with `algorithms` what comes is hashed."""

    def __init__(self, algorithms: tuple[str, ...] = ()) -> None:
        self._algorithms = algorithms
        self._sessions: dict[tuple[str, str], Progress] = {}
        self._lock = threading.Lock()

    def open(self, repository: str, session: str) -> Progress:
        """Begin to count."""
        digesters = tuple(Digester(algorithm) for algorithm in self._algorithms)
        progress = Progress(repository, session, digesters=digesters)
        with self._lock:
            return self._sessions.setdefault((repository, session), progress)

    def find(self, repository: str, session: str) -> Progress | None:
        """Look an upload up."""
        with self._lock:
            return self._sessions.get((repository, session))

    def close(self, progress: Progress) -> None:
        """Forget an upload."""
        with self._lock:
            self._sessions.pop((progress.repository, progress.session), None)
