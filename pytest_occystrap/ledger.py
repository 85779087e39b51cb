"""The ledger: it stands in front of handlers and notes every exchange.

Rule: it changes nothing of what passes, and a note is complete before the client has the last byte,
so that a test can look at once.
"""

from __future__ import annotations

import itertools
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field, replace
from typing import Final

from occystrap.oci.diagnostics import parse_diagnostics
from occystrap.server.doors.framing import content_length
from occystrap.server.message import (
    CloseConnection,
    FailHandshake,
    Garble,
    Handler,
    Headers,
    Request,
    RequestAborted,
    ResetConnection,
    Response,
    StopReading,
)
from pytest_occystrap.exchange import Exchange, Outcome, route_of

__all__ = ["Ledger"]

Clock = Callable[[], float]

#: How much of an error's body is kept to say what it was.
_EXCERPT: Final = 4096
_FIRST_ERROR: Final = 400
_WITHOUT_BODY: Final = frozenset({204, 304})
_PATIENCE_SECONDS: Final = 5.0


class Ledger:
    """Notes what passes the handlers that it watches."""

    def __init__(self, clock: Clock = time.perf_counter) -> None:
        self._clock = clock
        self._began = clock()
        self._numbers = itertools.count(1)
        self._lock = threading.Lock()
        self._notes: list[_Note] = []

    def watch(self, inner: Handler, part: str = "registry") -> Handler:
        """Put a handler in front of another that notes what passes, and as which part's."""
        return _Watched(self, inner, part)

    @property
    def exchanges(self) -> list[Exchange]:
        """All exchanges so far, in the order in which they began."""
        with self._lock:
            notes = list(self._notes)
        return [note.exchange for note in notes]

    def clear(self) -> None:
        """Forget all exchanges so far; numbers go on."""
        with self._lock:
            self._notes.clear()

    def settle(self, timeout: float = _PATIENCE_SECONDS) -> None:
        """Wait until no exchange is under way, such as one that its client has abandoned.

        Raises:
            TimeoutError: one still is.
        """
        deadline = time.monotonic() + timeout
        with self._lock:
            notes = list(self._notes)
        for note in notes:
            if not note.ended.wait(max(deadline - time.monotonic(), 0)):
                raise TimeoutError(f"still under way after {timeout} seconds: {note.exchange}")

    def remark(self, request: Request, fault: str) -> None:
        """Note that a fault has struck a request, as it was handed on by this ledger."""
        with self._lock:
            note = next((one for one in reversed(self._notes) if one.body is request.body), None)
        if note is not None:
            note.faults.append(fault)

    def begin(self, request: Request, part: str) -> _Note:
        """Write down that a request has come."""
        request = replace(request, body=())
        with self._lock:
            started = self._clock() - self._began
            note = _Note(next(self._numbers), part, request, self._clock, started)
            self._notes.append(note)
        return note


@dataclass(frozen=True, slots=True)
class _Watched:
    """A handler whose exchanges are noted."""

    ledger: Ledger
    inner: Handler
    part: str

    def handle(self, request: Request) -> Response:
        """Answer as the inner handler does."""
        note = self.ledger.begin(request, self.part)
        try:
            note.body = note.received(request.body)
            response = self.inner.handle(replace(request, body=note.body))
        except BaseException as error:
            note.end(_outcome_of(error))
            raise
        return note.answered(response)


@dataclass(slots=True)
class _Note:
    """One exchange; written by the thread that it runs in."""

    number: int
    part: str
    request: Request
    clock: Clock
    started: float
    began: float = field(init=False)
    status: int | None = None
    response_headers: Headers = field(default_factory=Headers)
    request_bytes: int = 0
    response_bytes: int = 0
    excerpt: bytes = b""
    body: Iterable[bytes] | None = None
    faults: list[str] = field(default_factory=list[str])
    waited: float | None = None
    seconds: float | None = None
    outcome: Outcome = Outcome.UNDER_WAY
    ended: threading.Event = field(default_factory=threading.Event)

    def __post_init__(self) -> None:
        self.began = self.clock()

    def received(self, body: Iterable[bytes]) -> Iterator[bytes]:
        """Count a request's body."""
        for piece in body:
            self.request_bytes += len(piece)
            yield piece

    def answered(self, response: Response) -> Response:
        """Note how an answer begins, and go on to note its body."""
        self.waited = self.clock() - self.began
        self.response_headers = response.headers
        self.status = response.status
        length = content_length(response.headers)
        if self.request.method == "HEAD" or response.status in _WITHOUT_BODY or length == 0:
            self.end(Outcome.COMPLETE)
        return replace(response, body=_Counted(self, response, length))

    def end(self, outcome: Outcome) -> None:
        """Note the end; only the first one counts."""
        if not self.ended.is_set():
            self.seconds = self.clock() - self.began
            self.outcome = outcome
            self.ended.set()

    @property
    def exchange(self) -> Exchange:
        """What is known by now."""
        request = self.request
        return Exchange(
            self.number,
            self.part,
            request.door,
            request.client,
            request.scheme,
            request.host,
            request.method,
            request.path,
            request.query,
            request.headers,
            route_of(request.path),
            self.status,
            self.response_headers,
            self.request_bytes,
            self.response_bytes,
            self.started,
            self.waited,
            self.seconds,
            self.outcome,
            parse_diagnostics(self.excerpt),
            tuple(self.faults),
        )


class _Counted:
    """The body of an answer, counted as it leaves."""

    def __init__(self, note: _Note, response: Response, length: int | None) -> None:
        self._note = note
        self._response = response
        self._length = length

    def __iter__(self) -> Iterator[bytes]:
        note, length = self._note, self._length
        try:
            for piece in self._response.body:
                note.response_bytes += len(piece)
                if note.status is not None and note.status >= _FIRST_ERROR:
                    note.excerpt += piece[: _EXCERPT - len(note.excerpt)]
                if length is not None and note.response_bytes >= length:
                    note.end(Outcome.COMPLETE)
                yield piece
        except CloseConnection:
            note.end(Outcome.CUT_SHORT)
            raise
        except Exception as error:
            note.end(_outcome_of(error))
            raise
        note.end(Outcome.COMPLETE if length is None else Outcome.CUT_SHORT)

    def close(self) -> None:
        """Let go of it; whoever does so before the end has abandoned it."""
        self._note.end(Outcome.ABANDONED)
        self._response.close()


def _outcome_of(error: BaseException) -> Outcome:
    return next((outcome for kind, outcome in _OUTCOMES if isinstance(error, kind)), Outcome.FAILED)


_OUTCOMES: Final = (
    (ResetConnection, Outcome.RESET),
    (CloseConnection, Outcome.CLOSED),
    (Garble, Outcome.GARBLED),
    (StopReading, Outcome.UNREAD),
    (FailHandshake, Outcome.NO_HANDSHAKE),
    (RequestAborted, Outcome.ABANDONED),
)
