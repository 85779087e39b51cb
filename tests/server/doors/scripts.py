"""Handlers that say what a test has written down."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

from occystrap.server.message import Headers, Request, Response

__all__ = ["Answer", "Script", "body_then", "echo", "raises", "text"]

Answer = Callable[[Request], Response]


class Script:
    """A handler made of a function; it keeps the requests that it saw."""

    def __init__(self, function: Answer) -> None:
        self.requests: list[Request] = []
        self._function = function

    def handle(self, request: Request) -> Response:
        """Answer."""
        self.requests.append(request)
        return self._function(request)


def text(body: bytes, status: int = 200) -> Response:
    """Make an answer of known length."""
    return Response(status, Headers({"Content-Length": str(len(body))}), (body,))


def echo(request: Request) -> Response:
    """Answer with the request's body, once it is whole."""
    return text(b"".join(request.body))


def body_then(pieces: Iterable[bytes], error: Exception | None = None) -> Iterator[bytes]:
    """Give pieces, and then raise."""
    yield from pieces
    if error is not None:
        raise error


def raises(error: Exception, *, reading: int = 0) -> Answer:
    """Make a function that reads so many pieces of a request, and gives no answer."""

    def answer(request: Request) -> Response:
        body = iter(request.body)
        for _ in range(reading):
            next(body)
        raise error

    return answer
