"""An httpx transport that reaches a handler without a socket, under any host name.

Rule: what a real connection would do to the client, this does: bodies are streamed both ways and
consumed, lengths are enforced, and a handler's signals are the exceptions that httpx would raise.
"""

from __future__ import annotations

import time
from collections.abc import Generator, Iterable, Iterator

import h11
import httpx

from occystrap.server.doors.framing import content_length, framed
from occystrap.server.doors.in_process_answers import (
    RESET,
    Answer,
    BodyStream,
    cut_short,
    parsed,
    written,
)
from occystrap.server.doors.in_process_signals import SIGNALS, fail
from occystrap.server.doors.patience import Passed, Patience, Phase, Sleep, ignore
from occystrap.server.message import (
    CloseConnection,
    Garble,
    Handler,
    Headers,
    Request,
    RequestAborted,
    ResetConnection,
    Response,
    Stall,
    split_target,
)

__all__ = ["Exchange", "InProcessTransport"]


class InProcessTransport(httpx.BaseTransport):
    """Carry the requests of an `httpx.Client` to a handler.

    Silence that outlasts the client's timeout costs no time, and `passed` is told how much would
    have gone by; less is slept through.

    httpx.Client(transport=InProcessTransport(Registry())).get("https://registry.example/v2/")
    """

    def __init__(
        self, handler: Handler, *, sleep: Sleep = time.sleep, passed: Passed = ignore
    ) -> None:
        self._handler = handler
        self._sleep = sleep
        self._passed = passed

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """Answer a request."""
        assert isinstance(request.stream, httpx.SyncByteStream)  # noqa: S101 - narrows the type
        patience = Patience(request.extensions.get("timeout", {}), self._sleep, self._passed)
        answer = Exchange(request, request.stream, patience).answer(self._handler)
        return answer.presented(BodyStream(answer))


class Exchange:
    """One request and what becomes of it."""

    def __init__(self, request: httpx.Request, body: Iterable[bytes], patience: Patience) -> None:
        self._request = request
        self._body = self._checked(body)
        self._failure: Exception | None = None
        self._patience = patience

    def answer(self, handler: Handler) -> Answer:
        """Let the handler answer, and send it all of the request, as a socket would."""
        try:
            response = handler.handle(self._translated())
            try:
                self._send_rest()
                if response.delay:
                    self._patience.wait(Phase.READ, response.delay)
            except (RequestAborted, httpx.TimeoutException):
                response.close()
                raise
            return written(response, self._pieces(response))
        except Garble as signal:
            self._send_rest()
            return parsed(self._request, self._arriving(signal.pieces))
        except SIGNALS as signal:
            fail(signal, self._request, self._body, self._patience)
        finally:
            if self._failure is not None:
                raise self._failure

    def _send_rest(self) -> None:
        for _ in self._body:
            pass

    def _pieces(self, response: Response) -> Generator[bytes]:
        """Go over the body as the client receives it."""
        received = 0
        try:
            for piece in self._heard(framed(self._request.method, response)):
                received += len(piece)
                yield piece
        except ResetConnection as signal:
            raise httpx.ReadError(RESET) from signal
        except CloseConnection as signal:
            raise cut_short(received, content_length(response.headers)) from signal

    def _arriving(self, pieces: Iterable[bytes]) -> Generator[bytes]:
        """Go over raw bytes as the client receives them."""
        try:
            yield from self._heard(pieces)
        except ResetConnection as signal:
            raise httpx.ReadError(RESET) from signal
        except CloseConnection:
            return

    def _heard(self, pieces: Iterable[bytes]) -> Generator[bytes]:
        """Wait where the pieces say so; stalls add up until a byte comes."""
        silent = 0.0
        for piece in pieces:
            if isinstance(piece, Stall):
                self._patience.wait(Phase.READ, piece.seconds, silent)
                silent += piece.seconds
            elif piece:
                silent = 0.0
                yield piece

    def _translated(self) -> Request:
        request = self._request
        # The extension replaces what httpx makes of a URL, as it does below a real transport.
        raw: bytes = request.extensions.get("target", request.url.raw_path)
        target = raw.decode("latin-1")
        path, query = split_target(target)
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
            raw_target=target,
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
