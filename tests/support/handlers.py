"""Handlers in front of a registry: they note what passes, misbehave on cue, or ask for a login."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field, replace
from http import HTTPStatus

from occystrap.oci.routes import parse_route
from occystrap.server import gate
from occystrap.server.access import bearer_token
from occystrap.server.message import CloseConnection, Handler, Headers, Request, Response
from occystrap.server.tokens import TokenForm

__all__ = [
    "BasicGate",
    "BearerGate",
    "Front",
    "OtherChallenge",
    "ShortTokens",
    "Trick",
    "answer",
    "cut",
    "lose_answer",
    "status",
]

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


#: The one account of the gates here.
ALICE = "alice"
PASSWORD = "open sesame"


class BasicGate(gate.BasicGate):
    """Lets alice in, with her password."""

    def __init__(self, inner: Handler, password: str = PASSWORD) -> None:
        super().__init__(inner, {ALICE: password})


class BearerGate(gate.BearerGate):
    """Lets in who brings a token, which alice gets for her password; everyone if she has none."""

    def __init__(
        self,
        inner: Handler,
        password: str | None = None,
        *,
        expires_in: int | None = 300,
        form: TokenForm | None = None,
    ) -> None:
        super().__init__(
            inner,
            accounts=None if password is None else {ALICE: password},
            anonymous_pull=False,
            expires_in=expires_in,
            form=form or TokenForm(),
        )


@dataclass
class ShortTokens:
    """Ends all tokens of a gate after each so many requests that one opened it for."""

    gate: gate.BearerGate
    uses: int
    left: int = field(init=False)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def __post_init__(self) -> None:
        self.left = self.uses

    def handle(self, request: Request) -> Response:
        """Let the gate answer."""
        response = self.gate.handle(request)
        if bearer_token(request) is not None and response.status != HTTPStatus.UNAUTHORIZED:
            with self.lock:
                self.left -= 1
                if not self.left:
                    self.left = self.uses
                    self.gate.expire_tokens()
        return response


@dataclass
class OtherChallenge:
    """Says the way in through a gate in other words."""

    gate: gate.BearerGate
    challenge: str

    def handle(self, request: Request) -> Response:
        """Let the gate answer."""
        response = self.gate.handle(request)
        if response.status != HTTPStatus.UNAUTHORIZED:
            return response
        challenge = self.challenge.format(host=request.host)
        return replace(response, headers=response.headers.replace("WWW-Authenticate", challenge))
