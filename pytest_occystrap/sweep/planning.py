"""The cases of a sweep: which fault at which exchange, told so that it can be found again.

Rule: an exchange is named by what it is about and how many of its kind came before, never by its
number, since parallel requests come in any order.
"""

from __future__ import annotations

import random
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from occystrap.oci.routes import RouteKind
from occystrap.server.message import Request
from pytest_occystrap.exchange import Exchange, shorten
from pytest_occystrap.faults.effect import Effect, Role, Trait, describe
from pytest_occystrap.faults.traits import request_traits
from pytest_occystrap.faults.where import ALWAYS, Where
from pytest_occystrap.sweep.catalogue import Expect, Row, SweepFault, faults_for

__all__ = ["Case", "draw_pairs", "list_cases", "rows_of", "world_name"]


@dataclass(frozen=True, slots=True)
class Case:
    """Faults of one run, each with the exchange that it is for."""

    struck: tuple[tuple[Exchange, Where, SweepFault], ...]

    @property
    def exchange(self) -> str:
        """Name the exchanges."""
        return " + ".join(_name(exchange) for exchange, _, _ in self.struck)

    @property
    def fault(self) -> str:
        """Write the faults."""
        return " + ".join(_text(fault) for _, _, fault in self.struck)

    @property
    def expected(self) -> str:
        """Say what may come of them; two may spoil an exchange so that nothing can be told."""
        expectations = {fault.expect for _, _, fault in self.struck}
        exchanges = {exchange.number for exchange, _, _ in self.struck}
        if len(expectations) > 1 or len(exchanges) < len(self.struck):
            return Expect.EITHER.value
        return expectations.pop().value


def rows_of(faults: Sequence[Row] | Sequence[Effect]) -> Sequence[Row]:
    """Let effects be rows of which anything may come."""
    return [
        one if isinstance(one, Row) else Row(lambda _, effect=one: [effect], expect=Expect.EITHER)  # type: ignore[misc]
        for one in faults
    ]


def world_name(door: str, options: Mapping[str, Any]) -> str:
    """Name a kind of world for a report."""
    said = [str(options[name]) for name in ("dialect", "auth") if options.get(name)]
    said += ["redirects"] if options.get("redirects") else []
    return ", ".join([*said, door])


def list_cases(exchanges: Sequence[Exchange], door: str, rows: Sequence[Row]) -> Iterator[Case]:
    """Yield each exchange with each fault that fits it."""
    tokens: set[str | None] = set()
    before: dict[Where, list[frozenset[Trait]]] = defaultdict(list)
    for exchange in exchanges:
        place = _place(exchange)
        role = place.role or Role.REGISTRY
        request = Request(exchange.method, exchange.path, exchange.query, exchange.headers)
        before[place].append(request_traits(request, role))
        token = exchange.headers.get("Authorization")
        fresh = token not in tokens
        tokens.add(token)
        for fault in faults_for(exchange, role, door, rows, fresh=fresh):
            # As the plan counts: those that the effect can strike.
            nth = sum(fault.effect.needs <= traits for traits in before[place])
            if fault.times != ALWAYS:
                yield Case(((exchange, replace(place, times=fault.times, nth=nth), fault),))
            elif nth == 1:
                yield Case(((exchange, replace(place, times=ALWAYS), fault),))


def draw_pairs(cases: Sequence[Case], count: int, dice: random.Random) -> list[Case]:
    """Draw pairs of faults that strike once."""
    once = [case.struck[0] for case in cases if case.struck[0][2].times != ALWAYS]
    if len(once) < 2:  # noqa: PLR2004 - a pair
        return []
    return [Case(tuple(dice.sample(once, 2))) for _ in range(count)]


def _place(exchange: Exchange) -> Where:
    """Say which requests are like this one, in whatever order they come."""
    role, route = _role(exchange), exchange.route
    if route is None or role is not Role.REGISTRY:
        digest = exchange.digest if role is Role.CDN else ""
        path = "*" if role is Role.CDN else exchange.path
        return Where(method=exchange.method, role=role, path=path, item=digest or "*")
    item = exchange.parameter("digest") or route.item
    if route.kind is RouteKind.UPLOAD and not exchange.parameter("digest"):
        item = "*"
    return Where(
        method=exchange.method,
        role=role,
        kind=route.kind.value,
        repository=route.repository or "*",
        item=item or "*",
    )


def _role(exchange: Exchange) -> Role:
    if exchange.part == "storage":
        return Role.CDN
    if exchange.route is not None:
        return Role.REGISTRY
    return Role.API if exchange.path.startswith("/api/") else Role.TOKEN


def _name(exchange: Exchange) -> str:
    role = _role(exchange)
    part = "" if role is Role.REGISTRY else f" ({role.value})"
    return shorten(f"#{exchange.number} {exchange.method} {exchange.target}{part}")


def _text(fault: SweepFault) -> str:
    return describe(fault.effect) + (" for ever" if fault.times == ALWAYS else "")
