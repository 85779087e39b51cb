"""The retry policy: a pure function of what happened."""

from __future__ import annotations

from email.utils import formatdate

import pytest
from hypothesis import given
from hypothesis import strategies as st

from occystrap.client.retry import RetryPolicy, Stop, Wait, parse_retry_after
from occystrap.errors import InvalidOption

NOW = 1_700_000_000.0


@given(st.integers(0, 50), st.floats(0, 1, exclude_max=True))
def test_n_retries_are_n_plus_one_attempts(retries: int, dice: float) -> None:
    """With N retries the first N failures lead on, and the next one is the last."""
    policy = RetryPolicy(retries, patience=1e9)
    decisions = [policy.decide(n, None, 0, dice) for n in range(1, retries + 2)]
    assert all(isinstance(decision, Wait) for decision in decisions[:-1])
    assert isinstance(decisions[-1], Stop)


@given(st.integers(1, 1000), st.floats(0, 1, exclude_max=True))
def test_delays_stay_below_their_ceiling(failures: int, dice: float) -> None:
    """The n-th delay is below base * 2**(n-1) and never above the cap."""
    decision = RetryPolicy(1000).decide(failures, None, 0, dice)
    assert isinstance(decision, Wait)
    assert 0 <= decision.seconds <= min(20, 0.25 * 2 ** min(failures - 1, 40))


def test_the_server_s_word_counts_before_our_own_delay() -> None:
    """Retry-After is waited out, never cut short."""
    decision = RetryPolicy().decide(1, 7.0, 0, 0.0)
    assert decision == Wait(7.0, told=True)


def test_an_absurd_retry_after_ends_the_attempts_at_once() -> None:
    """A server that asks for an hour is told to the user, not slept for."""
    decision = RetryPolicy().decide(1, 3600.0, 0, 0.5)
    assert decision == Stop("the server asks to come back in 3600 s")


def test_all_delays_of_an_operation_stay_within_patience() -> None:
    """An operation sleeps 120 s at the most, however many retries it has."""
    assert isinstance(RetryPolicy(99).decide(5, 50.0, 100.0, 0), Stop)


def test_negative_retries_are_refused() -> None:
    """A number of retries below 0 is an error."""
    with pytest.raises(InvalidOption):
        RetryPolicy(-1)


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        ("5", 5.0),
        (" 5 ", 5.0),
        ("1.5", 1.5),
        ("0", 0.0),
        (formatdate(NOW + 30, usegmt=True), 30.0),
        (formatdate(NOW - 30, usegmt=True), None),
        ("-1", None),
        ("soon", None),
        ("", None),
        ("١٢", None),
        ("1e9", None),
        (None, None),
        ("99999999999", 99999999999.0),
        ("Mon, 99 Foo 2026 99:99:99 GMT", None),
    ],
)
def test_retry_after_in_every_form(value: str | None, seconds: float | None) -> None:
    """Seconds and dates are read; what is junk, negative or past says nothing."""
    assert parse_retry_after(value, NOW) == seconds


@given(st.text())
def test_no_retry_after_crashes(value: str) -> None:
    """Any text is a number of seconds, or nothing."""
    seconds = parse_retry_after(value, NOW)
    assert seconds is None or seconds >= 0
