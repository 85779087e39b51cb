"""What a client makes of raw bytes: an answer, or an error in the words that httpx has for it.

Rule: bytes mean in process what they mean on a socket.
"""

from __future__ import annotations

from collections.abc import Generator, Iterable, Iterator

import h11
import httpx

from occystrap.http1 import RECEIVE, Head, new_exchange, read_body, read_head

__all__ = ["RawAnswer"]


class RawAnswer:
    """The answer to a request, read from pieces of bytes whose end is the end of the connection.

    What the pieces raise comes out of `head` and `body`.
    """

    def __init__(self, request: httpx.Request, pieces: Iterable[bytes]) -> None:
        self._pieces = _received(pieces)
        self._exchange = new_exchange()
        asked = h11.Request(
            method=request.method, target=request.url.raw_path, headers=request.headers.raw
        )
        self._exchange.send(asked)

    def head(self) -> Head:
        """Read as far as the final head.

        Raises:
            httpx.RemoteProtocolError: there is none, or what is there isn't HTTP.
        """
        try:
            return read_head(self._exchange, self._receive)
        except h11.RemoteProtocolError as error:
            raise httpx.RemoteProtocolError(str(error)) from error

    def body(self) -> Generator[bytes]:
        """Read what comes behind the head.

        Raises:
            httpx.RemoteProtocolError: it isn't what the head says.
        """
        try:
            yield from read_body(self._exchange, self._receive)
        except h11.RemoteProtocolError as error:
            raise httpx.RemoteProtocolError(str(error)) from error

    def _receive(self, _size: int) -> bytes:
        return next(self._pieces, b"")


def _received(pieces: Iterable[bytes]) -> Iterator[bytes]:
    """Go over bytes as they are received: some at a time, and never none."""
    for piece in pieces:
        for start in range(0, len(piece), RECEIVE):
            yield piece[start : start + RECEIVE]
