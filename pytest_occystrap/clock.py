"""A clock that tests move.

Rule: it begins in the present, since clients hold the dates that they are told against a clock of
their own. Docker and podman take a token of last year for expired, and never use one twice.
"""

from __future__ import annotations

import threading
import time

__all__ = ["FakeClock"]


class FakeClock:
    """Seconds since the epoch as the fake registry sees them: they pass only when a test says so.

    registry.clock.advance(301)  # every token of 300 seconds has expired
    """

    def __init__(self, now: float | None = None) -> None:
        self._now = float(int(time.time())) if now is None else now
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
