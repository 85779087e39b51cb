"""What a handler can tell a door beside an answer: how the connection goes wrong.

Rule: a signal says what the client is to meet, not how a socket does it. Each door makes of it what
a real server would have caused there.
"""

from __future__ import annotations

from collections.abc import Iterable
from enum import Enum
from typing import Final, Self

__all__ = [
    "INTERNAL_ERROR",
    "NO_ERROR",
    "CloseConnection",
    "FailHandshake",
    "Garble",
    "GoAway",
    "Handshake",
    "RefuseConnection",
    "RequestAborted",
    "ResetConnection",
    "Stall",
    "StopReading",
]

#: Codes of HTTP/2: https://www.rfc-editor.org/rfc/rfc9113#name-error-codes
NO_ERROR: Final = 0
INTERNAL_ERROR: Final = 2


class ResetConnection(Exception):
    """To a door: break the connection here, so that the client sees a reset.

    Over HTTP/2 only the request's stream is reset, with `code` (RFC 9113 section 7), unless that is
    None. A client that is still sending finds out when it has sent everything, and in one way;
    `at_once` it does in the middle, and in which way depends on what it was about to do.
    """

    def __init__(self, code: int | None = INTERNAL_ERROR, *, at_once: bool = False) -> None:
        super().__init__(code)
        self.code = code
        self.at_once = at_once


class CloseConnection(Exception):
    """To a door: end the connection here, as one that has nothing more to say.

    Over HTTP/2 all its streams end; the client is told before if there is a `goodbye`.
    """

    def __init__(self, goodbye: GoAway | None = None) -> None:
        super().__init__(goodbye)
        self.goodbye = goodbye


class RefuseConnection(ResetConnection):
    """To a door: be as if nobody listened.

    In process the client is refused. A socket has taken the connection already, and resets it.
    """

    def __init__(self) -> None:
        super().__init__(code=None, at_once=True)


class Garble(Exception):
    """To a door: send these bytes in place of an answer, whatever they are, and end the connection.

    With `abrupt`, TLS ends without its farewell, as if the connection had been cut.
    """

    def __init__(self, pieces: Iterable[bytes], *, abrupt: bool = False) -> None:
        super().__init__()
        self.pieces = pieces
        self.abrupt = abrupt


class StopReading(Exception):
    """To a door: read nothing more of the request for some seconds, then break the connection.

    Over HTTP/2 that is said of the stream: it gets no leave to send more, and then a reset.
    """

    def __init__(self, seconds: float) -> None:
        super().__init__(seconds)
        self.seconds = seconds


class Handshake(Enum):
    """How a TLS handshake fails: in silence, or by a certificate that the client can't accept."""

    SILENT = "silent"
    UNKNOWN_AUTHORITY = "unknown authority"
    WRONG_NAME = "wrong name"
    EXPIRED = "expired"


class FailHandshake(Exception):
    """To a door: let no connection come to be.

    Who may raise it is asked when a connection begins, or by a request that is made in process. A
    request over a socket comes too late for it: there it is RefuseConnection. Kinds that need a
    certificate are ignored where no TLS is spoken.
    """

    def __init__(self, kind: Handshake, seconds: float = 0.0) -> None:
        super().__init__(kind)
        self.kind = kind
        #: How long the silence of SILENT lasts.
        self.seconds = seconds


class RequestAborted(Exception):
    """To a handler: the rest of the request's body will never come."""


class Stall(bytes):
    """An empty piece of a body that asks the door to be silent for some seconds first.

    It is a piece, not an exception, so that it passes through whatever wraps the body and the
    body goes on behind it.
    """

    seconds: float

    def __new__(cls, seconds: float) -> Self:
        """Make a pause."""
        stall = super().__new__(cls)
        stall.seconds = seconds
        return stall

    def __repr__(self) -> str:
        return f"Stall({self.seconds})"


class GoAway(Stall):
    """A Stall of no time, at which HTTP/2 says that this connection takes no more requests.

    The body goes on behind it. `code` is one of RFC 9113 section 7. Unless `taken`, the request
    itself is said to be among those that were never looked at, and can be made again.
    """

    code: int
    taken: bool

    def __new__(cls, code: int = NO_ERROR, *, taken: bool = True) -> Self:
        """Make a farewell."""
        farewell = super().__new__(cls, 0.0)
        farewell.code, farewell.taken = code, taken
        return farewell

    def __repr__(self) -> str:
        return f"GoAway({self.code}, taken={self.taken})"
