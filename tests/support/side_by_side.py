"""Two registries that are asked the same, and what of their answers has to be the same.

Rule: everything that a client can see counts, but names that each registry makes up, and when it
was. What a registry says of itself is compared as said, its host replaced.
"""

from __future__ import annotations

import contextlib
import itertools
import json
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

import httpx

from occystrap.errors import InvalidDigest, InvalidReference
from occystrap.oci.routes import RouteKind, parse_route
from pytest_occystrap.fake import FakeRegistry
from tests.support.debian_registry import DebianRegistry

__all__ = ["NEW_UPLOAD", "Answer", "Both", "Exempt", "Place", "Request", "both_open", "read"]

#: Of the connection or the moment, and not of the answer.
_PASSING: Final = frozenset({"connection", "date", "keep-alive", "transfer-encoding"})
_UUID: Final = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")
_STATE: Final = re.compile(r"_state=[^&>]*")


@dataclass(frozen=True, slots=True)
class Place:
    """Where an upload goes on, as each of the two has said."""

    ours: str
    theirs: str


#: In the example of an Exempt: an upload that has just begun.
NEW_UPLOAD: Final = Place("", "")


@dataclass(frozen=True, slots=True)
class Request:
    """What both are asked; a path is the same for both, or a place that each has named.

    What is `streamed` is sent without its length.
    """

    method: str
    where: str | Place
    params: Mapping[str, str] = field(default_factory=dict[str, str])
    headers: Mapping[str, str] = field(default_factory=dict[str, str])
    content: bytes = b""
    streamed: bool = False

    @property
    def path(self) -> str:
        """The path that both are asked for; empty for a place that each has named."""
        return self.where if isinstance(self.where, str) else ""

    def send(self, client: httpx.Client, where: str) -> Answer:
        """Ask one of them."""
        url = httpx.URL(where)
        if self.params:
            url = url.copy_merge_params(self.params)
        has_body = self.method in ("POST", "PUT", "PATCH")
        content = (iter([self.content]) if self.streamed else self.content) if has_body else None
        with client.stream(self.method, url, headers=dict(self.headers), content=content) as answer:
            return read(answer)

    def __str__(self) -> str:
        where = self.where if isinstance(self.where, str) else self.where.theirs
        return f"{self.method} {where} {dict(self.params)} {dict(self.headers)} {self.content!r}"


@dataclass(frozen=True, slots=True)
class Answer:
    """What a client has seen; `body` is None if it ended early, `location` is as it was sent."""

    status: int
    headers: Mapping[str, str]
    body: object
    location: str = field(default="", compare=False)

    def parts_unlike(self, other: Answer) -> frozenset[str]:
        """Name what differs: status, body, headers."""
        names = {"status"} if self.status != other.status else set[str]()
        names |= {"body"} if self.body != other.body else set()
        headers = self.headers.keys() | other.headers.keys()
        return frozenset(
            names | {name for name in headers if self.headers.get(name) != other.headers.get(name)}
        )


@dataclass(frozen=True, slots=True)
class Exempt:
    """Where one doesn't follow the other, with the reason and a request that shows it.

    It counts for requests that `asks` picks out, and answers with one of these pairs of statuses,
    ours first. Where the statuses are the same, only these `parts` may differ; with `media_type`
    both have to have that.
    """

    because: str
    example: Request
    asks: Callable[[Request], bool]
    statuses: tuple[tuple[int, int], ...]
    parts: frozenset[str] = frozenset()
    media_type: str = ""

    def applies(self, request: Request, ours: Answer, theirs: Answer) -> bool:
        """Tell whether this is what was to be expected."""
        is_met = (ours.status, theirs.status) in self.statuses and self.asks(request)
        types = {ours.headers.get("content-type"), theirs.headers.get("content-type")}
        if not is_met or (self.media_type and types != {self.media_type}):
            return False
        return ours.status != theirs.status or ours.parts_unlike(theirs) <= self.parts


def read(response: httpx.Response) -> Answer:
    """Take from an answer what has to be the same.

    That is everything but what names the registry, the order of tags and of errors, and how JSON is
    laid out.
    """
    own = str(response.url.copy_with(path="/", query=None)).rstrip("/")

    def plain(text: str) -> str:
        return _STATE.sub("_state=STATE", _UUID.sub("UUID", text.replace(own, "http://registry")))

    headers = {
        name.lower(): plain(value)
        for name, value in response.headers.items()
        if name.lower() not in _PASSING
    }
    location = response.headers.get("Location", "")
    is_json = headers.get("content-type", "").partition(";")[0] == "application/json"
    if is_json:
        headers.pop("content-length", None)  # spaces and line breaks are no part of JSON
    body = _body(response, is_json=is_json)
    return Answer(response.status_code, headers, body, location)


def _body(response: httpx.Response, *, is_json: bool) -> object:
    try:
        content = response.read()
    except httpx.RemoteProtocolError:
        return None
    if not content or not is_json:
        return content
    document: dict[str, Any] = json.loads(content)
    if "errors" in document:
        return sorted(json.dumps(error, sort_keys=True) for error in document["errors"])
    if isinstance(document.get("tags"), list):
        document["tags"].sort()  # docker-registry lists them in no order
    return document


@dataclass(frozen=True, slots=True)
class Both:
    """Ours and theirs, numbers that no repository of theirs was named by, and what was met.

    That is `METHOD kind status` of every request, with the status of theirs.
    """

    ours: httpx.Client
    theirs: httpx.Client
    numbers: Iterator[int] = field(default_factory=itertools.count)
    met: set[str] = field(default_factory=set[str])

    def begin(self, repository: str) -> Place:
        """Open an upload at both, which they have to let happen."""
        ours, theirs = self.ask(Request("POST", f"/v2/{repository}/blobs/uploads/"))
        assert (ours.status, theirs.status) == (202, 202)
        return Place(ours.location, theirs.location)

    def store(self, request: Request) -> None:
        """Push what both have to take."""
        assert [answer.status for answer in self.ask(request)] == [201, 201]

    def ask(self, request: Request) -> tuple[Answer, Answer]:
        """Ask both of them, one after the other."""
        where = request.where
        place = where if isinstance(where, Place) else Place(where, where)
        ours, theirs = request.send(self.ours, place.ours), request.send(self.theirs, place.theirs)
        self.met.add(f"{request.method} {_kind(request)} {theirs.status}")
        return ours, theirs


def _kind(request: Request) -> str:
    if isinstance(request.where, Place):
        return RouteKind.UPLOAD.value
    try:
        route = parse_route(request.where)
    except (InvalidDigest, InvalidReference):
        return "nothing"
    return "nothing" if route is None else route.kind.value


@contextlib.contextmanager
def both_open(debian: DebianRegistry) -> Iterator[Both]:
    """Ask docker-registry and a fake that speaks its dialect, both empty, on sockets."""
    # Where docker-registry has sent more or less than it said, it ends the connection, though it
    # says nothing of that, either: so each request has one of its own.
    once = httpx.Limits(max_keepalive_connections=0)
    with (
        FakeRegistry(dialect="distribution2", auth="none") as fake,
        httpx.Client(base_url=fake.url, trust_env=False) as ours,
        httpx.Client(base_url=debian.url, trust_env=False, limits=once) as theirs,
    ):
        yield Both(ours, theirs)
