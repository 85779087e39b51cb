"""The sessions of uploads: what has been sent to them, whatever they are called.

Rule: two sessions to which the same was sent are the same; so an upload is known again by its bytes
when clients open their sessions in another order than those that were recorded.
"""

from __future__ import annotations

from typing import Final
from urllib.parse import urlsplit

from occystrap.errors import InvalidInput
from occystrap.oci.digest import Digest
from occystrap.oci.routes import RouteKind, parse_route
from occystrap.server.message import Headers
from pytest_occystrap.cassettes.meaning import Question

__all__ = ["Sessions", "opened_by", "renamed", "session_of"]

_OPENED: Final = "opened"
_STARTS: Final = 202
_WRITING: Final = frozenset({"PATCH", "PUT", "DELETE"})
#: The headers that name a session.
_NAMING: Final = frozenset({"location", "docker-upload-uuid"})

#: Origin, repository, and the name of the session.
Place = tuple[str, str, str]


class Sessions:
    """What has been sent, by session. Used by one thread at a time."""

    def __init__(self) -> None:
        self._sent: dict[Place, str] = {}

    def before(self, question: Question) -> str:
        """Say what had been sent to the session of a request; empty if nobody has opened it."""
        place = session_of(question)
        return "" if place is None else self._sent.get(place, "")

    def open(self, place: Place) -> Place:
        """Begin a session; if there has been one of this name, it gets a name of its own."""
        origin, repository, name = place
        count = 1
        while place in self._sent:
            count += 1
            place = origin, repository, f"{name}.{count}"
        self._sent[place] = _OPENED
        return place

    def accept(self, question: Question) -> None:
        """Note that something was sent to a session, and taken."""
        place = session_of(question)
        if place is not None and question.method in _WRITING:
            said = f"{self._sent.get(place, '')} {question.method} {question.sent.digest}"
            self._sent[place] = str(Digest.of(said.encode()))


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
