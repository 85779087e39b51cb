"""Handlers in front of a registry: they note what passes, misbehave on cue, or ask for a login."""

from __future__ import annotations

import base64
import itertools
import json
import threading
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field, replace

from occystrap.oci.digest import Digest
from occystrap.oci.routes import parse_route
from occystrap.server.message import CloseConnection, Handler, Headers, Request, Response

__all__ = ["BasicGate", "BearerGate", "Front", "Trick", "answer", "cut", "lose_answer", "status"]

Trick = Callable[[Request, Handler], Response]


def answer(status_code: int, body: bytes = b"", **headers: str) -> Response:
    """Make a response; header names are written with underscores."""
    fields = [(name.replace("_", "-"), value) for name, value in headers.items()]
    length = ("Content-Length", str(len(body)))
    return Response(status_code, Headers([*fields, length]), [body])


def status(status_code: int, **headers: str) -> Trick:
    """Answer with a status, without asking the registry."""

    def trick(request: Request, inner: Handler) -> Response:
        for _ in request.body:
            pass
        return answer(status_code, b"", **headers)

    return trick


def lose_answer(request: Request, inner: Handler) -> Response:
    """Let the registry do it, and break the connection before it can say so."""
    inner.handle(request).close()
    raise CloseConnection


def cut(size: int) -> Trick:
    """Break the body of the answer after some bytes."""

    def pieces(body: Iterable[bytes]) -> Iterator[bytes]:
        left = size
        for piece in body:
            yield piece[:left]
            left -= len(piece)
            if left <= 0:
                raise CloseConnection

    def trick(request: Request, inner: Handler) -> Response:
        response = inner.handle(request)
        return replace(response, body=pieces(response.body))

    return trick


@dataclass
class Front:
    """Notes each request as `METHOD kind`, and plays each trick once when its turn has come.

    Tricks are kept under `METHOD kind`, such as `GET blob`; those of one kind are played in order.
    """

    inner: Handler
    tricks: dict[str, list[Trick]] = field(default_factory=dict[str, list[Trick]])
    seen: list[str] = field(default_factory=list[str])
    requests: list[Request] = field(default_factory=list[Request])
    lock: threading.Lock = field(default_factory=threading.Lock)

    def handle(self, request: Request) -> Response:
        """Answer, or play a trick."""
        route = parse_route(request.path)
        kind = "other" if route is None else route.kind.value
        name = f"{request.method} {kind}"
        with self.lock:
            self.seen.append(name)
            self.requests.append(request)
            tricks = self.tricks.get(name)
            trick = tricks.pop(0) if tricks else None
        return self.inner.handle(request) if trick is None else trick(request, self.inner)


def _unauthorized(challenge: str) -> Response:
    body = b'{"errors":[{"code":"UNAUTHORIZED","message":"authentication required"}]}'
    return answer(401, body, WWW_Authenticate=challenge)


def basic(username: str, password: str) -> str:
    """Write a Basic Authorization."""
    return "Basic " + base64.b64encode(f"{username}:{password}".encode()).decode()


@dataclass
class BasicGate:
    """Lets in who knows the password."""

    inner: Handler
    username: str = "alice"
    password: str = "open sesame"

    def handle(self, request: Request) -> Response:
        """Ask for the password first."""
        if request.headers.get("Authorization") != basic(self.username, self.password):
            return _unauthorized('Basic realm="test"')
        return self.inner.handle(request)


@dataclass
class BearerGate:
    """Lets in who brings a token; the tokens come from /token of the same host.

    Each token is good for `uses` requests. Without a password tokens are given to everyone.
    """

    inner: Handler
    password: str | None = None
    uses: int = 1_000_000
    token_field: str = "token"
    challenge: str = 'Bearer realm="http://{host}/token",service="test"'
    expires_in: int | None = 300
    tokens: dict[str, int] = field(default_factory=dict[str, int])
    asked: list[Request] = field(default_factory=list[Request])
    lock: threading.Lock = field(default_factory=threading.Lock)
    numbers: Iterator[int] = field(default_factory=itertools.count)

    def handle(self, request: Request) -> Response:
        """Give out a token, or let in who has one."""
        if request.path == "/token":
            return self._give(request)
        scheme, _, token = (request.headers.get("Authorization") or "").partition(" ")
        with self.lock:
            good = scheme == "Bearer" and self.tokens.get(token, 0) > 0
            if good:
                self.tokens[token] -= 1
        if not good:
            return _unauthorized(self.challenge.format(host=request.host))
        return self.inner.handle(request)

    def _give(self, request: Request) -> Response:
        with self.lock:
            self.asked.append(request)
            token = Digest.of(str(next(self.numbers)).encode()).encoded
        given = request.headers.get("Authorization")
        if self.password is not None and given != basic("alice", self.password):
            return _unauthorized('Basic realm="tokens"')
        with self.lock:
            self.tokens[token] = self.uses
        document = {self.token_field: token, "expires_in": self.expires_in}
        kept = {name: value for name, value in document.items() if value is not None}
        return answer(200, json.dumps(kept).encode(), Content_Type="application/json")
