"""A registry that stops in the middle of what it does, so that something can happen just then."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Final

from occystrap.server.doors.listener import Listener, serve
from occystrap.server.message import CloseConnection, Handler, Request, Response

__all__ = ["Held", "held_registry"]

_PATIENCE: Final = 20.0


@dataclass
class Held:
    """Stops at the first request that `at` picks, and breaks the connection when let go.

    With `after`, that many bytes of the body pass before: of the request's if it has one, else of
    the answer's. Without it, nothing does, nor does the registry hear of the request.
    """

    inner: Handler
    at: Callable[[Request], bool]
    after: int | None = None
    reached: threading.Event = field(default_factory=threading.Event)
    released: threading.Event = field(default_factory=threading.Event)

    def wait(self) -> None:
        """Return when the moment has come."""
        assert self.reached.wait(_PATIENCE), "no request came that would have been held"

    def handle(self, request: Request) -> Response:
        """Answer, or stop."""
        if self.reached.is_set() or not self.at(request):
            return self.inner.handle(request)
        if self.after is None:
            self._hold()
        if request.method in ("PUT", "PATCH"):
            return self.inner.handle(replace(request, body=self._part(request.body)))
        response = self.inner.handle(request)
        return replace(response, body=self._part(response.body))

    def _part(self, body: Iterable[bytes]) -> Iterator[bytes]:
        left = self.after or 0
        for piece in body:
            yield piece[:left]
            left -= len(piece)
            if left <= 0:
                self._hold()

    def _hold(self) -> None:
        self.reached.set()
        self.released.wait(_PATIENCE)
        raise CloseConnection


@contextmanager
def held_registry(
    inner: Handler, at: Callable[[Request], bool], after: int | None = None
) -> Iterator[tuple[Listener, Held]]:
    """Serve a registry that stops once, until the block ends."""
    held = Held(inner, at, after)
    with serve(held) as listener:
        try:
            yield listener, held
        finally:
            held.released.set()
