"""What a client makes of raw bytes: an answer, or an error in the words that httpx has for it.

Rule: h11 reads them, driven as httpcore drives it, so that bytes mean in process what they mean on
a socket.
Spec: https://www.rfc-editor.org/rfc/rfc9112
"""

from __future__ import annotations

from collections.abc import Generator, Iterable, Iterator
from typing import Final

import h11
import httpx

__all__ = ["NO_ANSWER", "RawAnswer"]

NO_ANSWER: Final = "Server disconnected without sending a response."

# Both as in httpcore: how much is received at once decides whether a long head is too long.
_RECEIVE: Final = 64 * 1024
_LONGEST_HEAD: Final = 100 * 1024
_SWITCHING_PROTOCOLS: Final = 101


class RawAnswer:
    """The answer to a request, read from pieces of bytes whose end is the end of the connection.

    What the pieces raise comes out of `head` and `body`.
    """

    def __init__(self, request: httpx.Request, pieces: Iterable[bytes]) -> None:
        self._pieces = _received(pieces)
        self._h11 = h11.Connection(h11.CLIENT, max_incomplete_event_size=_LONGEST_HEAD)
        asked = h11.Request(
            method=request.method, target=request.url.raw_path, headers=request.headers.raw
        )
        self._h11.send(asked)

    def head(self) -> h11.Response | h11.InformationalResponse:
        """Read as far as the final head.

        Raises:
            httpx.RemoteProtocolError: there is none, or what is there isn't HTTP.
        """
        while True:
            event = self._next_event()
            if isinstance(event, h11.Response):
                return event
            if (
                isinstance(event, h11.InformationalResponse)
                and event.status_code == _SWITCHING_PROTOCOLS
            ):
                return event

    def body(self) -> Generator[bytes]:
        """Read what comes behind the head.

        Raises:
            httpx.RemoteProtocolError: it isn't what the head says.
        """
        while isinstance(event := self._next_event(), h11.Data):
            yield bytes(event.data)

    def _next_event(self) -> object:
        try:
            while (event := self._h11.next_event()) is h11.NEED_DATA:
                data = next(self._pieces, b"")
                if not data and self._h11.their_state is h11.SEND_RESPONSE:
                    raise httpx.RemoteProtocolError(NO_ANSWER)
                self._h11.receive_data(data)
        except h11.RemoteProtocolError as error:
            raise httpx.RemoteProtocolError(str(error)) from error
        return event


def _received(pieces: Iterable[bytes]) -> Iterator[bytes]:
    """Go over bytes as they are received: some at a time, and never none."""
    for piece in pieces:
        for start in range(0, len(piece), _RECEIVE):
            yield piece[start : start + _RECEIVE]
