"""Effects on the connection itself: refused, reset, no HTTP, the ways of HTTP/2 and of TLS.

Rule: these only name what the client is to meet; what a door makes of it, docs/faults.md lists.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar, Final, Literal

from occystrap.server.doors.framing import has_body
from occystrap.server.message import (
    INTERNAL_ERROR,
    NO_ERROR,
    CloseConnection,
    FailHandshake,
    Garble,
    GoAway,
    Handshake,
    RefuseConnection,
    Request,
    ResetConnection,
    Response,
)
from pytest_occystrap.faults.effect import NO_NEEDS, Missed, Scene, Trait
from pytest_occystrap.faults.reshaping import body_length, cut, first_bytes, inserted, reshaped
from pytest_occystrap.faults.values import Natural, Seconds

__all__ = [
    "Garbage",
    "Goaway",
    "H2ResetStream",
    "Refuse",
    "ResetUpload",
    "TlsBadCertificate",
    "TlsNoCloseNotify",
    "TlsStall",
]


@dataclass(frozen=True, slots=True)
class Refuse:
    """Take no connection."""

    needs: ClassVar = NO_NEEDS

    def strike(self, request: Request, scene: Scene) -> Response | Missed:  # noqa: ARG002
        """Refuse."""
        raise RefuseConnection


Nonsense = Literal["noise", "two_lengths", "bad_header", "bad_chunk", "huge_header", "unasked_body"]


@dataclass(frozen=True, slots=True)
class Garbage:
    """Answer with bytes that are no HTTP; `form` says what is wrong with them."""

    form: Nonsense = "noise"
    needs: ClassVar = NO_NEEDS

    def strike(self, request: Request, scene: Scene) -> Response | Missed:  # noqa: ARG002
        """Talk nonsense."""
        raise Garble([_NONSENSE[self.form]])


_OK: Final = b"HTTP/1.1 200 OK\r\n"
_NONSENSE: Final = {
    "noise": b"\x15\x03\x01\x00\x02\x02\x46 this is not the protocol that you look for\r\n\r\n",
    "two_lengths": _OK + b"Content-Length: 3\r\nContent-Length: 4\r\n\r\nabcd",
    "bad_header": _OK + b"Content Length; 3\r\n\r\nabc",
    "bad_chunk": _OK + b"Transfer-Encoding: chunked\r\n\r\nzz\r\nabc\r\n0\r\n\r\n",
    "unasked_body": b"HTTP/1.1 204 No Content\r\nContent-Length: 3\r\n\r\nabc",
    "huge_header": _OK + b"X-Padding: " + b"x" * 200_000 + b"\r\nContent-Length: 0\r\n\r\n",
}


@dataclass(frozen=True, slots=True)
class ResetUpload:
    """Reset the connection when `after` bytes of the request's body have come."""

    after: Natural = 0
    needs: ClassVar = frozenset({Trait.REQUEST_BODY})

    def strike(self, request: Request, scene: Scene) -> Response | Missed:  # noqa: ARG002
        """Read so much, and break off."""
        for _ in first_bytes(request.body, self.after):
            pass
        raise ResetConnection(at_once=True)


@dataclass(frozen=True, slots=True)
class H2ResetStream:
    """End the stream with a code of HTTP/2, before the answer or behind a byte of its body.

    7 is REFUSED_STREAM, 13 HTTP_1_1_REQUIRED, 11 ENHANCE_YOUR_CALM. Other protocols have but a
    reset.
    """

    code: Natural = INTERNAL_ERROR
    after: Natural | None = None
    needs: ClassVar = NO_NEEDS

    def strike(self, request: Request, scene: Scene) -> Response | Missed:
        """Answer, or don't, and end the stream."""
        return _ended(request, scene, self.after, ResetConnection(self.code))


@dataclass(frozen=True, slots=True)
class Goaway:
    """Say goodbye in HTTP/2, before the answer or behind a byte of its body, and hang up.

    `last_stream` is whether the stream was looked at (`this`) or never was (`before`), in which
    case it's safe to ask again. With `finish` the answer is sent whole behind the goodbye, as a
    server does that stops gently. Other protocols have but the end of the connection.
    """

    code: Natural = NO_ERROR
    last_stream: Literal["this", "before"] = "this"
    after: Natural | None = None
    finish: bool = False
    needs: ClassVar = NO_NEEDS

    def strike(self, request: Request, scene: Scene) -> Response | Missed:
        """Answer, or don't, and hang up."""
        farewell = GoAway(self.code, taken=self.last_stream == "this")
        if self.finish:
            return self._gently(request, scene, farewell)
        return _ended(request, scene, self.after, CloseConnection(farewell))

    def _gently(self, request: Request, scene: Scene, farewell: GoAway) -> Response | Missed:
        response = scene.inner.handle(request)
        after = self.after or 0
        length = body_length(request.method, response)
        if length is not None and length <= after:
            return Missed(response)
        return reshaped(response, lambda body: inserted(body, after, farewell))


def _ended(
    request: Request, scene: Scene, after: int | None, signal: Exception
) -> Response | Missed:
    if after is None:
        raise signal
    return cut(request, scene.inner.handle(request), after, signal)


@dataclass(frozen=True, slots=True)
class TlsStall:
    """Never answer the handshake of TLS."""

    seconds: Seconds = 3600.0
    needs: ClassVar = NO_NEEDS

    def strike(self, request: Request, scene: Scene) -> Response | Missed:  # noqa: ARG002
        """Say nothing."""
        raise FailHandshake(Handshake.SILENT, self.seconds)


@dataclass(frozen=True, slots=True)
class TlsBadCertificate:
    """Show a certificate that can't be trusted."""

    kind: Literal["unknown_authority", "wrong_name", "expired"] = "unknown_authority"
    needs: ClassVar = NO_NEEDS

    def strike(self, request: Request, scene: Scene) -> Response | Missed:  # noqa: ARG002
        """Show it."""
        raise FailHandshake(Handshake[self.kind.upper()])


@dataclass(frozen=True, slots=True)
class TlsNoCloseNotify:
    """Send an answer without its length, and cut it behind byte `after` as if that were its end."""

    after: Natural = 0
    needs: ClassVar = frozenset({Trait.ANSWER_BODY})

    def strike(self, request: Request, scene: Scene) -> Response | Missed:
        """Answer with a part that looks whole."""
        response = scene.inner.handle(request)
        length = body_length(request.method, response)
        if length == 0 or not has_body(request.method, response.status):
            return Missed(response)
        raise Garble(_unframed(response, self.after), abrupt=True)


def _unframed(response: Response, after: int) -> Iterator[bytes]:
    headers = response.headers.remove("Content-Length", "Transfer-Encoding", "Connection")
    lines = [f"HTTP/1.1 {response.status} OK", "Connection: close"]
    lines += [f"{name}: {value}" for name, value in headers]
    yield "\r\n".join([*lines, "", ""]).encode("latin-1")
    try:
        yield from first_bytes(response.body, after)
    finally:
        response.close()
