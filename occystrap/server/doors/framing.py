"""What of a response goes on the wire, the same at every door.

Spec: https://www.rfc-editor.org/rfc/rfc9112#name-message-body-length
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from occystrap.server.message import CloseConnection, Headers, Response, Stall

__all__ = ["CutShort", "content_length", "framed", "has_body"]

_WITHOUT_BODY: Final = frozenset({204, 304})


class CutShort(CloseConnection):
    """The body ended before it was as long as it has to be."""


def content_length(headers: Headers) -> int | None:
    """Return how many bytes a body has to have, if the headers say so."""
    length = headers.get("Content-Length")
    return int(length) if length is not None and length.isdecimal() else None


def has_body(method: str, status: int) -> bool:
    """Say whether HTTP lets the answer of a method have a body."""
    return method != "HEAD" and status not in _WITHOUT_BODY


def framed(method: str, response: Response) -> Iterator[bytes]:
    """Go over the pieces of a body that belong to the answer of a method, and stalls between them.

    No piece but a Stall is empty, and together they are never longer than Content-Length.

    Raises:
        ResetConnection, CloseConnection: the body did.
        CutShort: it was shorter than Content-Length.
    """
    if not has_body(method, response.status):
        return
    left = content_length(response.headers)
    for piece in response.body:
        if isinstance(piece, Stall):
            yield piece
        elif left is None:
            if piece:
                yield piece
        else:
            fitting = piece if len(piece) <= left else piece[:left]
            left -= len(fitting)
            if fitting:
                yield fitting
    if left:
        raise CutShort
