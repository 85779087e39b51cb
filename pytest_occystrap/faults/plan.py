"""The plan: which faults are laid, how often each has struck, and what stays behind of them.

Rule: a fault that has never struck tests nothing, so whoever lays one is told, unless it was said
that this may be. Several faults that strike the same request act one behind the other, the first
that was laid outermost.
"""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Final, final

from occystrap.server.message import Handler, Request, Response
from pytest_occystrap.faults.effect import Aftermath, Effect, Missed, Role, Scene, checked, describe
from pytest_occystrap.faults.roles import Roles
from pytest_occystrap.faults.traits import request_traits
from pytest_occystrap.faults.where import ALWAYS, Where, narrowed, parse_on
from pytest_occystrap.faults.wire import TlsBadCertificate, TlsStall

__all__ = ["Fault", "FaultPlan"]

Clock = Callable[[], float]
#: (request as it came, the fault in words)
Remark = Callable[[Request, str], None]

#: What strikes before there is a request, wherever there is a handshake.
_OF_HANDSHAKES: Final = (TlsBadCertificate, TlsStall)
_IN_PROCESS: Final = "in-process"


@final
@dataclass(slots=True, eq=False)
class Fault:
    """A fault that has been laid, by `FaultPlan.add`.

    `matched` counts the requests that it could strike, `struck` those that it did.
    """

    effect: Effect
    where: Where
    allow_unused: bool
    laid_at: float
    matched: int = 0
    struck: int = 0
    #: Strikes that hit nothing: the next requests are struck instead, whoever's turn it is.
    _owed: int = 0
    _dice: random.Random = field(init=False)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def __post_init__(self) -> None:
        self._dice = random.Random(self.where.seed)  # noqa: S311 - it has to be the same each time

    def is_due(self, now: float) -> bool:
        """Count a request that matches; True when it is to be struck."""
        where = self.where
        with self._lock:
            if where.times != ALWAYS and self.struck >= where.times:
                return False
            if now - self.laid_at < where.since:
                return False
            self.matched += 1
            due = self.matched == where.nth if where.nth else self.matched % where.every == 0
            if self._owed:
                self._owed -= 1
                due = True
            if not due or self._dice.random() >= where.probability:
                return False
            self.struck += 1
            return True

    def missed(self) -> None:
        """Take back a strike: there was nothing to hit."""
        with self._lock:
            self.struck -= 1
            self.matched -= 1
            self._owed += 1

    def __str__(self) -> str:
        return describe(self.effect)


