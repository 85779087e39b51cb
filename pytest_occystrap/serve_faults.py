"""`occystrap registry serve --fault`: a registry at which things go wrong, for any client.

Rule: one plan covers all that is served, storage beside the registry included. Whoever runs it is
told of each strike.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, Final
from weakref import WeakKeyDictionary

import click

from occystrap.commands.serving import Extension, Serving
from occystrap.commands.variables import CommandOption
from occystrap.errors import InvalidOption
from occystrap.oci.redaction import redact_url
from occystrap.server.message import Handler, Request
from occystrap.server.registry import Registry
from pytest_occystrap.faults.effect import Role
from pytest_occystrap.faults.grammar import parse_fault
from pytest_occystrap.faults.plan import FaultPlan
from pytest_occystrap.faults.presets import PRESETS, find_preset

if TYPE_CHECKING:
    from occystrap.server.doors.opening import Greet

__all__ = ["ServeFaults"]

#: Below the name whose messages the command line shows.
_LOG: Final = logging.getLogger("occystrap.faults")


def _checked(read: Callable[[str], object]) -> Callable[..., tuple[str, ...]]:
    def check(ctx: click.Context, param: click.Parameter, values: tuple[str, ...]) -> Any:
        for value in values:
            try:
                read(value)
            except InvalidOption as error:
                raise click.BadParameter(str(error), ctx, param) from error
        return values

    return check


def _options() -> tuple[click.Option, ...]:
    """Make the options, anew for each command: click keeps them as its own."""
    return (
        CommandOption(
            ["--fault"],
            metavar="[PLACE: ]EFFECT",
            multiple=True,
            callback=_checked(parse_fault),
            help="Let this go wrong, such as 'GET blob: reset after=65536 times=2'."
            " Can be repeated.",
        ),
        CommandOption(
            ["--bad-day"],
            metavar="NAME",
            multiple=True,
            callback=_checked(find_preset),
            help=f"Let all this go wrong: {', '.join(PRESETS)}. Can be repeated.",
        ),
    )


def _remark(request: Request, fault: str) -> None:
    _LOG.info("fault: %s %s: %s", request.method, redact_url(request.path), fault)


class ServeFaults(Extension):
    """The options of `occystrap registry serve` that lay faults over it.

    The clock gives seconds since 1970.
    """

    def __init__(self, clock: Callable[[], float] = time.time) -> None:
        self._clock = clock
        self._plans: WeakKeyDictionary[Registry, FaultPlan] = WeakKeyDictionary()
        self.options = _options()

    def around(self, handler: Handler, serving: Serving, chosen: Mapping[str, Any]) -> Handler:
        """Lay them over all that answers."""
        return self._plan(serving, chosen).cover(handler)

    def beside(self, handler: Handler, serving: Serving, chosen: Mapping[str, Any]) -> Handler:
        """Lay them over storage."""
        return self._plan(serving, chosen).cover(handler, Role.CDN)

    def greeter(self, serving: Serving, chosen: Mapping[str, Any], *, beside: bool) -> Greet | None:
        """Let handshakes go wrong."""
        return self._plan(serving, chosen).greeter(Role.CDN if beside else Role.REGISTRY)

    def _plan(self, serving: Serving, chosen: Mapping[str, Any]) -> FaultPlan:
        """Make the plan of what is served, once."""
        plan = self._plans.get(serving.registry)
        if plan is None:
            plan = self._plans[serving.registry] = FaultPlan(self._clock, remark=_remark)
            laid = [parse_fault(text) for text in chosen["fault"]]
            laid += [one for name in chosen["bad_day"] for one in find_preset(name)]
            for one in laid:
                plan.add(one.effect, one.where)
        return plan
