"""Effects on time: late, slow, in small pieces, or not at all.

Rule: nobody sleeps here. A door is told how long to be silent, and in process no time passes but on
the clock of the test.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from typing import ClassVar, Final

from occystrap.server import signals
from occystrap.server.message import Request, Response
from pytest_occystrap.faults.effect import NO_NEEDS, Missed, Scene, Trait
from pytest_occystrap.faults.reshaping import body_length, inserted, reshaped
from pytest_occystrap.faults.values import Natural, Positive, Seconds

__all__ = ["Drip", "Latency", "NeverRead", "Slice", "Slow", "Stall"]

_BODY: Final = frozenset({Trait.ANSWER_BODY})
#: Bodies of a rate go out so many times a second.
_TICKS: Final = 10


@dataclass(frozen=True, slots=True)
class Stall:
    """Fall silent for some seconds behind byte `at` of the body; without it, before the answer."""

    at: Natural | None = None
    seconds: Seconds = 3600.0
    needs: ClassVar = NO_NEEDS

    def strike(self, request: Request, scene: Scene) -> Response | Missed:
        """Answer, but not now."""
        response = scene.inner.handle(request)
        if self.at is None:
            return replace(response, delay=response.delay + self.seconds)
        length = body_length(request.method, response)
        at = self.at
        if length is not None and length <= at:
            return Missed(response)
        return reshaped(response, lambda body: inserted(body, at, signals.Stall(self.seconds)))


def _sliced(body: Iterable[bytes], size: int, seconds: float) -> Iterator[bytes]:
    """Cut a body into pieces with a pause behind each."""
    for piece in body:
        if not piece:
            yield piece
        for start in range(0, len(piece), size):
            yield piece[start : start + size]
            yield signals.Stall(seconds)


@dataclass(frozen=True, slots=True)
class Slice:
    """Send the body in pieces of `size` bytes, `delay` seconds apart."""

    size: Positive
    delay: Seconds
    needs: ClassVar = _BODY

    def strike(self, request: Request, scene: Scene) -> Response | Missed:
        """Answer in pieces."""
        return _paced(request, scene, self.size, self.delay)


@dataclass(frozen=True, slots=True)
class Slow:
    """Send the body at `rate` bytes a second."""

    rate: Positive
    needs: ClassVar = _BODY

    def strike(self, request: Request, scene: Scene) -> Response | Missed:
        """Answer slowly."""
        size = max(1, self.rate // _TICKS)
        return _paced(request, scene, size, size / self.rate)


@dataclass(frozen=True, slots=True)
class Drip:
    """Send a byte of the body every so many seconds: never so slow that a read times out."""

    seconds: Seconds = 1.0
    needs: ClassVar = _BODY

    def strike(self, request: Request, scene: Scene) -> Response | Missed:
        """Answer in drops."""
        return _paced(request, scene, 1, self.seconds)


def _paced(request: Request, scene: Scene, size: int, seconds: float) -> Response | Missed:
    response = scene.inner.handle(request)
    if body_length(request.method, response) == 0:
        return Missed(response)
    return reshaped(response, lambda body: _sliced(body, size, seconds))


@dataclass(frozen=True, slots=True)
class Latency:
    """Answer `mean` seconds late, give or take `jitter`."""

    mean: Seconds
    jitter: Seconds = 0.0
    needs: ClassVar = NO_NEEDS

    def strike(self, request: Request, scene: Scene) -> Response | Missed:
        """Answer late."""
        response = scene.inner.handle(request)
        late = self.mean + self.jitter * (2 * scene.dice.random() - 1)
        return replace(response, delay=response.delay + max(0.0, late))


@dataclass(frozen=True, slots=True)
class NeverRead:
    """Take nothing of the request's body for some seconds, and then break the connection."""

    seconds: Seconds = 3600.0
    needs: ClassVar = frozenset({Trait.REQUEST_BODY})

    def strike(self, request: Request, scene: Scene) -> Response | Missed:  # noqa: ARG002 - nobody answers
        """Don't listen."""
        raise signals.StopReading(self.seconds)
