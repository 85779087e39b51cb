"""An exchange: one request and what became of it, as tests look at it.

Rule: what is printed of an exchange holds no secret; what a test asks for by name is there as sent.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from enum import Enum
from typing import Final

from occystrap.errors import InvalidInput
from occystrap.oci.diagnostics import Diagnostic
from occystrap.oci.redaction import redact_url
from occystrap.oci.routes import Route, parse_route
from occystrap.server.message import Headers, Query

__all__ = [
    "ANY_HOST",
    "HTTP2_DOORS",
    "Exchange",
    "Outcome",
    "hostname",
    "route_of",
    "shorten",
    "storage_digest",
]

#: The host of the clients' relative URLs.
ANY_HOST: Final = "registry.test"
HTTP2_DOORS: Final = ("h2", "http/2")
_HEX: Final = re.compile(r"(?<![0-9a-f])([0-9a-f]{12})[0-9a-f]{52,}")
_UUID: Final = re.compile(r"([0-9a-f]{8})-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")
_DIGEST: Final = re.compile(r"(?:^|[^0-9a-f])([0-9a-f]{64})(?:$|[^0-9a-f])")
_CONTENT_RANGE: Final = re.compile(r"bytes (\d+)-")


class Outcome(Enum):
    """How an exchange ended."""

    UNDER_WAY = "under way"
    COMPLETE = "complete"
    CUT_SHORT = "cut short"
    RESET = "reset"
    CLOSED = "closed without an answer"
    GARBLED = "answered with raw bytes"
    UNREAD = "not read to its end"
    NO_HANDSHAKE = "failed in the handshake"
    ABANDONED = "abandoned by the client"
    FAILED = "failed in the registry"


@dataclass(frozen=True, slots=True)
class Exchange:
    """A request, its answer, and how the bytes went.

    `part` is who answered: the `registry`, or the `storage` that blobs are redirected to. `door` is
    how the request came in, and `client` from where. `path` is as sent, still percent-encoded.
    `route` is None for what isn't of the distribution API. `status` is None as long as there is no
    answer. `request_bytes` and `response_bytes` count bodies. `started` is in seconds since the
    registry began, `waited` how long the answer took to begin and `seconds` how long to end.
    `errors` is what an answer of 400 or above said.
    """

    number: int
    part: str
    door: str
    client: str
    scheme: str
    host: str
    method: str
    path: str
    query: Query = field(repr=False)
    headers: Headers = field(repr=False)
    route: Route | None
    status: int | None
    response_headers: Headers = field(repr=False)
    request_bytes: int
    response_bytes: int
    started: float
    waited: float | None
    seconds: float | None
    outcome: Outcome
    errors: tuple[Diagnostic, ...] = ()
    #: The faults that struck it, as docs/faults.md writes them.
    faults: tuple[str, ...] = ()

    @property
    def protocol(self) -> str:
        """`HTTP/1.1` or `HTTP/2`."""
        return "HTTP/2" if self.door.startswith(HTTP2_DOORS) else "HTTP/1.1"

    @property
    def hostname(self) -> str:
        """The host without its port, in lower case."""
        return hostname(self.host)

    def parameter(self, name: str) -> str | None:
        """Return the first value of a query parameter."""
        return next((value for key, value in self.query if key == name), None)

    @property
    def target(self) -> str:
        """Path and query, fit to be shown."""
        query = "&".join(f"{name}={value}" for name, value in self.query)
        return redact_url(f"{self.path}?{query}" if query else self.path)

    @property
    def digest(self) -> str:
        """The digest of the blob or manifest that was asked for, as far as the request says it.

        The signed URL of a storage host holds it in its path.
        """
        if self.route is not None:
            return str(self.route.digest or self.parameter("digest") or "")
        return storage_digest(self.path)

    @property
    def first_byte(self) -> int:
        """Where in the content the body begins; 0 unless it is a range."""
        match = _CONTENT_RANGE.match(self.response_headers.get("Content-Range") or "")
        return 0 if match is None else int(match[1])

    def __str__(self) -> str:
        answer = self.outcome.value if self.status is None else str(self.status)
        return f"{self.method} {self.target} -> {answer}"


def hostname(host: str) -> str:
    """Take the port off a host, and the brackets off one of IPv6."""
    name, colon, port = host.rpartition(":")
    bare = name if colon and port.isdecimal() else host
    return bare.strip("[]").lower()


def storage_digest(path: str) -> str:
    """Find the digest that the path of a signed URL holds; empty if it holds none."""
    match = _DIGEST.search(path)
    return "" if match is None else f"sha256:{match[1]}"


def route_of(path: str) -> Route | None:
    """Understand a path, if it is of the API and names what can be."""
    try:
        return parse_route(path)
    except InvalidInput:
        return None


def shorten(text: str) -> str:
    """Cut digests and the names of uploads: their beginning tells them apart."""
    return _UUID.sub(r"\1…", _HEX.sub(r"\1…", text))
