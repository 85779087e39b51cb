"""A pipe between threads: bytes go in at one end as they come, and out at the other.

Rule: it holds a few pieces and no more, and neither end waits for one that has gone.
"""

from __future__ import annotations

import threading
from collections import deque
from typing import TYPE_CHECKING, Final, final

from occystrap.image.workers import Stopped

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["Pipe"]

#: Pieces that may be under way, of CHUNK bytes mostly.
_PIECES: Final = 4


@final
class Pipe:
    """A pipe; one thread at a time writes, and one reads."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._pieces: deque[bytes] = deque()
        self._error: BaseException | None = None
        self._finished = False

    @property
    def is_drained(self) -> bool:
        """Whether all has come out that went in, up to the end."""
        with self._changed:
            return self._finished and not self._pieces

    def check(self) -> None:
        """See whether the pipe holds.

        Raises:
            BaseException: what it was broken with.
        """
        with self._changed:
            if self._error is not None:
                raise self._error

    def write(self, piece: bytes) -> None:
        """Put a piece in, once there is room.

        Raises:
            BaseException: what the pipe was broken with.
        """
        with self._changed:
            self._changed.wait_for(lambda: len(self._pieces) < _PIECES or self._error is not None)
            if self._error is not None:
                raise self._error
            if piece:
                self._pieces.append(piece)
                self._changed.notify_all()

    def finish(self) -> None:
        """Say that nothing comes any more."""
        with self._changed:
            self._finished = True
            self._changed.notify_all()

    def break_off(self, error: BaseException | None = None) -> None:
        """Let both ends fail from now on, unless they have before."""
        with self._changed:
            self._error = self._error or error or Stopped("stopped")
            self._pieces.clear()
            self._changed.notify_all()

    def read(self) -> Iterator[bytes]:
        """Take the pieces out until the pipe is finished.

        Raises:
            BaseException: what the pipe was broken with.
        """
        while True:
            with self._changed:
                self._changed.wait_for(
                    lambda: self._pieces or self._finished or self._error is not None
                )
                if self._error is not None:
                    raise self._error
                if not self._pieces:
                    return
                piece = self._pieces.popleft()
                self._changed.notify_all()
            yield piece
