"""The rate limiter: pace, order, and what it refuses."""

from __future__ import annotations

import math
import threading
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from occystrap.client.limiter import RateLimiter
from occystrap.errors import InvalidOption
from tests.support.clock import FakeClock


@given(st.floats(0.1, 1000), st.integers(1, 5), st.lists(st.floats(0, 3), max_size=30))
def test_no_window_holds_more_than_rate_and_burst(
    rate: float, burst: int, pauses: list[float]
) -> None:
    """However callers come, any window of t seconds sees at most burst + rate * t departures."""
    clock = FakeClock()
    limiter = RateLimiter(rate, burst=burst, clock=clock, sleep=clock.sleep)
    departures: list[float] = []
    for pause in pauses:
        clock.now += pause
        limiter.acquire()
        departures.append(clock.now)
    for first in range(len(departures)):
        for last in range(first, len(departures)):
            window = departures[last] - departures[first]
            assert last - first + 1 <= burst + rate * window + 1e-3


def test_an_idle_limiter_lets_the_first_request_go_at_once() -> None:
    """A limiter that nobody used makes nobody wait."""
    clock = FakeClock()
    RateLimiter(1, clock=clock, sleep=clock.sleep).acquire()
    assert clock.slept == []


def test_a_sleeping_caller_doesn_t_hold_the_lock() -> None:
    """While one caller sleeps, others can still reserve their places, in the order they came."""
    asleep, go_on = threading.Event(), threading.Event()
    waits: list[float] = []

    def sleep(seconds: float) -> None:
        waits.append(seconds)
        if len(waits) == 1:
            asleep.set()
            assert go_on.wait(10)

    limiter = RateLimiter(1, clock=lambda: 0.0, sleep=sleep)
    limiter.acquire()
    sleeper = threading.Thread(target=limiter.acquire)
    sleeper.start()
    assert asleep.wait(10)
    limiter.acquire()
    go_on.set()
    sleeper.join()
    assert waits == [1.0, 2.0]


def test_real_time_is_kept() -> None:
    """With the clock of the machine, ten requests at 200 a second take at least 45 ms."""
    limiter = RateLimiter(200)
    begin = time.monotonic()
    for _ in range(10):
        limiter.acquire()
    assert time.monotonic() - begin >= 9 / 200


@pytest.mark.parametrize("rate", [0, -1, math.nan, math.inf])
def test_a_rate_that_is_none_is_refused(rate: float) -> None:
    """A rate limit that isn't a number above 0 is an error, not a limiter that never lets go."""
    with pytest.raises(InvalidOption, match="above 0"):
        RateLimiter(rate)
