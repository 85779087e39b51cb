"""A sweep finds each kind of client that does what none may."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any

import httpx
import pytest

from occystrap.oci.digest import Digest
from pytest_occystrap.faults import (
    ALWAYS,
    close,
    commit_then_drop_answer,
    corrupt,
    expire_token,
    status,
)
from pytest_occystrap.faults.effect import Effect
from pytest_occystrap.sweep import Expect, Row, SweepReport, Verdict, World, fault_sweep

MANIFEST = "/v2/app/manifests/1"
CONTENT = b"some bytes"
DIGEST = Digest.of(CONTENT)


class AskedTooOften(Exception):
    """What no sweep was told to expect."""


def judge(operation: Callable[[World], object], fault: Effect, **options: Any) -> SweepReport:
    """Sweep a client that reads the manifest `app:1`, or pushes, with one fault."""
    refused = [httpx.HTTPError]
    return fault_sweep(operation, faults=[fault], images=["app:1"], refused=refused, **options)


def whys(report: SweepReport) -> set[str]:
    """Return what was found, in short."""
    return {case.why[:40] for case in report.violations}


def test_a_client_that_does_well() -> None:
    """It refuses cleanly, or asks again: neither is a violation."""

    def careful(world: World) -> bytes:
        answer = world.client.get(MANIFEST)
        if answer.status_code == 503:
            answer = world.client.get(MANIFEST)
        return answer.raise_for_status().content

    assert judge(careful, status(404)).count(Verdict.REFUSED) == 1
    assert judge(careful, status(503)).count(Verdict.RECOVERED) == 1


def test_wrong_bytes() -> None:
    """A client that checks no digest takes what came."""

    def trusting(world: World) -> bytes:
        return world.client.get(MANIFEST).content

    assert {why[:14] for why in whys(judge(trusting, corrupt(at=9)))} == {"a wrong result"}


def test_an_undeclared_error() -> None:
    """A client that raises what nobody expects of it."""

    def surprising(world: World) -> None:
        if not world.client.get(MANIFEST).is_success:
            raise AskedTooOften

    (why,) = whys(judge(surprising, status(500)))
    assert why.startswith("an error that is none of those declared")


def test_a_partial_file() -> None:
    """A client that fails and leaves what it has begun."""

    def messy(world: World) -> None:
        with (world.directory / "manifest.json").open("wb") as file:
            file.write(b"{")
            file.write(world.client.get(MANIFEST).raise_for_status().content)

    assert whys(judge(messy, status(404))) == {"it left a partial file: manifest.json"}


def test_a_client_without_patience_for_its_own_end() -> None:
    """One that waits for hours, and one that asks for ever."""

    def patient(world: World) -> None:
        while not world.client.get(MANIFEST).is_success:
            world.sleep(3600)

    def stubborn(world: World) -> None:
        while not world.client.get(MANIFEST).is_success:
            pass

    (why,) = whys(judge(patient, status(429)))
    assert why.startswith("it took 3600 s, more than 900")
    for_ever = [Row(lambda measures: [status(500)], times=ALWAYS, expect=Expect.EITHER)]
    report = fault_sweep(stubborn, faults=for_ever, images=["app:1"])
    assert whys(report) == {"it asks without end"}


def test_a_command_that_hangs() -> None:
    """It is ended, and it is said why."""
    script = (
        "import sys, time, urllib.request as r\n"
        "try: r.urlopen(sys.argv[1] + '/v2/').read()\n"
        "except OSError: time.sleep(60)"
    )
    words = [sys.executable, "-c", script, "{url}"]
    report = fault_sweep(words, faults=[status(500)], door="http/1.1", bound=1.0)
    assert whys(report) == {"it took more than 1 s"}


def test_more_requests_than_the_budget() -> None:
    """A client that asks again where it needn't."""

    def nervous(world: World) -> None:
        for _ in range(20):
            if world.client.get(MANIFEST).is_success:
                continue

    def calm_in_peace(world: World) -> None:
        if not world.client.get(MANIFEST).is_success:
            nervous(world)

    (why,) = whys(judge(calm_in_peace, status(500)))
    assert why == "20 more requests than in peace"


def test_a_leak() -> None:
    """A client that takes its password along to another host, if only when that one is busy."""

    def careless(world: World) -> bytes:
        login = next(iter(world.registry.accounts.items()))
        manifest = world.client.get(MANIFEST, auth=login).raise_for_status().json()
        answer = world.client.get(f"/v2/app/blobs/{manifest['config']['digest']}", auth=login)
        place = answer.headers["Location"]
        content = world.client.get(place)
        return (content if content.is_success else world.client.get(place, auth=login)).content

    options = {"auth": "basic", "redirects": True}
    found = whys(judge(careless, status(500), **options))
    assert any(why.startswith("credentials leaked") for why in found)


def push(world: World, attempts: int, *, ask: bool) -> None:
    """Push a blob; `ask` whether it is there before it is sent again."""
    for _ in range(attempts):
        if ask and world.client.head(f"/v2/app/blobs/{DIGEST}").is_success:
            return
        place = world.client.post("/v2/app/blobs/uploads/").headers["Location"]
        try:
            world.client.put(place, params={"digest": str(DIGEST)}, content=CONTENT)
        except httpx.TransportError:
            continue
        return
    raise httpx.HTTPError("no answer")


@pytest.mark.parametrize("ask", [True, False])
def test_a_blob_that_is_sent_again(ask: bool) -> None:
    """It is a violation unless the client has asked, and was told that it isn't there."""
    report = judge(lambda world: push(world, 2, ask=ask), commit_then_drop_answer())
    found = [case.why.partition(" ")[2] for case in report.violations]
    assert found == ([] if ask else ["was sent again although it was there"])
    closed = judge(lambda world: push(world, 2, ask=ask), close())
    assert not [case for case in closed.violations if "sent again" in case.why]


def test_tokens_that_end_at_their_first_use() -> None:
    """Where requests come in another order than in peace, a client may refuse that."""
    runs = [0]

    def pull(world: World) -> None:
        challenge = world.client.get("/v2/").headers["WWW-Authenticate"]
        realm = challenge.partition('realm="')[2].partition('"')[0]
        scope = {"scope": "repository:app:pull"}
        login = next(iter(world.registry.accounts.items()))
        token = world.client.get(realm, params=scope, auth=login).json()
        bearer = {"Authorization": f"Bearer {token['token']}"}
        if not runs[0]:
            world.client.get(MANIFEST, headers=bearer).raise_for_status()
        runs[0] += 1
        world.client.get("/v2/app/tags/list", headers=bearer).raise_for_status()

    report = judge(pull, expire_token(), auth="bearer")
    (case,) = [each for each in report.cases if "tags/list" in each.exchange]
    assert (case.verdict, case.expected) == (Verdict.REFUSED, "recovered or refused")


def test_a_fault_that_strikes_nothing() -> None:
    """Where no token was asked for none can expire: such a run says nothing."""

    def anonymous(world: World) -> None:
        world.client.get(MANIFEST).raise_for_status()

    assert judge(anonymous, expire_token()).cases == ()
