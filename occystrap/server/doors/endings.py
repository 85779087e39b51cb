"""How a connection ends: so that the other side has what was sent, or sees a reset behind it.

Spec: https://www.rfc-editor.org/rfc/rfc9112#name-tear-down
"""

from __future__ import annotations

import contextlib
import fcntl
import socket
import struct
import termios
from collections.abc import Callable
from typing import Final

from occystrap.server.doors.channel import Channel
from occystrap.server.message import CloseConnection

__all__ = ["arm_reset", "linger"]

_RECEIVE: Final = 256 * 1024
_LINGER_SECONDS: Final = 1.0
_LINGER_BYTES: Final = 256 * 1024 * 1024
_DELIVERY_SECONDS: Final = 10.0
_POLL_SECONDS: Final = 0.001


def linger(channel: Channel) -> None:
    """Let the client read the answer before it learns that nobody reads its request.

    A socket that is closed with unread bytes sends a reset, which would destroy the answer.
    """
    channel.finish()
    channel.settimeout(_LINGER_SECONDS)
    left = _LINGER_BYTES
    while left > 0 and (piece := channel.socket.recv(_RECEIVE)):
        left -= len(piece)


def arm_reset(connection: socket.socket, sleep: Callable[[float], None]) -> None:
    """Make the coming close a reset, behind the last byte that was sent.

    A reset throws away what is still under way: that has to be with the client first. A unix socket
    has nothing under way.
    """
    if connection.family == socket.AF_UNIX:
        return
    waited = 0.0
    with contextlib.suppress(CloseConnection):
        while _undelivered(connection) and waited < _DELIVERY_SECONDS:
            sleep(_POLL_SECONDS)
            waited += _POLL_SECONDS
    on, at_once = 1, 0
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", on, at_once))


def _undelivered(connection: socket.socket) -> int:
    """Count the bytes that the other side hasn't taken yet."""
    answer = fcntl.ioctl(connection, termios.TIOCOUTQ, struct.pack("i", 0))
    count: int = struct.unpack("i", answer)[0]
    return count
