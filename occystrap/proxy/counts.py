"""What a proxy has done, for its last words."""

from __future__ import annotations

import threading
from typing import final

__all__ = ["Counts"]


@final
class Counts:
    """Counts of manifests: begun, pushed, failed, and asked for; safe from any thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self.begun = self.pushed = self.failed = self.hits = self.misses = 0

    def count(
        self, *, begun: int = 0, pushed: int = 0, failed: int = 0, hits: int = 0, misses: int = 0
    ) -> None:
        """Add to the counts."""
        with self._lock:
            self.begun += begun
            self.pushed += pushed
            self.failed += failed
            self.hits += hits
            self.misses += misses

    def __str__(self) -> str:
        with self._lock:
            failed = self.begun - self.pushed  # those that were broken off among them
            return (
                f"Pushed {self.pushed} images ({failed} failed). Pulled"
                f" {self.hits + self.misses} images ({self.hits} cache hits, {self.misses} misses)."
            )
