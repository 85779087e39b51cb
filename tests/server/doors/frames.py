"""A client of HTTP/2 that says what a test wants, and notes all that it hears."""

from __future__ import annotations

import contextlib
import socket
from collections.abc import Callable, Iterator
from pathlib import Path

import h2.config
import h2.connection
import h2.events

from occystrap.server.doors.listener import Listener, serve
from occystrap.server.message import Handler

__all__ = ["Talk", "talking"]

_PATIENCE = 20


class Talk:
    """A connection, without any check of what is sent."""

    def __init__(self, connection: socket.socket) -> None:
        self.socket = connection
        self.events: list[h2.events.Event] = []
        self.ended = False
        config = h2.config.H2Configuration(
            validate_outbound_headers=False, normalize_outbound_headers=False
        )
        self.h2 = h2.connection.H2Connection(config)
        self.h2.initiate_connection()
        self.flush()

    def flush(self) -> None:
        """Send what h2 has to say."""
        self.socket.sendall(self.h2.data_to_send())

    def ask(self, path: str = "/", method: str = "GET", *, end: bool = True, **fields: str) -> int:
        """Send the head of a request; return its stream."""
        number = self.h2.get_next_available_stream_id()
        head = {":method": method, ":path": path, ":scheme": "http", ":authority": "x"}
        more = {name.replace("_", "-"): value for name, value in fields.items()}
        self.h2.send_headers(number, list((head | more).items()), end_stream=end)
        self.flush()
        return number

    def send(self, number: int, data: bytes, *, end: bool = False) -> None:
        """Send a piece of a body that fits into a frame."""
        self.h2.send_data(number, data, end_stream=end)
        self.flush()

    def hear(self) -> bool:
        """Wait for more; False at the end."""
        data = self.socket.recv(65536)
        if not data:
            self.ended = True
            return False
        for event in self.h2.receive_data(data):
            self.events.append(event)
        self.flush()
        return True

    def until(self, condition: Callable[[], bool]) -> None:
        """Hear until something is so."""
        while not condition():
            assert self.hear(), self.events

    def heard(
        self, kind: type[h2.events.Event], number: int | None = None
    ) -> list[h2.events.Event]:
        """Return the events of a kind, those of one stream if it has a number."""
        return [
            event
            for event in self.events
            if isinstance(event, kind) and number in (None, getattr(event, "stream_id", None))
        ]

    def body(self, number: int) -> bytes:
        """Return what has come of a body."""
        pieces = self.heard(h2.events.DataReceived, number)
        return b"".join(event.data for event in pieces if isinstance(event, h2.events.DataReceived))

    def finish(self, number: int) -> bytes:
        """Wait for the end of an answer; return its body."""
        self.until(lambda: bool(self.heard(h2.events.StreamEnded, number)))
        return self.body(number)

    def reset_code(self, number: int) -> int:
        """Wait until a stream is reset; return the code."""
        self.until(lambda: bool(self.heard(h2.events.StreamReset, number)))
        (event,) = self.heard(h2.events.StreamReset, number)
        assert isinstance(event, h2.events.StreamReset)
        return int(event.error_code or 0)

    def goodbye(self) -> tuple[int, int]:
        """Wait for a GOAWAY; return its code and last stream."""
        self.until(lambda: bool(self.heard(h2.events.ConnectionTerminated)))
        (event,) = self.heard(h2.events.ConnectionTerminated)
        assert isinstance(event, h2.events.ConnectionTerminated)
        return int(event.error_code or 0), int(event.last_stream_id or 0)


@contextlib.contextmanager
def talking(handler: Handler, unix: Path | None = None) -> Iterator[tuple[Talk, Listener]]:
    """Talk to a handler over a plain socket, of unix if there is a path."""
    with serve(handler, unix or ("127.0.0.1", 0)) as listener:
        family = socket.AF_INET if unix is None else socket.AF_UNIX
        with socket.socket(family) as connection:
            host, _, port = listener.host.rpartition(":")
            connection.settimeout(_PATIENCE)
            connection.connect((host, int(port)) if unix is None else str(unix))
            yield Talk(connection), listener
