"""Answers on their way to a client in process: those of a handler, and those that are raw bytes."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator
from dataclasses import dataclass
from typing import Final

import h11
import httpx

from occystrap.server.doors.raw_answers import RawAnswer
from occystrap.server.message import Response

__all__ = ["RESET", "Answer", "BodyStream", "cut_short", "parsed", "written"]

RESET: Final = "[Errno 104] Connection reset by peer"


@dataclass(frozen=True, slots=True)
class Answer:
    """What the client gets to see: a head, and the pieces behind it until it lets go of them."""

    status: int
    fields: list[tuple[bytes, bytes]]
    pieces: Generator[bytes]
    release: Callable[[], None]
    version: bytes = b"HTTP/1.1"

    def presented(self, stream: httpx.SyncByteStream | httpx.AsyncByteStream) -> httpx.Response:
        """Make it an answer of httpx, whose body is this stream."""
        extensions = {"http_version": self.version}
        return httpx.Response(
            self.status, headers=self.fields, stream=stream, extensions=extensions
        )


class BodyStream(httpx.SyncByteStream):
    """The body of an answer."""

    def __init__(self, answer: Answer) -> None:
        self._answer = answer

    def __iter__(self) -> Iterator[bytes]:
        return self._answer.pieces

    def close(self) -> None:
        """Let go of it."""
        self._answer.pieces.close()
        self._answer.release()


def written(response: Response, pieces: Generator[bytes]) -> Answer:
    """Send what a handler answers."""
    fields = [(n.encode("latin-1"), v.encode("latin-1")) for n, v in response.headers]
    return Answer(response.status, fields, pieces, response.close)


def parsed(request: httpx.Request, arriving: Generator[bytes]) -> Answer:
    """Send raw bytes, as they arrive.

    Raises:
        httpx.TransportError: they don't begin with an answer to this request.
    """
    try:
        raw = RawAnswer(request, arriving)
    except h11.LocalProtocolError as error:
        raise httpx.LocalProtocolError(str(error)) from error
    head = raw.head()
    version = b"HTTP/" + head.http_version
    return Answer(head.status_code, head.headers.raw_items(), raw.body(), arriving.close, version)


def cut_short(received: int, expected: int | None) -> httpx.RemoteProtocolError:
    """Say what a client says when a body ends too early."""
    if expected is None:
        detail = "incomplete chunked read"
    else:
        detail = f"received {received} bytes, expected {expected}"
    return httpx.RemoteProtocolError(
        f"peer closed connection without sending complete message body ({detail})"
    )
