"""What a socket says for a handler: also when that fails.

Rule: in process a bug is seen as it is; over a socket it is a 500 or a body that breaks off, and
the log says more.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator
from typing import Final

from occystrap.oci.redaction import redact_url
from occystrap.server.doors.framing import CutShort, framed
from occystrap.server.message import (
    CloseConnection,
    FailHandshake,
    Garble,
    Handler,
    Headers,
    RefuseConnection,
    Request,
    RequestAborted,
    ResetConnection,
    Response,
    StopReading,
)

__all__ = ["answer", "body", "garbage", "plain"]

_LOG: Final = logging.getLogger(__name__)


def answer(handler: Handler, request: Request) -> Response:
    """Let a handler answer.

    Raises:
        ResetConnection, CloseConnection, Garble, StopReading: the handler did.
    """
    try:
        response = handler.handle(request)
    except (ResetConnection, CloseConnection, Garble, StopReading):
        raise
    except FailHandshake as signal:
        raise RefuseConnection from signal
    except RequestAborted as error:
        response = plain(400, str(error))
    except Exception:  # noqa: BLE001 - any bug of a handler
        _LOG.exception("%s %s failed", request.method, redact_url(request.path))
        response = plain(500, "The server failed; its log says more.")
    _LOG.debug("%s %s %s", request.method, redact_url(request.path), response.status)
    return response


def body(method: str, response: Response) -> Iterator[bytes]:
    """Go over the pieces of a body, as `framed` does.

    Raises:
        ResetConnection, CloseConnection: the body did, failed, or was too short.
    """
    return _unless_broken(framed(method, response))


def garbage(signal: Garble) -> Iterator[bytes]:
    """Go over the pieces of a Garble, and stalls between them.

    Raises:
        ResetConnection, CloseConnection: a piece did, or failed.
    """
    return _unless_broken(signal.pieces)


def _unless_broken(pieces: Iterable[bytes]) -> Iterator[bytes]:
    try:
        yield from pieces
    except (ResetConnection, CloseConnection):
        raise
    except Exception as error:
        _LOG.exception("the body of an answer broke off")
        raise CutShort from error


def plain(status: int, text: str) -> Response:
    """Make an answer behind which the connection ends."""
    content = f"{text}\n".encode()
    fields = {
        "Content-Type": "text/plain; charset=utf-8",
        "Content-Length": str(len(content)),
        "Connection": "close",
    }
    return Response(status, Headers(fields), (content,))
