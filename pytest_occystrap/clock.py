"""A clock that tests move."""

from __future__ import annotations

import threading
import time
from typing import Final

__all__ = ["FakeClock"]

_START: Final = 1_700_000_000.0


class FakeClock:
    """Seconds since the epoch as the fake registry sees them: they pass only when a test says so.

    registry.clock.advance(301)  # every token of 300 seconds has expired
    """

    def __init__(self, now: float = _START) -> None:
        self._now = now
        self._lock = threading.Lock()

    def __call__(self) -> float:
        """Tell the time."""
        return self._now

    def felt(self) -> float:
        """Tell the time as one feels it who waits by this clock: that of the machine goes on."""
        return time.perf_counter() + self._now

    def advance(self, seconds: float) -> None:
        """Let time pass."""
        with self._lock:
            self._now += seconds

    def __repr__(self) -> str:
        return f"FakeClock({self._now})"
