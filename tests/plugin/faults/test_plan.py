"""The plan: whose turn it is to be struck, in which order, and what is told of it."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import ClassVar

import pytest

from occystrap.server.message import FailHandshake, Handler, Request, ResetConnection, Response
from pytest_occystrap.clock import FakeClock
from pytest_occystrap.faults import (
    ALWAYS,
    FaultPlan,
    Role,
    Where,
    reset,
    tls_bad_certificate,
    tls_stall,
    truncate,
)
from pytest_occystrap.faults.effect import NO_NEEDS, Missed, Scene, Trait

GET = Request("GET", "/v2/org/app/manifests/1")
PUT = Request("PUT", "/v2/org/app/manifests/1")
PLAIN = 200


class Calm:
    """A registry with which all is well."""

    def handle(self, request: Request) -> Response:
        """Answer 200."""
        return Response(PLAIN)


@dataclass(frozen=True, slots=True)
class Say:
    """Answer with a status; what is behind is asked before, and its status kept in mind."""

    status: int
    heard: list[int] = field(default_factory=list[int])
    needs: ClassVar = NO_NEEDS

    def strike(self, request: Request, scene: Scene) -> Response | Missed:
        """Answer so."""
        self.heard.append(scene.inner.handle(request).status)
        return Response(self.status)


@dataclass(frozen=True, slots=True)
class Miss:
    """Strike only every second time that it is to, beginning with the second."""

    tries: list[int] = field(default_factory=list[int])
    needs: ClassVar = NO_NEEDS

    def strike(self, request: Request, scene: Scene) -> Response | Missed:
        """Answer 500, or say that there was nothing to strike."""
        self.tries.append(1)
        if len(self.tries) % 2:
            return Missed(scene.inner.handle(request))
        return Response(500)


def statuses(covered: Handler, count: int, request: Request = GET) -> str:
    """Ask so many times; a dot is an ordinary answer, an `x` one that was struck."""
    found = [covered.handle(request).status for _ in range(count)]
    return "".join("." if status == PLAIN else "x" for status in found)


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


def test_several_faults_of_one_request() -> None:
    """The first that was laid is outermost, and each hears what those behind it say."""
    plan = FaultPlan()
    outer, inner = Say(501), Say(502)
    plan.add(outer)
    plan.add(inner)
    covered = plan.cover(Calm())
    assert covered.handle(GET).status == 501
    assert (outer.heard, inner.heard) == ([502], [200])
    assert covered.handle(GET).status == 200


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
    missing = plan.add(Miss(), "GET", times=20)
    thirds = plan.add(Say(500), "GET", every=3, times=ALWAYS)
    covered, barrier = plan.cover(Calm()), threading.Barrier(16)

    def ask(_: int) -> None:
        barrier.wait(20)
        for _ in range(50):
            covered.handle(GET)

    with ThreadPoolExecutor(16) as pool:
        list(pool.map(ask, range(16)))
    assert (twenty.struck, missing.struck, thirds.struck) == (20, 20, 800 // 3)
    assert thirds.matched == 800


def test_what_was_never_used() -> None:
    """Whoever lays a fault that doesn't strike is told, unless it was said that this may be."""
    plan = FaultPlan()
    struck, unused = plan.add(Say(500)), plan.add(Say(501), "PUT")
    spare = plan.add(Say(502), "PUT", allow_unused=True)
    assert statuses(plan.cover(Calm()), 1) == "x"
    assert plan.unused == [unused]
    assert list(plan.faults) == [struck, unused, spare]
    plan.clear()
    assert (plan.faults, plan.unused) == ((), [])


@dataclass(frozen=True, slots=True)
class Haunt:
    """Answer 500, and from then on 404."""

    needs: ClassVar = NO_NEEDS

    def strike(self, request: Request, scene: Scene) -> Response | Missed:
        """Leave a ghost behind."""
        scene.remember(Ghost())
        return Response(500)


@dataclass(frozen=True, slots=True)
class Ghost:
    """What is left of a Haunt."""

    def handle(self, request: Request, inner: Handler) -> Response:
        """Answer 404 to whoever reads."""
        return Response(404) if request.method == "GET" else inner.handle(request)


