"""Recorded answers as a door sends them, the ways in which they ended included.

Rule: headers and bytes are those that were recorded, but for what two neighbours say to each other.
Nobody waits as long as the recording did: only silence lasts.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from occystrap.server.doors.framing import content_length, has_body
from occystrap.server.hops import end_to_end
from occystrap.server.message import (
    CloseConnection,
    Headers,
    RefuseConnection,
    ResetConnection,
    Response,
    Stall,
)
from occystrap.server.ranges import satisfy
from pytest_occystrap.cassettes.bodies import Body
from pytest_occystrap.cassettes.form import Ending, Interaction, RecordedResponse

__all__ = ["play"]

#: Longer than any client waits.
_SILENCE_SECONDS: Final = 3600.0
_OK: Final = 200
_PARTIAL: Final = 206
_UNSATISFIABLE: Final = 416
_FAILURES: Final = {
    Ending.RESET: ResetConnection,
    Ending.CLOSED: CloseConnection,
    Ending.REFUSED: RefuseConnection,
}


def play(interaction: Interaction, method: str, wanted_range: str = "") -> Response:
    """Make the answer to a request, of which `wanted_range` wasn't recorded.

    It is cut out of the whole if the registry said that it can do that, as it would have done.

    Raises:
        ResetConnection, CloseConnection: as in the recording, no answer began.
    """
    recorded, ending = interaction.response, interaction.ending
    if recorded is None:
        if ending in _FAILURES:
            raise _FAILURES[ending]
        body = _Ending(Body.of(b""), Ending.CLOSED)
        return Response(_OK, Headers(), body, delay=_SILENCE_SECONDS)
    headers = end_to_end(recorded.headers)
    if ending is not Ending.COMPLETE:
        return Response(recorded.status, headers, _Ending(recorded.body, ending))
    if wanted_range and method == "GET" and _can_be_cut(recorded):
        cut = _cut(recorded.body, headers, wanted_range)
        if cut is not None:
            return cut
    if has_body(method, recorded.status):
        headers = _with_length(headers, recorded.body.size)
    return Response(recorded.status, headers, recorded.body)


def _with_length(headers: Headers, size: int) -> Headers:
    """Let a length be true that isn't, such as that of a body which a tool has changed."""
    if content_length(headers) in (None, size):
        return headers
    return Headers(
        (name, str(size) if name.lower() == "content-length" else value) for name, value in headers
    )


def _can_be_cut(recorded: RecordedResponse) -> bool:
    accepted = (recorded.headers.get("Accept-Ranges") or "").lower()
    return recorded.status == _OK and accepted == "bytes"


def _cut(body: Body, headers: Headers, wanted: str) -> Response | None:
    span = satisfy(wanted, body.size)
    if span is None:
        return None
    start, stop = span
    if start >= stop:
        told = {"Content-Range": f"bytes */{body.size}", "Content-Length": "0"}
        return Response(_UNSATISFIABLE, Headers(told))
    headers = headers.replace("Content-Length", str(stop - start))
    headers = headers.replace("Content-Range", f"bytes {start}-{stop - 1}/{body.size}")
    return Response(_PARTIAL, headers, _Part(body, start, stop))


@dataclass(frozen=True, slots=True)
class _Ending:
    """What came of a body, and how it ended."""

    body: Body
    ending: Ending

    def __iter__(self) -> Iterator[bytes]:
        yield from self.body
        if self.ending is Ending.TIMEOUT:
            yield Stall(_SILENCE_SECONDS)
        raise _FAILURES.get(self.ending, CloseConnection)


@dataclass(frozen=True, slots=True)
class _Part:
    """A body from `start` up to `stop`."""

    body: Body
    start: int
    stop: int

    def __iter__(self) -> Iterator[bytes]:
        offset = 0
        for piece in self.body:
            part = piece[max(self.start - offset, 0) : self.stop - offset]
            offset += len(piece)
            if part:
                yield part
            if offset >= self.stop:
                return
