"""Effects on the bytes of an answer: cut, changed, too many, too few.

Rule: an effect at a byte strikes only a body that has that byte.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from typing import ClassVar, Final, Literal

from occystrap.server.message import (
    CloseConnection,
    Headers,
    Request,
    ResetConnection,
    Response,
)
from pytest_occystrap.faults.effect import Missed, Scene, Trait
from pytest_occystrap.faults.reshaping import body_length, cut, first_bytes, reshaped, with_length
from pytest_occystrap.faults.values import Natural, Positive

__all__ = [
    "Close",
    "Corrupt",
    "Empty",
    "Extra",
    "GzipEncode",
    "Reset",
    "SwapBody",
    "Truncate",
    "WrongLength",
]

_BODY: Final = frozenset({Trait.ANSWER_BODY})
_ANY: Final[frozenset[Trait]] = frozenset()


@dataclass(frozen=True, slots=True)
class Reset:
    """Reset the connection behind byte `after` of the body; without it, before the answer."""

    after: Natural | None = None
    needs: ClassVar = _ANY

    def strike(self, request: Request, scene: Scene) -> Response | Missed:
        """Answer, and break off."""
        if self.after is None:
            raise ResetConnection
        return cut(request, scene.inner.handle(request), self.after, ResetConnection())


@dataclass(frozen=True, slots=True)
class Close:
    """End the connection behind byte `after` of the body; without it, before the answer."""

    after: Natural | None = None
    needs: ClassVar = _ANY

    def strike(self, request: Request, scene: Scene) -> Response | Missed:
        """Answer, and break off."""
        if self.after is None:
            raise CloseConnection
        return cut(request, scene.inner.handle(request), self.after, CloseConnection())


@dataclass(frozen=True, slots=True)
class Truncate:
    """End the body behind byte `at`; with `agree`, Content-Length says that this is all of it."""

    at: Natural
    agree: bool = False
    needs: ClassVar = _BODY

    def strike(self, request: Request, scene: Scene) -> Response | Missed:
        """Answer with less."""
        response = scene.inner.handle(request)
        length = body_length(request.method, response)
        if length is not None and length <= self.at:
            return Missed(response)
        headers = with_length(response.headers, self.at) if self.agree else response.headers
        return reshaped(response, lambda body: first_bytes(body, self.at), headers)


@dataclass(frozen=True, slots=True)
class Corrupt:
    """Turn the bits of byte `at` of the body over."""

    at: Natural = 0
    needs: ClassVar = _BODY

    def strike(self, request: Request, scene: Scene) -> Response | Missed:
        """Answer with one byte that is wrong."""
        response = scene.inner.handle(request)
        length = body_length(request.method, response)
        if length is not None and length <= self.at:
            return Missed(response)
        return reshaped(response, self._changed)

    def _changed(self, body: Iterable[bytes]) -> Iterator[bytes]:
        left = self.at
        for piece in body:
            if 0 <= left < len(piece):
                yield piece[:left] + bytes([piece[left] ^ 0xFF]) + piece[left + 1 :]
            else:
                yield piece
            left -= len(piece)


@dataclass(frozen=True, slots=True)
class Extra:
    """Send `size` bytes more than there are, and count them in Content-Length."""

    size: Positive = 1
    needs: ClassVar = _BODY

    def strike(self, request: Request, scene: Scene) -> Response | Missed:
        """Answer with more."""
        response = scene.inner.handle(request)
        length = body_length(request.method, response)
        if length == 0:
            return Missed(response)
        headers = response.headers
        if length is not None:
            headers = with_length(headers, length + self.size)

        def pieces(body: Iterable[bytes]) -> Iterator[bytes]:
            yield from body
            yield bytes(self.size)

        return reshaped(response, pieces, headers)


@dataclass(frozen=True, slots=True)
class Empty:
    """Answer as well as ever, but with nothing in it."""

    needs: ClassVar = _BODY

    def strike(self, request: Request, scene: Scene) -> Response | Missed:
        """Answer with nothing."""
        response = scene.inner.handle(request)
        if body_length(request.method, response) == 0:
            return Missed(response)
        return reshaped(response, lambda _: iter(()), with_length(response.headers, 0))


@dataclass(frozen=True, slots=True)
class WrongLength:
    """Announce `by` bytes more than come, or fewer if it is below 0."""

    by: int = 1
    needs: ClassVar = _BODY

    def strike(self, request: Request, scene: Scene) -> Response | Missed:
        """Answer with a Content-Length that isn't true."""
        response = scene.inner.handle(request)
        length = body_length(request.method, response)
        if not (length and self.by) or length + self.by < 0:
            return Missed(response)
        return replace(response, headers=with_length(response.headers, length + self.by))


@dataclass(frozen=True, slots=True)
class SwapBody:
    """Send other content: as many bytes of `random` as were due, or a page of `html`."""

    content: Literal["random", "html"] = "random"
    needs: ClassVar = _BODY

    def strike(self, request: Request, scene: Scene) -> Response | Missed:
        """Answer with what wasn't asked for."""
        response = scene.inner.handle(request)
        length = body_length(request.method, response)
        if not length:
            return Missed(response)
        if self.content == "random":
            seed = scene.dice.randrange(256)
            return reshaped(response, lambda body: (_inverted(piece, seed) for piece in body))
        headers = response.headers.replace("Content-Type", "text/html; charset=utf-8")
        return reshaped(response, lambda _: iter((_PORTAL,)), with_length(headers, len(_PORTAL)))


#: What networks of hotels answer for every host.
_PORTAL: Final = b"<!DOCTYPE html>\n<title>Welcome</title>\n<p>Please log in to go on.</p>\n"


def _inverted(piece: bytes, seed: int) -> bytes:
    """Return as many bytes that are surely others; a Stall stays what it is."""
    return (
        piece.translate(bytes((255 - n + seed * 2) % 256 for n in range(256))) if piece else piece
    )


@dataclass(frozen=True, slots=True)
class GzipEncode:
    """Compress the body on its way, as proxies do; `name` is the coding that the headers tell.

    With `lie` the headers tell it, and nothing is compressed.
    """

    name: str = "gzip"
    lie: bool = False
    needs: ClassVar = _BODY

    def strike(self, request: Request, scene: Scene) -> Response | Missed:
        """Answer with a Content-Encoding."""
        response = scene.inner.handle(request)
        if body_length(request.method, response) == 0:
            return Missed(response)
        headers = response.headers.add("Content-Encoding", self.name)
        if self.lie:
            return replace(response, headers=headers)
        return reshaped(response, _compressed, Headers(headers.remove("Content-Length")))


def _compressed(body: Iterable[bytes]) -> Iterator[bytes]:
    gzip = 16
    packer = zlib.compressobj(wbits=zlib.MAX_WBITS + gzip)
    for piece in body:
        # An empty piece may be a Stall, which has to arrive as it is.
        yield packer.compress(piece) if piece else piece
    yield packer.flush()
