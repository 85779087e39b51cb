"""Blobs of another registry as blobs of this one: streamed, verified, and in parts.

Rule: a whole blob is verified as it passes. Of a part only the other registry can say that it is
the right one, so it has to name exactly the range that was asked for.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, final

import httpx

from occystrap.client.ask import Ask
from occystrap.client.failures import transport_error
from occystrap.errors import OccystrapError, TransportError
from occystrap.server.message import CloseConnection

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator

    from occystrap.client.download import RemoteBlob

__all__ = ["ServedBlob", "ServedBody"]

_LOG: Final = logging.getLogger(__name__)
_PARTIAL: Final = 206


@final
@dataclass(frozen=True, slots=True)
class ServedBlob:
    """A blob that is read where it is."""

    remote: RemoteBlob

    @property
    def size(self) -> int:
        """Count of its bytes."""
        return self.remote.size

    def read(self, start: int, stop: int) -> Iterator[bytes]:
        """Read the bytes from `start` up to `stop`; nothing is asked before the first is wanted."""
        if (start, stop) == (0, self.size):
            return ServedBody(self._whole())
        return ServedBody(self._part(start, stop))

    def _whole(self) -> Generator[bytes]:
        yield from self.remote.open()

    def _part(self, start: int, stop: int) -> Generator[bytes]:
        remote = self.remote
        ask = Ask("GET", remote.url, {"Range": f"bytes={start}-{stop - 1}"})
        with remote.session.open(ask, remote.grant) as answer:
            skip, left = 0, stop - start
            if answer.status != _PARTIAL:
                skip = start
            else:
                said = answer.headers.get("Content-Range", "").strip()
                if not said.startswith(f"bytes {start}-{stop - 1}/"):
                    reason = "the answer holds another range than was asked for"
                    raise TransportError(f"GET {remote.url}: {reason}", "GET", remote.url, reason)
            try:
                for piece in answer.iter_raw():
                    wanted = piece[skip : skip + left]
                    skip = max(0, skip - len(piece))
                    left -= len(wanted)
                    if wanted:
                        yield wanted
                    if not left:
                        return
            except httpx.HTTPError as error:
                raise transport_error("GET", remote.url, error) from error


@final
class ServedBody:
    """Bytes on their way from one registry to a client of the other."""

    def __init__(self, pieces: Generator[bytes]) -> None:
        self._pieces = pieces
        self._first = b""

    def begin(self) -> None:
        """Wait for the first bytes, so that what goes wrong before can still be an answer.

        Raises:
            OccystrapError: it did.
        """
        self._first = next(self._pieces, b"")

    def __iter__(self) -> Iterator[bytes]:
        return self

    def __next__(self) -> bytes:
        first, self._first = self._first, b""
        if first:
            return first
        try:
            return next(self._pieces)
        except OccystrapError as error:
            _LOG.warning("a blob broke off on its way to a client: %s", error)
            raise CloseConnection from error

    def close(self) -> None:
        """Let go of the connection."""
        self._pieces.close()
