"""A clock that moves only when someone sleeps, so that tests of waiting don't wait."""

from __future__ import annotations

import threading

__all__ = ["FakeClock"]


class FakeClock:
    """Time that passes by sleeping; `slept` lists for how long."""

    def __init__(self, now: float = 1000.0) -> None:
        self.now = now
        self.slept: list[float] = []
        self._lock = threading.Lock()

    def __call__(self) -> float:
        """Tell the time."""
        return self.now

    def sleep(self, seconds: float) -> None:
        """Let time pass."""
        with self._lock:
            self.slept.append(seconds)
            self.now += seconds