@final
class FaultPlan:
    """The faults that are laid over some handlers, and the memory that they share.

    The clock gives seconds; `seed` makes what effects draw by chance.
    """

    def __init__(
        self, clock: Clock = time.time, *, seed: int = 0, remark: Remark = lambda *_: None
    ) -> None:
        self._clock = clock
        self._dice = random.Random(seed)  # noqa: S311 - it has to be the same each time
        self._remark = remark
        self._lock = threading.Lock()
        self._faults: list[Fault] = []
        self._aftermath: list[Aftermath] = []
        self._guards: list[Aftermath] = []

    def add(
        self, effect: Effect, on: str | Where = "*", *, allow_unused: bool = False, **more: Any
    ) -> Fault:
        """Lay a fault; `more` are fields of a Where, such as `times`, `nth` or `door`.

        Raises:
            occystrap.errors.InvalidOption: that is no place for a fault, or no effect.
        """
        where = narrowed(on, **more) if isinstance(on, Where) else parse_on(on, **more)
        fault = Fault(checked(effect), where, allow_unused, self._clock())
        with self._lock:
            self._faults.append(fault)
        return fault

    def clear(self) -> None:
        """Take all faults away, and what stayed behind of them."""
        with self._lock:
            self._faults.clear()
            self._aftermath.clear()

    @property
    def faults(self) -> Sequence[Fault]:
        """The faults, in the order in which they were laid."""
        with self._lock:
            return tuple(self._faults)

    @property
    def unused(self) -> Sequence[Fault]:
        """Faults that have never struck, though nobody said that this may be."""
        return [one for one in self.faults if not one.struck and not one.allow_unused]

    def guard(self, guard: Aftermath) -> None:
        """Let something see every request before any fault does, such as one that counts them."""
        with self._lock:
            self._guards.append(guard)

    def cover(self, inner: Handler, role: Role = Role.REGISTRY) -> Handler:
        """Lay the plan over a handler."""
        return _Faulty(self, inner, Roles(role))

    def greeter(self, role: Role = Role.REGISTRY) -> Callable[[str], None]:
        """Make what a listener calls when a connection begins."""

        def greet(client: str) -> None:
            request = Request("*", "*", client=client)
            for fault in self.faults:
                here = fault.where.role in (None, role) and fault.where.is_everywhere
                if here and isinstance(fault.effect, _OF_HANDSHAKES):
                    if not fault.is_due(self._clock()):
                        continue
                    fault.effect.strike(request, self._scene(_NOBODY, role))

        return greet

    def answer(self, request: Request, inner: Handler, role: Role) -> Response:
        """Answer a request as the plan has it."""
        handler: Handler = inner
        with self._lock:
            faults, aftermath = tuple(self._faults), tuple(self._aftermath)
            guards = tuple(self._guards)
        for remains in aftermath:
            handler = _After(remains, handler)
        chosen = list[_Struck]()
        for fault in reversed(faults):
            if self._strikes(fault, request, role):
                handler = _Struck(fault, self._scene(handler, role), self._remark)
                chosen.append(handler)
        for guard in guards:
            handler = _After(guard, handler)
        try:
            return handler.handle(request)
        finally:
            for one in chosen:
                if not one.was_asked:
                    one.fault.missed()

    def _strikes(self, fault: Fault, request: Request, role: Role) -> bool:
        effect = fault.effect
        if isinstance(effect, _OF_HANDSHAKES) and request.door != _IN_PROCESS:
            return False
        fits = fault.where.matches(request, role) and effect.needs <= request_traits(request, role)
        return fits and fault.is_due(self._clock())

    def _scene(self, inner: Handler, role: Role) -> Scene:
        return Scene(inner, role, self._clock, self._dice, self._remember)

    def _remember(self, remains: Aftermath) -> None:
        with self._lock:
            self._aftermath.append(remains)


@dataclass(frozen=True, slots=True)
class _Faulty:
    """A handler under a plan."""

    plan: FaultPlan
    inner: Handler
    roles: Roles

    def handle(self, request: Request) -> Response:
        """Answer as the plan has it."""
        response = self.plan.answer(request, self.inner, self.roles.role_of(request))
        self.roles.learn(response)
        return response


@dataclass(slots=True)
class _Struck:
    """A handler behind a fault that strikes, unless a fault in front of it doesn't ask."""

    fault: Fault
    scene: Scene
    remark: Remark
    was_asked: bool = False

    def handle(self, request: Request) -> Response:
        """Let the effect answer."""
        self.was_asked = True
        behind = _Behind(self.scene.inner)
        try:
            answer = self.fault.effect.strike(request, replace(self.scene, inner=behind))
        except Exception as error:
            if error is behind.raised:
                self.fault.missed()
                raise
            self.remark(request, str(self.fault))
            raise
        if isinstance(answer, Missed):
            self.fault.missed()
            return answer.response
        self.remark(request, str(self.fault))
        return answer


@dataclass(slots=True)
class _Behind:
    """The handler behind an effect; what it raises isn't the effect's doing."""

    inner: Handler
    raised: Exception | None = None

    def handle(self, request: Request) -> Response:
        """Answer as it does."""
        try:
            return self.inner.handle(request)
        except Exception as error:
            self.raised = error
            raise


@dataclass(frozen=True, slots=True)
class _After:
    """A handler behind what stayed of a fault."""

    remains: Aftermath
    inner: Handler

    def handle(self, request: Request) -> Response:
        """Let it answer, or let through."""
        return self.remains.handle(request, self.inner)


class _Nobody:
    def handle(self, request: Request) -> Response:
        """There is no request yet when a connection begins."""
        raise NotImplementedError(request)


_NOBODY: Final = _Nobody()
