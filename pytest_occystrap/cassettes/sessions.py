"""The sessions of uploads: what has been sent to them, whatever they are called.

Rule: two sessions to which the same bytes were sent are the same, in however many pieces. So an
upload is known again when clients open their sessions in another order than the recorded one did.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final
from urllib.parse import urlsplit

from occystrap.errors import InvalidInput
from occystrap.oci.digest import Digest, Digester
from occystrap.oci.routes import RouteKind, parse_route
from occystrap.server.message import Headers
from pytest_occystrap.cassettes.bodies import Body
from pytest_occystrap.cassettes.meaning import Question, Sent, Upload

__all__ = [
    "EMPTY",
    "Content",
    "Place",
    "Sessions",
    "opened_by",
    "renamed",
    "session_of",
    "upload_of",
]

_STARTS: Final = 202
#: The headers that name a session.
_NAMING: Final = frozenset({"location", "docker-upload-uuid"})

#: Origin, repository, and the name of the session.
Place = tuple[str, str, str]


@dataclass(frozen=True, slots=True)
class Content:
    """All that a session has been sent: hashed already, or one body that knows its digest."""

    digest: Digest
    size: int
    source: Digester | Body = field(repr=False, compare=False)

    @classmethod
    def of(cls, digester: Digester) -> Content:
        """Make it of bytes that have been hashed; nobody goes on with this digester."""
        return cls(digester.digest, digester.size, digester)

    def digester(self) -> Digester:
        """Make what goes on to hash.

        Raises:
            CassetteError: the body can't be read.
        """
        if isinstance(self.source, Digester):
            return self.source.copy()
        return _hash(Digester(), self.source)

    def extended(self, body: Body) -> Content:
        """Return it with one more body behind it, which is read only if it has to be."""
        if not body.size:
            return self
        if not self.size:
            return Content(body.digest, body.size, body)
        return Content.of(_hash(self.digester(), body))


def _hash(digester: Digester, body: Body) -> Digester:
    for piece in body:
        digester.update(piece)
    return digester


EMPTY: Final = Content.of(Digester())


class Sessions:
    """What has been sent, by session. Used by one thread at a time."""

    def __init__(self) -> None:
        self._open: dict[Place, Content] = {}
        self._names = set[Place]()

    def content(self, place: Place | None) -> Content | None:
        """Return what a session holds; None if there is none, or none any more."""
        return None if place is None else self._open.get(place)

    def open(self, place: Place) -> Place:
        """Begin a session; if there has been one of this name, it gets a name of its own."""
        origin, repository, name = place
        count = 1
        while place in self._names:
            count += 1
            place = origin, repository, f"{name}.{count}"
        self._names.add(place)
        self._open[place] = EMPTY
        return place

    def accept(self, question: Question, content: Content) -> None:
        """Note that the registry has taken what was sent to a session, or has ended it."""
        place = session_of(question)
        if place is None:
            return
        if question.method == "PATCH":
            self._open[place] = content
        elif question.method in ("PUT", "DELETE"):
            self._open.pop(place, None)


def upload_of(before: Content | None, after: Content) -> Upload | None:
    """Say what an open session held, and what it holds with the body of a request."""
    if before is None:
        return None
    return Upload(str(before.digest), Sent(after.digest, after.size))


def session_of(question: Question) -> Place | None:
    """Say whose session a request is about."""
    route = question.route
    if route is None or route.kind is not RouteKind.UPLOAD:
        return None
    return question.origin, route.repository, route.item


def opened_by(question: Question, status: int, headers: Headers) -> Place | None:
    """Say which session an answer has opened."""
    route, location = question.route, headers.get("Location")
    if route is None or route.kind is not RouteKind.UPLOADS or status != _STARTS or not location:
        return None
    try:
        led = parse_route(urlsplit(location).path)
    except (InvalidInput, ValueError):
        return None
    if led is None or led.kind is not RouteKind.UPLOAD:
        return None
    return question.origin, route.repository, led.item


def renamed(headers: Headers, recorded: str, asked: str) -> Headers:
    """Let an answer name the session as this client knows it."""
    if recorded == asked:
        return headers
    return Headers(
        (name, value.replace(recorded, asked) if name.lower() in _NAMING else value)
        for name, value in headers
    )
