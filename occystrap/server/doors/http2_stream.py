"""One stream of an HTTP/2 connection: a request, and the answer to it.

Rule: the reading thread puts in what the client sends, a thread of the stream's own takes it out
and answers. Only what the handler has read gives the client leave to send more, until there is an
answer: from then on the rest of the request is thrown away as it comes, since clients that wait for
leave (httpx) would never look at the answer.
Spec: https://www.rfc-editor.org/rfc/rfc9113#name-expressing-http-semantics-i
"""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterable, Iterator
from typing import Final

from occystrap.server.doors.answering import answer, body
from occystrap.server.doors.framing import content_length, has_body
from occystrap.server.doors.http2_heads import RawFields, request_of, response_fields
from occystrap.server.doors.http2_session import Session
from occystrap.server.message import (
    GoAway,
    Handler,
    RequestAborted,
    ResetConnection,
    Response,
    Stall,
    StopReading,
)

__all__ = ["Gone", "Stream"]

#: How long a client may be silent in the middle of a request that nobody wants.
_PATIENCE_SECONDS: Final = 1.0
_PROTOCOL_ERROR: Final = 1


class Gone(Exception):
    """Nobody wants the answer any more."""


class Stream:
    """A stream; what the reading thread calls, it calls with the session's lock."""

    def __init__(
        self,
        session: Session,
        number: int,
        fields: RawFields,
        *,
        scheme: str,
        client: str,
    ) -> None:
        self.number = number
        #: Notified when anything has changed for this stream.
        self.changed = threading.Condition(session.lock)
        self._session = session
        self._request = request_of(fields, self._body(), scheme=scheme, client=client)
        self._expected = content_length(self._request.headers)
        expectation = self._request.headers.get("Expect") or ""
        self._unasked = expectation.lower() == "100-continue"
        self._waiting: list[bytes] = []
        self._unacknowledged = 0
        self._received = 0
        self._unwanted = False
        self._complete = False
        self._failure: str | None = None

    @property
    def is_open(self) -> bool:
        """Whether more of the request can come."""
        return not self._complete and self._failure is None

    # What the reading thread calls.

    def take(self, data: bytes, length: int) -> None:
        """Get a piece of the request, which has used up so much of the window."""
        self._received += len(data)
        self._unacknowledged += length
        if self._unwanted or not data:
            self._acknowledge()
        else:
            self._waiting.append(data)
        self.changed.notify_all()

    def complete(self) -> None:
        """Learn that the request is whole."""
        if self._expected not in (None, self._received):
            self._session.reset(self.number, _PROTOCOL_ERROR)
            self.break_off(f"received {self._received} bytes, expected {self._expected}")
        self._complete = True
        self.changed.notify_all()

    def break_off(self, reason: str) -> None:
        """Learn that nothing more comes, and that nothing more can be said."""
        self._failure = self._failure or reason
        self._acknowledge()
        self.changed.notify_all()

    # What the thread of the stream calls.

    def serve(self, handler: Handler) -> None:
        """Let the handler answer.

        Raises:
            ResetConnection, CloseConnection, Garble: the handler or the body did; the request has
                come to its end then, as far as it can, or the reset is to come at once.
            Gone: the client doesn't want the answer any more.
        """
        try:
            response = answer(handler, self._request)
            with contextlib.closing(response):
                self._want_no_more()
                if response.delay:
                    self._pause(Stall(response.delay))
                self._answer(response)
        except StopReading as signal:
            self._pause(Stall(signal.seconds))
            raise ResetConnection(at_once=True) from signal
        except Exception as signal:
            if not (isinstance(signal, ResetConnection) and signal.at_once):
                self._want_no_more()
                self._outlast()
            raise

    def garble(self, pieces: Iterable[bytes]) -> None:
        """Say these bytes on the connection, whatever they are.

        Raises:
            ResetConnection, CloseConnection: the pieces did.
            Gone: the client has had enough.
        """
        for piece in pieces:
            if isinstance(piece, Stall):
                self._pause(piece)
                continue
            with self._session.lock:
                self._check()
                self._session.flush(piece)
                while self._session.full:
                    self.changed.wait()
                    self._check()

    def reset(self, code: int) -> None:
        """End the stream here."""
        with self._session.lock, contextlib.suppress(OSError):
            self._session.reset(self.number, code)
            self.break_off("the stream was reset")

    def say_goodbye(self, goodbye: GoAway) -> None:
        """Tell the client that it is the last stream, or already one too many."""
        last = self.number if goodbye.taken else self.number - 2
        with self._session.lock, contextlib.suppress(OSError):
            self._session.say_goodbye(goodbye.code, last)

    def _answer(self, response: Response) -> None:
        """Send an answer; END_STREAM goes with its last bytes if there is a length."""
        method, headers = self._request.method, response.headers
        left = content_length(headers)
        if not has_body(method, response.status):
            left = 0
            if method != "HEAD":
                # It may tell the length of what isn't sent, but h2 fails over that as a client.
                headers = headers.remove("Content-Length")
        fields = response_fields(headers)
        with self._session.lock:
            self._check()
            self._session.send_head(self.number, response.status, fields)
            if left == 0:
                self._session.send_data(self.number, b"", end=True)
        for piece in body(method, response):
            if isinstance(piece, Stall):
                self._pause(piece)
            else:
                left = None if left is None else left - len(piece)
                self._send(piece, end=left == 0)
        if left is None:
            self._send(b"", end=True)

    def _send(self, data: bytes, *, end: bool) -> None:
        left = memoryview(data)
        while True:
            with self._session.lock:
                self._check()
                room = len(left) and self._session.room(self.number)
                if room or not left:
                    part, left = left[:room], left[room:]
                    self._session.send_data(self.number, part, end=end and not left)
                    if not left:
                        return
                else:
                    self.changed.wait()

    def _pause(self, stall: Stall) -> None:
        if isinstance(stall, GoAway):
            self.say_goodbye(stall)
        with self._session.lock:
            self._session.flush()
            self.changed.wait_for(lambda: self._failure is not None, stall.seconds)
            self._check()

    def _body(self) -> Iterator[bytes]:
        while piece := self._next_piece():
            yield piece

    def _next_piece(self) -> bytes:
        """Wait for more of the request; nothing is its end."""
        with self._session.lock:
            while not self._waiting:
                if self._failure is not None:
                    raise RequestAborted(self._failure)
                if self._complete:
                    return b""
                self._ask()
                self.changed.wait()
            data = b"".join(self._waiting)
            self._waiting.clear()
            self._acknowledge()
        return data

    def _ask(self) -> None:
        """Tell a client that waits to be asked to send its request."""
        if self._unasked:
            self._unasked = False
            self._session.send_head(self.number, 100, ())
            self._session.flush()

    def _want_no_more(self) -> None:
        with self._session.lock:
            self._unwanted = True
            self._waiting.clear()
            self._acknowledge()

    def _outlast(self) -> None:
        """Wait for the rest of the request, unless the client is waiting, too.

        A client that is still sending would find out about a reset in one of several ways.
        """
        with self._session.lock:
            moves = not self._unasked
            while self.is_open and moves:
                moves = self.changed.wait(_PATIENCE_SECONDS)

    def _acknowledge(self) -> None:
        length, self._unacknowledged = self._unacknowledged, 0
        if length:
            self._session.acknowledge(self.number, length)

    def _check(self) -> None:
        if self._failure is not None:
            raise Gone(self._failure)
