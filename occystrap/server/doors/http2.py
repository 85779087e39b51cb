"""A connection that speaks HTTP/2, each of its streams served by a thread.

Rule: the thread of the connection reads and never waits for anything else, so that no stream holds
up another.
Spec: https://www.rfc-editor.org/rfc/rfc9113
"""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Callable
from enum import Enum
from typing import Final

import h2.events
import h2.exceptions

from occystrap.server.doors.answering import garbage
from occystrap.server.doors.channel import Channel
from occystrap.server.doors.endings import arm_reset, linger
from occystrap.server.doors.framing import CutShort
from occystrap.server.doors.http2_session import MOST_STREAMS, Session
from occystrap.server.doors.http2_stream import Gone, Stream
from occystrap.server.doors.workers import Workers
from occystrap.server.message import (
    INTERNAL_ERROR,
    NO_ERROR,
    CloseConnection,
    Garble,
    Handler,
    ResetConnection,
)

__all__ = ["Http2Connection"]

_LOG: Final = logging.getLogger(__name__)

_IDLE_SECONDS: Final = 120.0
_DELIVERY_SECONDS: Final = 10.0
_REFUSED_STREAM: Final = 7


class _End(Enum):
    """How the server ends a connection."""

    CLOSE = "close"
    RESET = "reset"


class Http2Connection:
    """One connection, from its preface to its end; then the caller closes the socket, and joins.

    `sleep` raises CloseConnection when it is woken because the server stops.
    """

    def __init__(
        self, handler: Handler, channel: Channel, client: str, sleep: Callable[[float], None]
    ) -> None:
        self._handler = handler
        self._channel = channel
        self._client = client
        self._sleep = sleep
        self._session = Session(channel, self._wake_all)
        self._lock = self._session.lock
        self._workers = Workers(f"serve a stream of {client}")
        #: Those that can still get something, and those that a thread is busy with.
        self._streams: dict[int, Stream] = {}
        self._busy: set[int] = set()
        self._end: _End | None = None

    def serve(self) -> None:
        """Answer requests until either side has had enough."""
        try:
            self._session.begin()
            self._converse()
        except (OSError, h2.exceptions.ProtocolError) as error:
            _LOG.debug("%s is gone: %s", self._client, error)
        try:
            self._hang_up()
        except OSError as error:
            _LOG.debug("%s is gone: %s", self._client, error)

    def join(self) -> None:
        """Wait for handlers that are still busy; the client needn't."""
        self._workers.stop()
        self._session.close()

    def say_goodbye(self) -> None:
        """Tell the client, as far as that needs no waiting, that the server stops."""
        with self._lock, contextlib.suppress(OSError):
            self._session.say_goodbye(NO_ERROR)

    def _converse(self) -> None:
        # The preface has been received, and put back.
        while data := self._channel.receive():
            with self._lock:
                events = self._session.feed(data)
                started = [stream for event in events if (stream := self._note(event))]
                self._session.flush()
            for stream in started:
                self._start(stream)
            if not self._next_is_ready():
                return

    def _next_is_ready(self) -> bool:
        """Wait until there is more to receive; False when there is no use in it."""
        while self._end is None:
            try:
                if self._session.wait(_IDLE_SECONDS):
                    return True
            except TimeoutError:
                if not self._busy:
                    self.say_goodbye()
                    return False
        return False

    def _note(self, event: h2.events.Event) -> Stream | None:
        """Pass on what the client says; return the stream that it opens."""
        if isinstance(event, h2.events.RequestReceived):
            return self._open(event)
        if isinstance(event, h2.events.ConnectionTerminated):
            raise ConnectionAbortedError(f"the client says goodbye ({event.error_code})")
        stream = self._streams.get(getattr(event, "stream_id", None) or 0)
        if isinstance(event, h2.events.DataReceived):
            self._take(event, stream)
        elif isinstance(event, h2.events.WindowUpdated | h2.events.RemoteSettingsChanged):
            self._wake_all() if stream is None else stream.changed.notify_all()
        elif stream is not None and isinstance(event, h2.events.StreamEnded):
            stream.complete()
        elif stream is not None and isinstance(event, h2.events.StreamReset):
            stream.break_off(f"the stream was reset ({event.error_code})")
        if stream is not None and not stream.is_open and stream.number not in self._busy:
            del self._streams[stream.number]
        return None

    def _open(self, event: h2.events.RequestReceived) -> Stream | None:
        # Streams that the client has reset may still keep their threads busy.
        if len(self._busy) >= MOST_STREAMS:
            self._session.reset(event.stream_id, _REFUSED_STREAM)
            return None
        stream = Stream(
            self._session,
            event.stream_id,
            event.headers,
            scheme=self._channel.scheme,
            client=self._client,
        )
        self._streams[stream.number] = stream
        self._busy.add(stream.number)
        return stream

    def _take(self, event: h2.events.DataReceived, stream: Stream | None) -> None:
        if stream is None:
            self._session.acknowledge(event.stream_id, event.flow_controlled_length)
        else:
            stream.take(event.data, event.flow_controlled_length)

    def _wake_all(self) -> None:
        for stream in self._streams.values():
            stream.changed.notify_all()

    def _start(self, stream: Stream) -> None:
        try:
            self._workers.run(lambda: self._serve(stream))
        except RuntimeError as error:
            _LOG.warning("%s can't have a thread: %s", self._client, error)
            stream.reset(_REFUSED_STREAM)
            self._leave(stream)

    def _serve(self, stream: Stream) -> None:
        try:
            stream.serve(self._handler)
        except (Gone, OSError) as error:
            _LOG.debug("%s gave up stream %s: %s", self._client, stream.number, error)
        except CutShort:
            stream.reset(INTERNAL_ERROR)
        except ResetConnection as signal:
            if signal.code is None:
                self._finish(_End.RESET)
            else:
                stream.reset(signal.code)
        except CloseConnection as signal:
            if signal.goodbye is not None:
                stream.say_goodbye(signal.goodbye)
            self._finish(_End.CLOSE)
        except Garble as signal:
            self._garble(stream, signal)
        except Exception:  # noqa: BLE001 - such as headers that can't be sent
            _LOG.exception("stream %s of %s broke down", stream.number, self._client)
            stream.reset(INTERNAL_ERROR)
        finally:
            self._leave(stream)

    def _garble(self, stream: Stream, signal: Garble) -> None:
        end = _End.CLOSE
        try:
            stream.garble(garbage(signal))
        except ResetConnection:
            end = _End.RESET
        except (CloseConnection, Gone, OSError) as error:
            _LOG.debug("%s has all the garbage that it gets: %r", self._client, error)
        self._channel.abrupt = signal.abrupt
        self._finish(end)

    def _leave(self, stream: Stream) -> None:
        with self._lock:
            self._busy.discard(stream.number)
            if not stream.is_open:
                self._streams.pop(stream.number, None)

    def _finish(self, end: _End) -> None:
        """Let the reading thread end the connection."""
        self._end = self._end or end
        self._session.ring()

    def _hang_up(self) -> None:
        with self._lock:
            self._session.end()
            for stream in self._streams.values():
                stream.break_off("the connection is gone")
        self._channel.drain(_DELIVERY_SECONDS)
        if self._end is _End.RESET:
            arm_reset(self._channel.socket, self._sleep)
        else:
            linger(self._channel)
