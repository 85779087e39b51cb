"""What passes between a handler and a door: requests, responses, and the signals of signals.py.

Rule: a handler knows no wire and a door knows no registry. Bodies are iterated once, piece by
piece, and nobody holds one whole.
Spec: https://www.rfc-editor.org/rfc/rfc9110
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Final, Protocol, cast
from urllib.parse import parse_qsl, quote, urlencode

from occystrap.oci.redaction import redact_headers, redact_url
from occystrap.server.signals import (
    INTERNAL_ERROR,
    NO_ERROR,
    CloseConnection,
    FailHandshake,
    Garble,
    GoAway,
    Handshake,
    RefuseConnection,
    RequestAborted,
    ResetConnection,
    Stall,
    StopReading,
)

__all__ = [
    "INTERNAL_ERROR",
    "NO_ERROR",
    "CloseConnection",
    "FailHandshake",
    "Garble",
    "GoAway",
    "Handler",
    "Handshake",
    "Headers",
    "RefuseConnection",
    "Request",
    "RequestAborted",
    "ResetConnection",
    "Response",
    "Stall",
    "StopReading",
    "split_target",
]

Query = tuple[tuple[str, str], ...]


class Headers:
    """Header fields in their order; names are compared without case, and may come again."""

    __slots__ = ("_pairs",)

    def __init__(self, fields: Mapping[str, str] | Iterable[tuple[str, str]] = ()) -> None:
        self._pairs: tuple[tuple[str, str], ...] = tuple(
            cast("Mapping[str, str]", fields).items() if isinstance(fields, Mapping) else fields
        )

    def __iter__(self) -> Iterator[tuple[str, str]]:
        return iter(self._pairs)

    def __len__(self) -> int:
        return len(self._pairs)

    def __contains__(self, name: object) -> bool:
        return isinstance(name, str) and self.get(name) is not None

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Headers) and self._comparable() == other._comparable()

    def __hash__(self) -> int:
        return hash(self._comparable())

    def __repr__(self) -> str:
        return f"Headers({redact_headers(self)})"

    def _comparable(self) -> tuple[tuple[str, str], ...]:
        return tuple((name.lower(), value) for name, value in self._pairs)

    def get(self, name: str) -> str | None:
        """Return the first value."""
        return next(iter(self.get_all(name)), None)

    def get_all(self, name: str) -> tuple[str, ...]:
        """Return every value, in order."""
        lowered = name.lower()
        return tuple(value for key, value in self._pairs if key.lower() == lowered)

    def add(self, name: str, value: str) -> Headers:
        """Return headers with one more field at the end."""
        return Headers((*self._pairs, (name, value)))

    def replace(self, name: str, value: str) -> Headers:
        """Return headers with this field instead of all of its name."""
        return self.remove(name).add(name, value)

    def remove(self, *names: str) -> Headers:
        """Return headers without any field of these names."""
        lowered = {name.lower() for name in names}
        return Headers(pair for pair in self._pairs if pair[0].lower() not in lowered)


_NO_HEADERS: Final = Headers()


@dataclass(frozen=True, slots=True)
class Request:
    """What a client asks.

    `path` is still percent-encoded, `query` isn't. `host` is what the client calls the server,
    with the port; `client` is where it comes from and `door` how it came in. `body` can be read
    until `handle` returns. `raw_target` is what the client wrote on its request line, if it did.

    Reading `body` raises RequestAborted when the client breaks off.
    """

    method: str
    path: str
    query: Query = ()
    headers: Headers = _NO_HEADERS
    body: Iterable[bytes] = ()
    scheme: str = "http"
    host: str = ""
    client: str = ""
    door: str = ""
    raw_target: str = ""

    @property
    def target(self) -> str:
        """Path and query, letter by letter as the client wrote them.

        They are written anew if a handler has replaced either of them, or no client wrote any.
        """
        written = _origin_form(self.raw_target)
        if _split(written) == (self.path, self.query):
            return written
        query = urlencode(self.query, quote_via=quote)
        return f"{self.path}?{query}" if query else self.path

    def parameter(self, name: str) -> str | None:
        """Return the first value of a query parameter."""
        return next((value for key, value in self.query if key == name), None)

    def __repr__(self) -> str:
        return f"Request({self.method!r}, {redact_url(self.path)!r}, {self.headers!r})"


@dataclass(frozen=True, slots=True)
class Response:
    """What a handler answers.

    `body` may raise ResetConnection or CloseConnection, and hold a Stall between its pieces. A
    door sends no more of it than Content-Length says and takes one that is shorter for a
    CloseConnection; it never iterates a body that HTTP doesn't allow (HEAD, 204, 304). It is silent
    for `delay` seconds before it sends anything.
    """

    status: int
    headers: Headers = _NO_HEADERS
    body: Iterable[bytes] = ()
    delay: float = 0.0

    def close(self) -> None:
        """Let go of what the body holds, be it read to its end or not."""
        close = getattr(self.body, "close", None)
        if close is not None:
            close()


class Handler(Protocol):
    """Whatever answers requests: a registry, or something that stands in front of one."""

    def handle(self, request: Request) -> Response:
        """Answer; called by many threads at once.

        Raises:
            ResetConnection: the client gets no answer but a reset.
            CloseConnection: the client gets no answer but the end of the connection.
            Garble: the client gets bytes that may be no answer at all.
            StopReading: the client can't get rid of the rest of its request.
            FailHandshake: what went wrong before a request could be made, in process.
        """
        ...


def split_target(target: str) -> tuple[str, Query]:
    """Take a request target apart, in the form that servers get or the one that proxies get."""
    return _split(_origin_form(target))


def _split(target: str) -> tuple[str, Query]:
    path, _, query = target.partition("?")
    return path, tuple(parse_qsl(query, keep_blank_values=True))


def _origin_form(target: str) -> str:
    """Leave away scheme and authority, which proxies get (RFC 9112 section 3.2)."""
    if target.startswith("/") or "://" not in target:
        return target
    return "/" + target.partition("://")[2].partition("/")[2]
