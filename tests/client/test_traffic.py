"""What the requests of a run share."""

from __future__ import annotations

from typing import Any

from occystrap.client.retry import RetryPolicy, Stop
from occystrap.client.traffic import Traffic
from tests.support.clock import FakeClock


def make(clock: FakeClock, **policy: Any) -> Traffic:
    """Make a Traffic with a policy, whose time passes by sleeping."""
    return Traffic(
        policy=RetryPolicy(**policy),
        clock=clock,
        wall_clock=clock,
        sleep=clock.sleep,
        dice=lambda: 0.5,
    )


def test_a_pause_holds_for_every_request_to_the_host() -> None:
    """When a host asks for a pause, other operations wait as well, and other hosts don't."""
    clock = FakeClock()
    traffic = make(clock)
    assert traffic.attempts("a:443").again(retry_after=10) is None
    traffic.depart("b:443")
    assert clock.slept == []
    traffic.depart("a:443")
    assert clock.slept == [10 * 1.05]


def test_the_budget_of_a_host_ends_a_storm_of_retries() -> None:
    """Twenty operations that fail together cost ten retries for each one allowed, not all."""
    clock = FakeClock()
    traffic = make(clock, retries=3)
    stops = [traffic.attempts("a:443").again() for _ in range(40)]
    assert stops[:30] == [None] * 30
    assert all(isinstance(stop, Stop) and "too many requests" in stop.reason for stop in stops[30:])


def test_success_gives_the_budget_back() -> None:
    """A host that answers again may be asked again."""
    traffic = make(FakeClock(), retries=1)
    for _ in range(10):
        traffic.spend("a:443")
    assert not traffic.spend("a:443")
    traffic.arrived("a:443")
    assert traffic.spend("a:443")


def test_progress_starts_the_count_again() -> None:
    """An operation that came on since its last failure has all its attempts again."""
    traffic = make(FakeClock(), retries=1)
    attempts = traffic.attempts("a:443")
    assert attempts.again() is None
    attempts.progressed()
    assert attempts.again() is None
    assert isinstance(attempts.again(), Stop)


def test_the_counts_are_kept() -> None:
    """Requests and retries are counted for the summary."""
    traffic = make(FakeClock())
    traffic.depart("a:443")
    traffic.attempts("a:443").again()
    assert (traffic.stats.requests, traffic.stats.retries) == (1, 1)
