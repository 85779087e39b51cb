"""The signals of handlers that leave a client in process without an answer.

Rule: each is the exception that httpx raises over a real connection, and takes from the request
what a real server would have taken.
"""

from __future__ import annotations

import ssl
from collections.abc import Iterator
from typing import Final, NoReturn

import httpx

from occystrap.http1 import NO_ANSWER
from occystrap.server.doors.handshakes import refusal
from occystrap.server.doors.in_process_answers import RESET
from occystrap.server.doors.patience import Patience, Phase
from occystrap.server.message import (
    CloseConnection,
    FailHandshake,
    Handshake,
    RefuseConnection,
    ResetConnection,
    StopReading,
)

__all__ = ["SIGNALS", "Signal", "fail"]

Signal = ResetConnection | CloseConnection | StopReading | FailHandshake
SIGNALS: Final = (ResetConnection, CloseConnection, StopReading, FailHandshake)

_REFUSED: Final = "[Errno 111] Connection refused"
_ENDED: Final = "[SSL: UNEXPECTED_EOF_WHILE_READING] EOF occurred in violation of protocol"


def fail(
    signal: Signal, request: httpx.Request, unsent: Iterator[bytes], patience: Patience
) -> NoReturn:
    """Raise what the client meets; `unsent` is what it has left to send.

    Raises:
        httpx.TransportError: that.
        RequestAborted: the client has an error of its own.
    """
    match signal:
        case RefuseConnection():
            raise httpx.ConnectError(_REFUSED) from signal
        case FailHandshake():
            _fail_handshake(signal, request, patience)
        case StopReading():
            sending = _is_sending(unsent)
            patience.wait(Phase.WRITE if sending else Phase.READ, signal.seconds)
            raise _reset(sending=sending) from signal
        case ResetConnection(at_once=True):
            raise _reset(sending=_is_sending(unsent)) from signal
    for _ in unsent:
        pass
    if isinstance(signal, ResetConnection):
        raise httpx.ReadError(RESET) from signal
    raise httpx.RemoteProtocolError(NO_ANSWER) from signal


def _is_sending(unsent: Iterator[bytes]) -> bool:
    """Say whether the client still has bytes to send; no buffer takes them off its hands."""
    return any(unsent)


def _reset(*, sending: bool) -> httpx.NetworkError:
    return httpx.WriteError(RESET) if sending else httpx.ReadError(RESET)


def _fail_handshake(signal: FailHandshake, request: httpx.Request, patience: Patience) -> NoReturn:
    if signal.kind is Handshake.SILENT:
        patience.wait(Phase.CONNECT, signal.seconds)
        raise httpx.ConnectError(_ENDED) from ssl.SSLEOFError(ssl.SSL_ERROR_EOF, _ENDED)
    error = refusal(signal.kind, request.url.raw_host.decode("ascii"))
    raise httpx.ConnectError(str(error)) from error
