"""Changing the body of an answer piece by piece, as it leaves.

Rule: nothing is held whole, and whoever lets go of the new body lets go of the old one.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace

from occystrap.server.doors.framing import content_length, has_body
from occystrap.server.message import Headers, Response

__all__ = ["body_length", "first_bytes", "reshaped", "with_length"]

Reshape = Callable[[Iterable[bytes]], Iterator[bytes]]


class _Reshaped:
    def __init__(self, response: Response, reshape: Reshape) -> None:
        self._response = response
        self._reshape = reshape

    def __iter__(self) -> Iterator[bytes]:
        return self._reshape(self._response.body)

    def close(self) -> None:
        self._response.close()


def reshaped(response: Response, reshape: Reshape, headers: Headers | None = None) -> Response:
    """Return an answer whose body passes through a function, perhaps with other headers."""
    kept = response.headers if headers is None else headers
    return replace(response, headers=kept, body=_Reshaped(response, reshape))


def body_length(method: str, response: Response) -> int | None:
    """Return how long the body of an answer is: 0 if there is none, None if nobody says."""
    return content_length(response.headers) if has_body(method, response.status) else 0


def with_length(headers: Headers, length: int) -> Headers:
    """Return the headers with this Content-Length."""
    return headers.replace("Content-Length", str(length))


def first_bytes(pieces: Iterable[bytes], count: int) -> Iterator[bytes]:
    """Pass on so many bytes, and whatever empty pieces come before the last of them."""
    for piece in pieces:
        if len(piece) >= count:
            if count:
                yield piece[:count]
            return
        count -= len(piece)
        yield piece
