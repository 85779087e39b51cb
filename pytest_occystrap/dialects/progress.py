"""How far uploads have come, as a dialect has to tell its clients.

Rule: bytes are counted as they pass; the registry behind decides what becomes of them.
"""

from __future__ import annotations

import base64
import binascii
import threading
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

__all__ = ["Progress", "Sessions", "TooLong"]


class TooLong(Exception):
    """A chunk goes on after the most that a registry takes."""


@dataclass(slots=True)
class Progress:
    """One upload: its name, how many bytes have come, in how many chunks, and in the first."""

    session: str
    size: int = 0
    chunks: int = 0
    first_chunk: int = 0

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
        text = f'{{"UUID":"{self.session}","Offset":{self.size}}}'
        return base64.urlsafe_b64encode(text.encode()).decode()

    def is_state(self, text: str) -> bool | None:
        """Tell whether that is the newest state; None for what never was one."""
        try:
            decoded = base64.urlsafe_b64decode(text).decode()
        except (binascii.Error, ValueError):
            return None
        if not decoded.startswith(f'{{"UUID":"{self.session}",'):
            return None
        return text == self.state


class Sessions:
    """All uploads that are under way."""

    def __init__(self) -> None:
        self._sessions: dict[str, Progress] = {}
        self._lock = threading.Lock()

    def open(self, session: str) -> Progress:
        """Begin to count."""
        with self._lock:
            return self._sessions.setdefault(session, Progress(session))

    def find(self, session: str) -> Progress | None:
        """Look an upload up."""
        with self._lock:
            return self._sessions.get(session)

    def close(self, session: str) -> None:
        """Forget an upload."""
        with self._lock:
            self._sessions.pop(session, None)
