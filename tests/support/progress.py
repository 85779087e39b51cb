"""A progress that remembers what it was told."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from typing import Self

__all__ = ["CountingProgress"]


@dataclass
class CountingProgress:
    """Keeps the label and the total of each task, and counts the bytes of all of them."""

    tasks: list[tuple[str, int | None]] = field(default_factory=list[tuple[str, int | None]])
    count: int = 0
    lock: threading.Lock = field(default_factory=threading.Lock)

    def task(self, label: str, total: int | None) -> CountingProgress:
        """Begin a task."""
        self.tasks.append((label, total))
        return self

    def advance(self, count: int) -> None:
        """Count."""
        with self.lock:
            self.count += count

    def finish(self, note: str = "") -> None:
        """End a task."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: object, error: object, traceback: object) -> None:
        pass
