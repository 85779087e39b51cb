"""An httpx transport that reaches a handler without a socket, under any host name.

Rule: what a real connection would do to the client, this does: bodies are streamed both ways and
consumed, lengths are enforced, and a handler's signals are the exceptions that httpx would raise.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Generator, Iterable, Iterator
from typing import Any, Final

import h11
import httpx

from occystrap.server.doors.framing import content_length, framed
from occystrap.server.message import (
    CloseConnection,
    Handler,
    Headers,
    Request,
    RequestAborted,
    ResetConnection,
    Response,
    Stall,
    split_target,
)

__all__ = ["BodyStream", "Exchange", "InProcessTransport", "present"]

Sleep = Callable[[float], object]

_RESET: Final = "[Errno 104] Connection reset by peer"
_NO_ANSWER: Final = "Server disconnected without sending a response."
_EXTENSIONS: Final = {"http_version": b"HTTP/1.1"}


class InProcessTransport(httpx.BaseTransport):
    """Carry the requests of an `httpx.Client` to a handler.

    A Stall that outlasts the client's read timeout costs no time; a shorter one is slept through.

    httpx.Client(transport=InProcessTransport(Registry())).get("https://registry.example/v2/")
    """

    def __init__(self, handler: Handler, *, sleep: Sleep = time.sleep) -> None:
        self._handler = handler
        self._sleep = sleep

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """Answer a request."""
        assert isinstance(request.stream, httpx.SyncByteStream)  # noqa: S101 - narrows the type
        exchange = Exchange(request, request.stream, self._sleep)
        response = exchange.answer(self._handler)
        return present(response, BodyStream(response, exchange.pieces(response)))


class Exchange:
    """One request and what becomes of it."""

    def __init__(self, request: httpx.Request, body: Iterable[bytes], sleep: Sleep) -> None:
        self._request = request
        self._body = self._checked(body)
        self._failure: Exception | None = None
        self._sleep = sleep
        timeout: dict[str, Any] = request.extensions.get("timeout", {})
        self._patience: float | None = timeout.get("read")

    def answer(self, handler: Handler) -> Response:
        """Let the handler answer, and send it all of the request, as a socket would."""
        try:
            response = handler.handle(self._translated())
            try:
                self._send_rest()
            except RequestAborted:
                response.close()
                raise
            return response
        except ResetConnection as signal:
            self._send_rest()
            raise httpx.ReadError(_RESET) from signal
        except CloseConnection as signal:
            self._send_rest()
            raise httpx.RemoteProtocolError(_NO_ANSWER) from signal
        finally:
            if self._failure is not None:
                raise self._failure

    def _send_rest(self) -> None:
        for _ in self._body:
            pass

    def pieces(self, response: Response) -> Generator[bytes]:
        """Go over the body as the client receives it."""
        received, silent = 0, 0.0
        try:
            for piece in framed(self._request.method, response):
                if isinstance(piece, Stall):
                    silent += piece.seconds
                    self._wait(piece.seconds, silent)
                else:
                    received, silent = received + len(piece), 0.0
                    yield piece
        except ResetConnection as signal:
            raise httpx.ReadError(_RESET) from signal
        except CloseConnection as signal:
            raise _cut_short(received, content_length(response.headers)) from signal

    def _wait(self, seconds: float, silent: float) -> None:
        if self._patience is not None and silent >= self._patience:
            raise httpx.ReadTimeout("timed out")
        self._sleep(seconds)

    def _translated(self) -> Request:
        request = self._request
        path, query = split_target(request.url.raw_path.decode("ascii"))
        fields = [(n.decode("latin-1"), v.decode("latin-1")) for n, v in request.headers.raw]
        return Request(
            request.method,
            path,
            query,
            Headers(fields),
            (piece for piece in self._body),
            scheme=request.url.scheme,
            host=request.headers.get("Host", ""),
            door="in-process",
        )

    def _checked(self, body: Iterable[bytes]) -> Iterator[bytes]:
        """Go over the request's body as the server receives it."""
        declared = self._request.headers.get("Content-Length")
        left = None if declared is None else int(declared)
        try:
            for piece in body:
                if left is not None:
                    left -= len(piece)
                    _check(left >= 0, "Too much data for declared Content-Length")
                yield piece
            _check(not left, "Too little data for declared Content-Length")
        except Exception as error:
            self._failure = error
            raise RequestAborted(str(error)) from error


def _check(condition: bool, message: str) -> None:  # noqa: FBT001
    if not condition:
        # Not an error of httpx: httpcore doesn't translate what h11 raises over a request's body.
        raise h11.LocalProtocolError(message)


def _cut_short(received: int, expected: int | None) -> httpx.RemoteProtocolError:
    if expected is None:
        detail = "incomplete chunked read"
    else:
        detail = f"received {received} bytes, expected {expected}"
    return httpx.RemoteProtocolError(
        f"peer closed connection without sending complete message body ({detail})"
    )


def present(
    response: Response, stream: httpx.SyncByteStream | httpx.AsyncByteStream
) -> httpx.Response:
    """Make an answer one of httpx."""
    fields = [(n.encode("latin-1"), v.encode("latin-1")) for n, v in response.headers]
    return httpx.Response(
        response.status, headers=fields, stream=stream, extensions=dict(_EXTENSIONS)
    )


class BodyStream(httpx.SyncByteStream):
    """The body of an answer."""

    def __init__(self, response: Response, pieces: Generator[bytes]) -> None:
        self._response = response
        self._pieces = pieces

    def __iter__(self) -> Iterator[bytes]:
        return self._pieces

    def close(self) -> None:
        """Let go of it."""
        self._pieces.close()
        self._response.close()
