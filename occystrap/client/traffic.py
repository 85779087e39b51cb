"""What all requests of one run share: pace, pauses, retry budget, turns and counts.

Rule: one Traffic a run. However many threads, images and clients there are, the rate limit, the
pause that a host asked for and the patience with a failing host are common to all.
"""

from __future__ import annotations

import contextlib
import random
import threading
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, final

from occystrap.client.retry import RetryPolicy, Stop

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from occystrap.client.limiter import RateLimiter

__all__ = ["Attempts", "RequestStats", "Traffic"]

#: Retries that a host may cost at a time, for each retry that one request may have: some threads
#: can fail together, but a brown-out isn't answered with a multiple of the load.
_BUDGET_FACTOR: Final = 10


@final
class RequestStats:
    """Counts of a run."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self.requests = 0
        self.retries = 0
        self.rate_limits = 0

    def count(self, *, requests: int = 0, retries: int = 0, rate_limits: int = 0) -> None:
        """Add to the counts; safe from any thread."""
        with self._lock:
            self.requests += requests
            self.retries += retries
            self.rate_limits += rate_limits


@dataclass(slots=True)
class _Host:
    """What is known of a host: when it may be asked again, and how many retries it has left."""

    budget: float
    resume_at: float = 0.0
    lock: threading.Lock = field(default_factory=threading.Lock)


@final
class Traffic:
    """The manners of a run; clock, sleep and dice can be replaced."""

    def __init__(
        self,
        *,
        limiter: RateLimiter | None = None,
        policy: RetryPolicy | None = None,
        stats: RequestStats | None = None,
        clock: Callable[[], float] = time.monotonic,
        wall_clock: Callable[[], float] = time.time,
        sleep: Callable[[float], None] = time.sleep,
        dice: Callable[[], float] = random.random,
    ) -> None:
        self.limiter = limiter
        self.policy = policy or RetryPolicy()
        self.stats = stats or RequestStats()
        self.clock = clock
        self.wall_clock = wall_clock
        self.sleep = sleep
        self.dice = dice
        self._full_budget = float(_BUDGET_FACTOR * max(1, self.policy.retries))
        self._hosts: dict[str, _Host] = {}
        self._turns: dict[str, threading.Lock] = {}
        self._lock = threading.Lock()

    def depart(self, host: str) -> None:
        """Return when the next request to a host may leave, and count it."""
        known = self._host(host)
        while (wait := known.resume_at - self.clock()) > 0:
            self.sleep(wait)
        if self.limiter is not None:
            self.limiter.acquire()
        self.stats.count(requests=1)

    def arrived(self, host: str) -> None:
        """Note that a request to a host went well: its budget grows again."""
        known = self._host(host)
        with known.lock:
            known.budget = min(self._full_budget, known.budget + 1)

    def pause(self, host: str, seconds: float) -> None:
        """Let no request to a host leave for so long, whoever sends it."""
        known = self._host(host)
        with known.lock:
            known.resume_at = max(known.resume_at, self.clock() + seconds)

    def spend(self, host: str) -> bool:
        """Take one retry from the budget of a host; False when there is none left."""
        known = self._host(host)
        with known.lock:
            if known.budget < 1:
                return False
            known.budget -= 1
            return True

    def attempts(self, host: str) -> Attempts:
        """Begin to count the attempts of one operation."""
        return Attempts(self, host)

    @contextlib.contextmanager
    def alone(self, what: str) -> Iterator[None]:
        """Do something, such as the upload to a URL, while no other thread of the run does it."""
        with self._lock:
            turn = self._turns.setdefault(what, threading.Lock())
        with turn:
            yield

    def _host(self, host: str) -> _Host:
        with self._lock:
            return self._hosts.setdefault(host, _Host(self._full_budget))


@final
class Attempts:
    """The attempts of one operation against one host."""

    __slots__ = ("_asleep", "_host", "_traffic", "failures")

    def __init__(self, traffic: Traffic, host: str) -> None:
        self._traffic = traffic
        self._host = host
        self._asleep = 0.0
        self.failures = 0

    def again(self, retry_after: float | None = None) -> Stop | None:
        """Note a failure that may be repeated, and wait; a Stop says not to repeat it."""
        self.failures += 1
        traffic = self._traffic
        decision = traffic.policy.decide(self.failures, retry_after, self._asleep, traffic.dice())
        if isinstance(decision, Stop):
            return decision
        if not traffic.spend(self._host):
            return Stop(f"gave up: too many requests to {self._host} fail")
        self._asleep += decision.seconds
        traffic.stats.count(retries=1)
        if decision.told:
            # The next departure waits; so do those of all other threads.
            traffic.pause(self._host, decision.seconds)
        else:
            traffic.sleep(decision.seconds)
        return None

    def progressed(self) -> None:
        """Forget earlier failures: the operation has come on since."""
        self.failures = 0
        self._asleep = 0.0
