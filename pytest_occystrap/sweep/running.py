"""Running an operation once, in a world of its own, and keeping all that can be seen of it.

Rule: a run ends. Too many requests stop it, whatever the operation does with errors, and a command
that takes too long is killed.
"""

from __future__ import annotations

import contextlib
import logging
import subprocess
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from occystrap.server.message import Handler, Request, ResetConnection, Response
from pytest_occystrap.exchange import Exchange
from pytest_occystrap.faults.effect import Effect
from pytest_occystrap.faults.where import Where
from pytest_occystrap.sweep.world import Door, World, directory_tree, open_world

__all__ = [
    "CommandFailed",
    "Operation",
    "Outcome",
    "Prepare",
    "Stage",
    "TooManyRequests",
    "TookTooLong",
    "WrongResult",
]

#: What is swept: a function, or the words of a command with places in braces.
Operation = Callable[[World], object] | Sequence[str]
Prepare = Callable[[World], object]

_MOST_LINES: Final = 200
_IN_PROCESS: Final = "in-process"
_TRACEBACK: Final = "Traceback (most recent call last)"


class CommandFailed(Exception):
    """A command ended with an exit code other than 0, and said why."""


class TooManyRequests(BaseException):
    """An operation asks without end; it isn't an Exception, so that nobody takes it for one."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """All that can be seen of a run.

    `tree` is what is in its directory, `content` what is in its registry, `clock` how many seconds
    its clock has moved, and `seconds` how long it took.
    """

    value: object
    error: BaseException | None
    tree: Mapping[str, str]
    content: Mapping[str, str]
    exchanges: Sequence[Exchange]
    clock: float
    seconds: float
    leaks: Sequence[str]
    struck: int
    stopped: bool
    log: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Stage:
    """Where runs take place: `options` of the registry, what `prepare` puts there, the `door`.

    `bound` is the most seconds that a run may take, by the clock of its world or by ours.
    """

    options: Mapping[str, Any]
    prepare: Prepare | None
    door: Door
    bound: float
    check: Callable[[World, object], object] | None = None
    #: Most requests of a run; beyond, it is stopped.
    most: int = 2000
    environ: Mapping[str, str] | None = field(default=None, repr=False)

    def run(self, operation: Operation, faults: Sequence[tuple[Effect, Where]] = ()) -> Outcome:
        """Run an operation while these things go wrong."""
        with (
            tempfile.TemporaryDirectory(prefix="sweep-") as directory,
            open_world(self.options, Path(directory), self.door) as world,
        ):
            if self.prepare is not None:
                self.prepare(world)
            world.registry.clear_requests()
            laid = [world.registry.fault(effect, where) for effect, where in faults]
            limit = _Limit(self.most)
            world.registry.faults.guard(limit)
            with _listening() as log:
                value, error, seconds, clock = self._act(operation, world)
            return Outcome(
                value,
                error,
                directory_tree(world.directory),
                _content(world),
                world.registry.requests,
                clock,
                seconds,
                tuple(world.registry.leaks.values()),
                sum(bool(fault.struck) for fault in laid),
                limit.exceeded,
                tuple(log),
            )

    def _act(
        self, operation: Operation, world: World
    ) -> tuple[object, BaseException | None, float, float]:
        before, started = world.clock(), time.perf_counter()
        value: object = None
        error: BaseException | None = None
        try:
            if callable(operation):
                value = operation(world)
            else:
                self._command(operation, world)
        except (Exception, TooManyRequests) as caught:  # noqa: BLE001 - it's what the run came to
            error = caught
        # Before anybody looks: a check may ask the registry, too.
        seconds, clock = time.perf_counter() - started, world.clock() - before
        if error is None and self.check is not None:
            world.registry.faults.clear()
            try:
                self.check(world, value)
            except Exception as caught:  # noqa: BLE001 - AssertionError, or whatever it stumbles over
                error = WrongResult(caught)
        return value, error, seconds, clock

    def _command(self, words: Sequence[str], world: World) -> None:
        argv = [word.format(**world.words()) for word in words]
        try:
            done = subprocess.run(  # noqa: S603 - the caller's own command
                argv,
                cwd=world.directory,
                env=self.environ,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                timeout=self.bound,
                check=False,
            )
        except subprocess.TimeoutExpired as error:
            raise TookTooLong from error
        said = done.stdout.decode(errors="replace")
        if _TRACEBACK in said or done.returncode < 0:
            raise RuntimeError(f"it crashed ({done.returncode}): {said[-2000:]}")
        if done.returncode:
            raise CommandFailed(f"exit code {done.returncode}: {said.strip()[-500:]}")


class TookTooLong(Exception):
    """A command was ended, since it had taken all the time that it may."""


class WrongResult(Exception):
    """The operation ended well, and what it has made isn't right."""

    def __init__(self, cause: Exception) -> None:
        super().__init__(f"{type(cause).__name__}: {cause}")


def _content(world: World) -> dict[str, str]:
    registry = world.registry
    return {image.reference: image.digest for image in registry.images}


class _Limit:
    """Stops whoever makes more requests than that; over a socket nothing more is answered."""

    def __init__(self, most: int) -> None:
        self._left = most
        self._lock = threading.Lock()
        self.exceeded = False

    def handle(self, request: Request, inner: Handler) -> Response:
        """Let a request through, if it isn't one too many."""
        with self._lock:
            self._left -= 1
            self.exceeded = self._left < 0
        if not self.exceeded:
            return inner.handle(request)
        raise TooManyRequests if request.door == _IN_PROCESS else ResetConnection


@contextlib.contextmanager
def _listening() -> Iterator[list[str]]:
    """Keep what is logged, as far as it's about requests."""
    lines: list[str] = []
    handler = _Lines(lines)
    logger = logging.getLogger("occystrap")
    level = logger.level
    logger.addHandler(handler)
    logger.setLevel(logging.DEBUG)
    try:
        yield lines
    finally:
        logger.removeHandler(handler)
        logger.setLevel(level)


class _Lines(logging.Handler):
    def __init__(self, lines: list[str]) -> None:
        super().__init__()
        self._lines = lines

    def emit(self, record: logging.LogRecord) -> None:
        """Keep a message."""
        if len(self._lines) < _MOST_LINES and not record.name.startswith("occystrap.server"):
            self._lines.append(f"{record.levelname.lower()} {record.getMessage()}")
