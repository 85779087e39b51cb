"""Keeping what passes: exchanges while they are under way, and those that have come to an end.

Rule: nothing is held in memory that may be large. What the client alone has spoiled isn't kept,
since nobody could play it truly; it is listed with the reason.
"""

from __future__ import annotations

import tempfile
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Final, Self

from occystrap.errors import ImageOutputError
from occystrap.oci.digest import Digest
from occystrap.server.message import Headers
from pytest_occystrap.cassettes.bodies import NO_BODY, Blobs, Body, Incoming
from pytest_occystrap.cassettes.form import (
    Cassette,
    Ending,
    Interaction,
    Provenance,
    RecordedRequest,
    RecordedResponse,
    Timing,
)

__all__ = ["LeftOut", "Recorder", "Take"]

#: Bodies above this size wait in files, so that many exchanges take little memory.
_IN_MEMORY: Final = 4 * 1024
_HAVE_BODY: Final = ("Content-Length", "Transfer-Encoding")
_UNFINISHED: Final = "it was still under way"


@dataclass(frozen=True, slots=True)
class LeftOut:
    """An exchange that isn't in the recording, and why."""

    request: RecordedRequest
    reason: str

    def __str__(self) -> str:
        return f"{self.request}: {self.reason}"


class Recorder:
    """Collects exchanges, from any number of threads, until it is closed.

    The clock gives seconds. Bodies wait in a directory below `directory` (by default, where the
    system has its temporary files) that only this user can enter, and that goes with the recorder.

    with Recorder() as recorder:
        with httpx.Client(transport=RecordingTransport(httpx.HTTPTransport(), recorder)) as client:
            client.get("https://quay.io/v2/")
        save_cassette(recorder.cassette(), Path("cassettes/quay.io/ping.yaml"))
    """

    def __init__(
        self, clock: Callable[[], float] = time.monotonic, *, directory: Path | None = None
    ) -> None:
        self._clock = clock
        self._began = clock()
        self._waiting = tempfile.TemporaryDirectory(prefix="occystrap-recording-", dir=directory)
        self._directory = Path(self._waiting.name)
        self._blobs = Blobs(self._directory / "blobs")
        self._kept: dict[Digest, Body] = {}
        self._takes = list[Take]()
        self._lock = threading.Lock()

    def begin(self, method: str, url: str, headers: Headers) -> Take:
        """Note that a request is about to be sent."""
        take = Take(self, RecordedRequest(method, url, headers))
        with self._lock:
            self._takes.append(take)
        return take

    @property
    def interactions(self) -> tuple[Interaction, ...]:
        """What has come to an end, in the order in which it began."""
        return tuple(each.result for each in self._all() if isinstance(each.result, Interaction))

    @property
    def left_out(self) -> tuple[LeftOut, ...]:
        """What is not among them: what the client spoiled, and what is still under way."""
        return tuple(
            each.result or LeftOut(each.request, _UNFINISHED)
            for each in self._all()
            if not isinstance(each.result, Interaction)
        )

    def cassette(self, provenance: Provenance | None = None) -> Cassette:
        """Return what has come to an end; its bodies can be read until the recorder is closed."""
        return Cassette(self.interactions, provenance or Provenance())

    def close(self) -> None:
        """Remove all bodies that wait."""
        self._waiting.cleanup()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"Recorder({len(self.interactions)} interactions)"

    def _all(self) -> tuple[Take, ...]:
        with self._lock:
            return tuple(self._takes)

    def now(self) -> float:
        """Tell how many seconds have gone by since the recording began."""
        return self._clock() - self._began

    def incoming(self) -> Incoming:
        """Make a place for a body that comes in."""
        return Incoming(self._directory)

    def keep(self, body: Body) -> Body:
        """Keep a body that has come in, once, however often it came."""
        if body.size <= _IN_MEMORY:
            return body
        with self._lock:
            known = self._kept.get(body.digest)
            if known is None:
                known = body if isinstance(body.source, Path) else self._blobs.keep(body)
                self._kept[body.digest] = known
        if isinstance(body.source, Path) and body.source != known.source:
            body.source.unlink()
        return known


class Take:
    """One exchange under way; used by one thread at a time, and ended once."""

    def __init__(self, recorder: Recorder, request: RecordedRequest) -> None:
        self._recorder = recorder
        self.request = request
        #: What it came to; None while it is under way.
        self.result: Interaction | LeftOut | None = None
        #: Whether the request was sent to its end; one without a body is.
        self.sent = not any(name in request.headers for name in _HAVE_BODY)
        self._started = recorder.now()
        self._sending = recorder.incoming()
        self._answered: tuple[RecordedResponse, float] | None = None
        self._arriving: Incoming | None = None

    def send(self, piece: bytes) -> None:
        """Take a piece of the request's body."""
        self._write(self._sending, piece)

    def answer(self, status: int, reason: str, headers: Headers, http_version: str) -> None:
        """Note that an answer has begun."""
        head = RecordedResponse(status, reason, headers, NO_BODY, http_version)
        self._answered = head, self._recorder.now() - self._started
        self._arriving = self._recorder.incoming()

    def receive(self, piece: bytes) -> None:
        """Take a piece of the answer's body."""
        assert self._arriving is not None  # noqa: S101 - narrows the type
        self._write(self._arriving, piece)

    def end(self, ending: Ending = Ending.COMPLETE, note: str = "") -> None:
        """Say how it ended; the first word counts."""
        if self.result is not None:
            return
        try:
            self.result = self._interaction(ending, note)
        except ImageOutputError as error:
            self.leave_out(str(error))

    def leave_out(self, reason: str) -> None:
        """Say that it can't be kept, unless it has ended."""
        if self.result is None:
            self.result = LeftOut(self.request, reason)
            for incoming in (self._sending, self._arriving):
                if incoming is not None:
                    incoming.discard()

    def _write(self, incoming: Incoming, piece: bytes) -> None:
        """Write a piece; the traffic goes on when that fails."""
        if self.result is None:
            try:
                incoming.write(piece)
            except ImageOutputError as error:
                self.leave_out(str(error))

    def _interaction(self, ending: Ending, note: str) -> Interaction:
        finished, keep, asked = self._recorder.now(), self._recorder.keep, self.request
        sent = keep(self._sending.finish())
        if not self.sent and ending is not Ending.REFUSED:
            part = f"{sent.size} bytes of the request's body had been sent"
            note = f"{note}; {part}" if note else part
        response, waited = None, finished - self._started
        if self._answered is not None and self._arriving is not None:
            head, waited = self._answered
            body = keep(self._arriving.finish())
            response = RecordedResponse(
                head.status, head.reason, head.headers, body, head.http_version
            )
        request = RecordedRequest(asked.method, asked.url, asked.headers, sent)
        timing = Timing(self._started, waited, finished - self._started)
        return Interaction(request, response, ending, timing, note)
