"""The plan: which fault acts first, what stays behind of it, and what is told of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import pytest

from occystrap.server.message import FailHandshake, Handler, Request, ResetConnection, Response
from pytest_occystrap.faults import (
    ALWAYS,
    FaultPlan,
    Role,
    reset,
    tls_bad_certificate,
    tls_stall,
    truncate,
)
from pytest_occystrap.faults.effect import NO_NEEDS, Missed, Scene, Trait
from tests.support.effects import GET, PLAIN, PUT, Calm, Miss, Say, statuses


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


def test_a_fault_that_another_leaves_nothing_of() -> None:
    """It hasn't struck a request that never got to it; the next one is its."""
    plan = FaultPlan()
    first, second = plan.add(reset()), plan.add(Say(500))
    covered = plan.cover(Calm())
    with pytest.raises(ResetConnection):
        covered.handle(GET)
    assert (first.struck, second.struck) == (1, 0)
    assert statuses(covered, 3) == "x.."
    assert second.struck == 1


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
