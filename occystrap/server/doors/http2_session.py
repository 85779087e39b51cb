"""The state of an HTTP/2 connection, for the many threads that serve its streams.

Rule: h2 knows the protocol; whoever calls a method that says so holds `lock`, and nobody waits for
the client while holding it. What the client doesn't take yet waits in the channel, and the reading
thread sends it on.
Spec: https://www.rfc-editor.org/rfc/rfc9113
"""

from __future__ import annotations

import contextlib
import select
import socket
import struct
import threading
from collections.abc import Callable, Iterable
from typing import Any, Final

import h2.config
import h2.connection
import h2.errors
import h2.events
import h2.exceptions
import h2.settings

from occystrap.server.doors.channel import Channel

__all__ = ["MOST_STREAMS", "Session"]

#: How many streams a client may have open at once.
MOST_STREAMS: Final = 100
_LONGEST_HEAD: Final = 64 * 1024
#: So much of a request waits in memory at most, until the handler reads it.
_STREAM_WINDOW: Final = 1024 * 1024
#: Never the reason to wait: a stream that nobody reads must not hold up the others.
_CONNECTION_WINDOW: Final = 2**30
_LONGEST_FRAME: Final = 256 * 1024
#: So much of a body goes out before other streams have their turn.
_TURN: Final = 256 * 1024
#: A client that asks for more answers (of PING, say) than it reads isn't heard any longer.
_MOST_KEPT: Final = 1024 * 1024
_GOAWAY: Final = 7


class _Protocol(h2.connection.H2Connection):
    """h2, in which a body of the wrong length is the end of its stream only (section 8.1.1)."""

    def _receive_frame(self, frame: Any) -> list[h2.events.Event]:
        try:
            return super()._receive_frame(frame)
        except h2.exceptions.InvalidBodyLengthError:
            code = h2.errors.ErrorCodes.PROTOCOL_ERROR
            self.acknowledge_received_data(frame.flow_controlled_length, frame.stream_id)
            self.reset_stream(frame.stream_id, code)
            return [h2.events.StreamReset(stream_id=frame.stream_id, error_code=code)]


class Session:
    """What is said on a connection; the caller closes it, and the channel.

    `has_room` is called with `lock` when the client takes again what it didn't.
    """

    def __init__(self, channel: Channel, has_room: Callable[[], None]) -> None:
        self.lock = threading.Lock()
        #: Whether there is something that the client doesn't take yet.
        self.full = False
        self._channel = channel
        self._has_room = has_room
        self._h2 = _Protocol(h2.config.H2Configuration(client_side=False))
        self._highest = 0
        self._over = False
        self._bell, self._ringer = socket.socketpair()
        self._bell.settimeout(0)
        self._poll = select.poll()
        self._poll.register(self._bell, select.POLLIN)

    def begin(self) -> None:
        """Say the settings."""
        codes = h2.settings.SettingCodes
        self._h2.local_settings = h2.settings.Settings(
            client=False,
            initial_values={
                codes.ENABLE_CONNECT_PROTOCOL: 0,
                codes.INITIAL_WINDOW_SIZE: _STREAM_WINDOW,
                codes.MAX_CONCURRENT_STREAMS: MOST_STREAMS,
                codes.MAX_FRAME_SIZE: _LONGEST_FRAME,
                codes.MAX_HEADER_LIST_SIZE: _LONGEST_HEAD,
            },
        )
        self._h2.max_inbound_frame_size = _LONGEST_FRAME
        with self.lock:
            self._h2.initiate_connection()
            self._h2.increment_flow_control_window(_CONNECTION_WINDOW)
            self.flush()

    def wait(self, seconds: float) -> bool:
        """Wait until the client says something or someone rings; True if it is the client.

        What the client takes meanwhile is sent.

        Raises:
            TimeoutError: nothing has happened.
            OSError: the client is gone.
        """
        flooded = self._channel.kept > _MOST_KEPT
        mask = (0 if flooded else select.POLLIN) | (select.POLLOUT if self.full else 0)
        self._poll.register(self._channel.socket, mask)
        ready = dict(self._poll.poll(seconds * 1000))
        if not ready:
            raise TimeoutError
        if self._bell.fileno() in ready:
            with contextlib.suppress(BlockingIOError):
                self._bell.recv(4096)
        here = ready.get(self._channel.socket.fileno(), 0)
        if here & select.POLLOUT:
            with self.lock:
                self.flush()
        return bool(here & ~select.POLLOUT)

    def ring(self) -> None:
        """Wake the reading thread up."""
        self._ringer.send(b"\0")

    def feed(self, data: bytes) -> list[h2.events.Event]:
        """Understand what the client says; with `lock`.

        Raises:
            h2.exceptions.ProtocolError: it isn't HTTP/2, and the client has been told.
        """
        events = self._h2.receive_data(data)
        for event in events:
            if isinstance(event, h2.events.RequestReceived):
                self._highest = max(self._highest, event.stream_id)
        return events

    def room(self, stream: int) -> int:
        """How much of a body can be sent now; with `lock`."""
        return 0 if self.full else min(self._h2.local_flow_control_window(stream), _TURN)

    def send_head(self, stream: int, status: int, fields: Iterable[tuple[bytes, bytes]]) -> None:
        """Send the head of an answer, together with what comes behind it; with `lock`."""
        self._h2.send_headers(stream, [(b":status", b"%d" % status), *fields])

    def send_data(self, stream: int, data: bytes | memoryview, *, end: bool) -> None:
        """Send a piece of a body that there is room for; with `lock`."""
        size = self._h2.max_outbound_frame_size
        for start in range(0, max(len(data), 1), size):
            part = data[start : start + size]
            self._h2.send_data(stream, part, end_stream=end and start + size >= len(data))
        self.flush()

    def reset(self, stream: int, code: int) -> None:
        """End a stream here, unless it has ended; with `lock`."""
        with contextlib.suppress(h2.exceptions.ProtocolError):
            self._h2.reset_stream(stream, code)
        self.flush()

    def acknowledge(self, stream: int, length: int) -> None:
        """Let the client send as much again; with `lock`."""
        with contextlib.suppress(h2.exceptions.ProtocolError):
            self._h2.acknowledge_received_data(length, stream)
        self.flush()

    def say_goodbye(self, code: int, last: int | None = None) -> None:
        """Say that streams behind the last one aren't looked at; with `lock`.

        h2 would take this for the end of all streams.
        """
        last = self._highest if last is None else max(last, 0)
        length, flags, stream = 8, 0, 0
        self.flush(struct.pack(">xHBBLLL", length, _GOAWAY, flags, stream, last, code))

    def flush(self, more: bytes = b"") -> None:
        """Send what waits, as far as the client takes it at once; with `lock`."""
        if self._over:
            return
        was_full, self.full = self.full, not self._channel.offer(self._h2.data_to_send() + more)
        if self.full and not was_full:
            self.ring()
        elif was_full and not self.full:
            # It may be anybody who has sent the last of it.
            self._has_room()

    def end(self) -> None:
        """Say nothing more from now on; with `lock`."""
        with contextlib.suppress(OSError):
            self.flush()
        self._over = True

    def close(self) -> None:
        """Let go of the bell."""
        self._bell.close()
        self._ringer.close()
