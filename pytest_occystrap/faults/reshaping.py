"""Changing the body of an answer piece by piece, as it leaves.

Rule: nothing is held whole but a document of JSON, and whoever lets go of the new body lets go of
the old one.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import replace
from typing import Any, cast

from occystrap.server.doors.framing import content_length, has_body
from occystrap.server.message import Headers, Request, Response
from pytest_occystrap.faults.effect import Missed

__all__ = [
    "body_length",
    "cut",
    "first_bytes",
    "inserted",
    "read_document",
    "reshaped",
    "with_document",
    "with_length",
]

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


def cut(request: Request, response: Response, after: int, signal: Exception) -> Response | Missed:
    """Let so many bytes of a body pass, and raise where the next one would come."""
    length = body_length(request.method, response)
    if length is not None and length <= after:
        return Missed(response)

    def pieces(body: Iterable[bytes]) -> Iterator[bytes]:
        yield from first_bytes(body, after)
        raise signal

    return reshaped(response, pieces)


def body_length(method: str, response: Response) -> int | None:
    """Return how long the body of an answer is: 0 if there is none, None if nobody says."""
    return content_length(response.headers) if has_body(method, response.status) else 0


def with_length(headers: Headers, length: int) -> Headers:
    """Return the headers with this Content-Length."""
    return headers.replace("Content-Length", str(length))


def read_document(response: Response) -> tuple[Response, dict[str, Any] | None]:
    """Read a small JSON object; the answer that comes back still has its body.

    None is anything else.
    """
    raw = b"".join(response.body)
    response.close()
    kept = replace(response, body=(raw,))
    try:
        document: object = json.loads(raw)
    except ValueError:
        return kept, None
    return kept, cast("dict[str, Any]", document) if isinstance(document, dict) else None


def with_document(response: Response, document: Mapping[str, Any]) -> Response:
    """Return the answer with a JSON object as its body."""
    text = json.dumps(document).encode()
    return replace(response, headers=with_length(response.headers, len(text)), body=(text,))


def first_bytes(pieces: Iterable[bytes], count: int) -> Iterator[bytes]:
    """Pass on so many bytes, and whatever empty pieces come before the last of them."""
    for piece in pieces:
        if len(piece) >= count:
            if count:
                yield piece[:count]
            return
        count -= len(piece)
        yield piece


def inserted(pieces: Iterable[bytes], at: int, empty_piece: bytes) -> Iterator[bytes]:
    """Pass all on, and put an empty piece with a meaning in front of byte `at`."""
    left = at
    for piece in pieces:
        if 0 <= left < len(piece):
            if left:
                yield piece[:left]
            yield empty_piece
            yield piece[left:]
        else:
            yield piece
        left -= len(piece)
