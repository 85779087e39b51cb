"""Reading an answer of HTTP/1.1, without any I/O: by h11, driven as httpcore drives it.

Rule: what bytes mean doesn't depend on who receives them: our client from a socket, or a client of
the in-process door. What isn't HTTP is a `h11.RemoteProtocolError`.
Spec: https://www.rfc-editor.org/rfc/rfc9112
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, TypeAlias

import h11

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

__all__ = ["NO_ANSWER", "RECEIVE", "Head", "Receive", "new_exchange", "read_body", "read_head"]

NO_ANSWER: Final = "Server disconnected without sending a response."
#: Bytes. How much is received at once decides whether a long head is too long.
RECEIVE: Final = 64 * 1024
_LONGEST_HEAD: Final = 100 * 1024
_SWITCHING_PROTOCOLS: Final = 101

Head: TypeAlias = h11.Response | h11.InformationalResponse
#: Gives up to so many bytes, none at the end.
Receive: TypeAlias = "Callable[[int], bytes]"


def new_exchange() -> h11.Connection:
    """Begin an exchange, as the client."""
    return h11.Connection(h11.CLIENT, max_incomplete_event_size=_LONGEST_HEAD)


def read_head(exchange: h11.Connection, receive: Receive) -> Head:
    """Read as far as the final head.

    Raises:
        h11.RemoteProtocolError: there is none, or what is there isn't HTTP.
    """
    while True:
        event = _next_event(exchange, receive)
        if isinstance(event, h11.Response):
            return event
        if (
            isinstance(event, h11.InformationalResponse)
            and event.status_code == _SWITCHING_PROTOCOLS
        ):
            return event


def read_body(exchange: h11.Connection, receive: Receive) -> Iterator[bytes]:
    """Read what comes behind the head.

    Raises:
        h11.RemoteProtocolError: it isn't what the head says.
    """
    while isinstance(event := _next_event(exchange, receive), h11.Data):
        yield bytes(event.data)


def _next_event(exchange: h11.Connection, receive: Receive) -> object:
    while (event := exchange.next_event()) is h11.NEED_DATA:
        data = receive(RECEIVE)
        if not data and exchange.their_state is h11.SEND_RESPONSE:
            raise h11.RemoteProtocolError(NO_ANSWER)
        exchange.receive_data(data)
    return event