def test_what_stays_behind() -> None:
    """It sees later requests behind all other faults, under every handler of the plan."""
    plan = FaultPlan()
    plan.add(Haunt(), "GET")
    registry, storage = plan.cover(Calm()), plan.cover(Calm(), Role.CDN)
    assert [registry.handle(GET).status for _ in range(2)] == [500, 404]
    assert (registry.handle(PUT).status, storage.handle(GET).status) == (200, 404)
    later = Say(501)
    plan.add(later)
    assert registry.handle(GET).status == 501
    assert later.heard == [404]
    plan.clear()
    assert registry.handle(GET).status == 200


def test_a_guard_sees_everything() -> None:
    """Before any fault does, and it may answer itself."""
    plan, seen = FaultPlan(), list[str]()

    class Guard:
        def handle(self, request: Request, inner: Handler) -> Response:
            seen.append(request.method)
            return Response(403) if request.method == "PUT" else inner.handle(request)

    plan.add(Say(500), times=ALWAYS)
    plan.guard(Guard())
    covered = plan.cover(Calm())
    assert [covered.handle(request).status for request in (GET, PUT)] == [500, 403]
    assert seen == ["GET", "PUT"]


def test_needs() -> None:
    """An effect strikes only requests that have what it needs."""

    @dataclass(frozen=True, slots=True)
    class Writing(Say):
        needs: ClassVar = frozenset({Trait.WRITE})

    plan = FaultPlan()
    fault = plan.add(Writing(500))
    covered = plan.cover(Calm())
    assert (statuses(covered, 2), fault.matched) == ("..", 0)
    assert statuses(covered, 2, PUT) == "x."


def test_remarks() -> None:
    """Told of each strike, also of one that breaks the connection; not of one that missed."""
    remarks = list[tuple[str, str]]()
    plan = FaultPlan(remark=lambda request, text: remarks.append((request.method, text)))
    plan.add(Say(500), "PUT")
    plan.add(Miss(), "GET")
    plan.add(tls_stall())
    in_process = Request("GET", "/v2/", door="in-process")
    covered = plan.cover(Calm())
    covered.handle(PUT)
    with pytest.raises(FailHandshake):
        covered.handle(in_process)
    assert remarks == [("PUT", "say 500 '[200]'"), ("GET", "tls_stall")]


def test_a_fault_behind_another() -> None:
    """Who only passes on that the connection breaks hasn't struck; its turn comes."""
    plan = FaultPlan()
    outer, inner = plan.add(truncate(at=1)), plan.add(reset())
    covered = plan.cover(Full())
    with pytest.raises(ResetConnection):
        covered.handle(GET)
    assert (outer.struck, inner.struck) == (0, 1)
    assert b"".join(covered.handle(GET).body) == b"f"
    assert outer.struck == 1


class Full:
    """A registry with something to say."""

    def handle(self, request: Request) -> Response:
        """Answer with a body."""
        return Response(PLAIN, body=(b"full",))


def test_handshakes() -> None:
    """They fail when a connection begins, for whom it isn't said which requests."""
    plan = FaultPlan()
    plan.add(tls_bad_certificate("expired"), "GET blob", allow_unused=True)
    anywhere = plan.add(tls_bad_certificate("wrong_name"), nth=2)
    storage = plan.add(tls_stall(5), "cdn")
    plan.add(Say(500))
    greet, greet_storage = plan.greeter(), plan.greeter(Role.CDN)
    greet("127.0.0.1")
    with pytest.raises(FailHandshake) as first:
        greet("127.0.0.1")
    assert first.value.kind.value == "wrong name"
    with pytest.raises(FailHandshake) as second:
        greet_storage("127.0.0.1")
    assert (second.value.kind.value, second.value.seconds) == ("silent", 5)
    greet("127.0.0.1")
    assert (anywhere.struck, storage.struck) == (1, 1)
    socket = Request("GET", "/v2/", door="http/1.1 tls")
    assert plan.cover(Calm()).handle(socket).status == 500
