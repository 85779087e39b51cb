"""How long a client in process waits, and what passes while it does.

Rule: silence that the client outlasts is slept through; silence that it doesn't costs no time.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from enum import Enum
from typing import Final

import httpx

__all__ = ["Passed", "Patience", "Phase", "Sleep", "ignore"]

Sleep = Callable[[float], object]
#: Told of seconds that the client has waited for nothing, though nobody slept.
Passed = Callable[[float], object]


class Phase(Enum):
    """What a client is waiting for; the names are those of httpx's timeouts."""

    CONNECT = "connect"
    READ = "read"
    WRITE = "write"


_TIMEOUTS: Final = {
    Phase.CONNECT: httpx.ConnectTimeout,
    Phase.READ: httpx.ReadTimeout,
    Phase.WRITE: httpx.WriteTimeout,
}


def ignore(_seconds: float) -> None:
    """Take no note of time that has passed."""


class Patience:
    """The timeouts of one request, in seconds; a phase without one lasts as long as it takes."""

    def __init__(self, timeouts: Mapping[str, float | None], sleep: Sleep, passed: Passed) -> None:
        self._timeouts = timeouts
        self._sleep = sleep
        self._passed = passed

    def wait(self, phase: Phase, seconds: float, silent: float = 0.0) -> None:
        """Let time go by in which nothing happens, after so many silent seconds before.

        Raises:
            httpx.TimeoutException: the client has had enough.
        """
        limit = self._timeouts.get(phase.value)
        if limit is not None and silent + seconds >= limit:
            self._passed(limit - silent)
            raise _TIMEOUTS[phase]("timed out")
        self._sleep(seconds)
