"""The plan: whose turn it is to be struck."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from occystrap.server.message import Request, Response
from pytest_occystrap.clock import FakeClock
from pytest_occystrap.faults import (
    ALWAYS,
    FaultPlan,
    Where,
)
from tests.support.effects import GET, PLAIN, PUT, Calm, Miss, Say, statuses


@pytest.mark.parametrize(
    ("where", "struck"),
    [
        (Where(), "x........."),
        (Where(times=3), "xxx......."),
        (Where(times=ALWAYS), "xxxxxxxxxx"),
        (Where(nth=3), "..x......."),
        (Where(nth=3, times=ALWAYS), "..x......."),
        (Where(every=3, times=ALWAYS), "..x..x..x."),
        (Where(every=3, times=2), "..x..x...."),
        (Where(probability=0), ".........."),
        (Where(probability=1, times=ALWAYS), "xxxxxxxxxx"),
        (Where(method="PUT"), ".........."),
    ],
    ids=str,
)
def test_how_often(where: Where, struck: str) -> None:
    """Of the requests that match, some are struck."""
    plan = FaultPlan()
    fault = plan.add(Say(500), where)
    assert statuses(plan.cover(Calm()), 10) == struck
    assert fault.struck == struck.count("x")


def test_chance_is_the_same_each_time() -> None:
    """One dice a fault, made of its seed: others don't change what it says."""

    def run(seed: int, *, others: bool) -> str:
        plan = FaultPlan()
        if others:
            plan.add(Say(500), "PUT", probability=0.3, times=ALWAYS, seed=seed)
        plan.add(Say(500), "GET", probability=0.3, times=ALWAYS, seed=seed)
        covered = plan.cover(Calm())
        found = ""
        for _ in range(200):
            found += statuses(covered, 1)
            statuses(covered, 1, PUT)
        return found

    assert run(1, others=False) == run(1, others=True)
    assert run(1, others=False) != run(2, others=False)
    assert 30 < run(1, others=False).count("x") < 90


def test_since() -> None:
    """Counted from when the fault was laid; requests before that don't count."""
    clock = FakeClock()
    plan = FaultPlan(clock)
    clock.advance(100)
    fault = plan.add(Say(500), since=10, nth=2)
    covered = plan.cover(Calm())
    assert statuses(covered, 3) == "..."
    clock.advance(9)
    assert statuses(covered, 3) == "..."
    clock.advance(1)
    assert statuses(covered, 3) == ".x."
    assert (fault.matched, fault.struck) == (2, 1)


@pytest.mark.parametrize(
    ("where", "struck"),
    [
        (Where(), ".x........"),
        (Where(times=2), ".x.x......"),
        (Where(nth=3), "...x......"),
        (Where(every=4, times=2), "....x....x"),
    ],
    ids=str,
)
def test_a_strike_that_hits_nothing_is_given_to_the_next(where: Where, struck: str) -> None:
    """It doesn't count, whoever's turn it was."""
    plan = FaultPlan()
    fault = plan.add(Miss(), where)
    assert statuses(plan.cover(Calm()), 10) == struck
    assert fault.struck == struck.count("x")


def test_a_miss_while_others_pass() -> None:
    """A second request that comes in between isn't taken for the one that was to be struck."""
    plan, first_is_in, go_on = FaultPlan(), threading.Event(), threading.Event()

    class Slow(Calm):
        def handle(self, request: Request) -> Response:
            if request is held:
                first_is_in.set()
                assert go_on.wait(20)
            return super().handle(request)

    held = Request("GET", "/v2/")
    fault = plan.add(Miss(), nth=1)
    covered = plan.cover(Slow())
    with ThreadPoolExecutor(1) as pool:
        first = pool.submit(covered.handle, held)
        assert first_is_in.wait(20)
        assert statuses(covered, 1) == "."
        go_on.set()
        assert first.result(20).status == PLAIN
    assert statuses(covered, 3) == "x.."
    assert fault.struck == 1


def test_never_more_often_than_it_was_said() -> None:
    """However many threads there are, and however many faults."""
    plan = FaultPlan()
    twenty = plan.add(Say(500), "GET", times=20)
    thirds = plan.add(Say(500), "GET", every=3, times=ALWAYS)
    missing = plan.add(Miss(), "GET", times=20)
    covered, barrier = plan.cover(Calm()), threading.Barrier(16)

    def ask(_: int) -> None:
        barrier.wait(20)
        for _ in range(50):
            covered.handle(GET)

    with ThreadPoolExecutor(16) as pool:
        list(pool.map(ask, range(16)))
    assert (twenty.struck, missing.struck, thirds.struck) == (20, 20, 800 // 3)
    assert thirds.matched == 800
