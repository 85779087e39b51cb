"""One at a time, by name."""

from __future__ import annotations

import threading
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, final

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["Turns"]


@final
@dataclass(slots=True)
class _Turn:
    waiting: int = 0
    lock: threading.Lock = field(default_factory=threading.Lock)


@final
class Turns:
    """Locks that are there while somebody wants them."""

    def __init__(self) -> None:
        self._turns: dict[str, _Turn] = {}
        self._lock = threading.Lock()

    @contextmanager
    def alone(self, name: str) -> Iterator[None]:
        """Wait until nobody else is at what the name names."""
        with self._lock:
            turn = self._turns.setdefault(name, _Turn())
            turn.waiting += 1
        try:
            with turn.lock:
                yield
        finally:
            with self._lock:
                turn.waiting -= 1
                if not turn.waiting:
                    del self._turns[name]

    @property
    def names(self) -> list[str]:
        """What somebody is at, or waits for."""
        with self._lock:
            return list(self._turns)
