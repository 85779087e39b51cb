"""How fast requests may leave.

Rule: the lock is held to compute, never to sleep; whoever asks first goes first.
"""

from __future__ import annotations

import math
import threading
import time
from typing import TYPE_CHECKING, final

from occystrap.errors import InvalidOption

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["RateLimiter"]


@final
class RateLimiter:
    """A token bucket of `rate` requests a second that holds `burst` tokens.

    Every caller reserves the next free moment and sleeps until then, outside the lock: callers
    leave in the order in which they came, at least `1 / rate` seconds apart once the bucket is
    empty. (This is the generic cell rate algorithm.)

    Raises:
        InvalidOption: the rate isn't a number above 0, or the burst isn't at least 1.
    """

    __slots__ = ("_clock", "_free_at", "_interval", "_lock", "_slack", "_sleep", "rate")

    def __init__(
        self,
        rate: float,
        *,
        burst: int = 1,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        if not (math.isfinite(rate) and rate > 0 and burst >= 1):
            raise InvalidOption(f"a rate limit is a number of requests above 0, not {rate}")
        self.rate = rate
        self._interval = 1.0 / rate
        self._slack = (burst - 1) * self._interval
        self._clock = clock
        self._sleep = sleep
        self._lock = threading.Lock()
        self._free_at = -math.inf

    def acquire(self) -> None:
        """Return when the next request may leave."""
        wait = self._reserve()
        if wait > 0:
            self._sleep(wait)

    def _reserve(self) -> float:
        with self._lock:
            now = self._clock()
            slot = max(now - self._slack, self._free_at)
            self._free_at = slot + self._interval
        return slot - now
