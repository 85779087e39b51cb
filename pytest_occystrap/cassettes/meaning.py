"""What a request means: by that a replay knows it again, and not by how or when it comes.

Rule: two requests with the same meaning are the same request. What a server is free to name as it
likes (sessions of uploads, and their state) and what holds a secret doesn't belong to it. A Wish is
what a client may say otherwise and still be understood.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final
from urllib.parse import parse_qsl, unquote

from occystrap.errors import InvalidChallenge, InvalidInput
from occystrap.oci.challenge import Scope
from occystrap.oci.digest import Digest
from occystrap.oci.routes import Route, RouteKind, parse_route
from occystrap.server.message import Headers, Query

__all__ = [
    "LONGEST_FORM",
    "Meaning",
    "Question",
    "Sent",
    "Upload",
    "Wish",
    "is_api",
    "is_form",
    "meaning_of",
    "wish_of",
]

#: So much of a body is kept to be read as a form.
LONGEST_FORM: Final = 64 * 1024

_READING: Final = frozenset({"GET", "HEAD"})
_FORM_TYPE: Final = "application/x-www-form-urlencoded"
#: The parameters that an upload's own URL has beside what the registry has put there.
_OF_UPLOADS: Final = frozenset({"digest"})
#: What an upload held that is ended: all that matters is what it holds then.
_OPEN: Final = "open"
#: What is asked of a token endpoint, beside who asks.
_OF_TOKENS: Final = frozenset({"service", "scope", "grant_type"})


@dataclass(frozen=True, slots=True)
class Sent:
    """The body of a request: what it hashes to, how long it is, and how it begins."""

    digest: Digest
    size: int
    head: bytes = field(default=b"", repr=False)


_NOTHING: Final = Sent(Digest.of(b""), 0)


@dataclass(frozen=True, slots=True)
class Upload:
    """A session that is open: what it held before a request, and holds with its body."""

    before: str
    whole: Sent


@dataclass(frozen=True, slots=True)
class Question:
    """A request, and whom it asks: `origin` is a host with its port, in lower case."""

    method: str
    origin: str
    path: str
    query: Query
    headers: Headers = field(repr=False)
    sent: Sent = _NOTHING

    @property
    def route(self) -> Route | None:
        """The path as one of the distribution API."""
        try:
            return parse_route(self.path)
        except InvalidInput:
            return None


@dataclass(frozen=True, slots=True)
class Meaning:
    """What is asked.

    `subject` is a route without the name of a session, `("token", path)`, or `("path", path)`.
    `credential` is the kind of login: `basic`, `bearer`, or empty. `body` is what is sent; where an
    upload ends, all that was sent to it. `before` is what an upload held, if it was open.
    """

    method: str
    origin: str
    subject: tuple[str, ...]
    query: Query
    credential: str
    body: Digest
    before: str = ""
    size: int = field(default=0, compare=False)


@dataclass(frozen=True, slots=True)
class Wish:
    """How it is asked: for which part, as which types, as which part of an upload, by whom."""

    range: str = ""
    accept: frozenset[str] = frozenset()
    span: str = ""
    authorization: str = field(default="", repr=False)


def meaning_of(
    question: Question, realms: frozenset[tuple[str, str]], upload: Upload | None = None
) -> Meaning:
    """Understand a request.

    `realms` are the token endpoints that are known: origin and path. `upload` is what the session
    holds that is asked for.
    """
    route = question.route
    query: Query = tuple(sorted(question.query))
    sent, before = question.sent, ""
    subject: tuple[str, ...]
    if _asks_for_token(question, route, realms):
        subject = ("token", question.path)
        query, sent = _token_query(question), _NOTHING
    elif route is None:
        subject = ("path", unquote(question.path))
    elif route.kind is RouteKind.UPLOAD:
        subject = (route.kind.value, route.repository)
        query = tuple(pair for pair in query if pair[0] in _OF_UPLOADS)
        if upload is not None:
            ends = question.method == "PUT"
            before = _OPEN if ends else upload.before
            sent = upload.whole if ends else sent
    else:
        subject = (route.kind.value, route.repository, route.item)
    credential = (question.headers.get("Authorization") or "").partition(" ")[0].lower()
    return Meaning(
        question.method,
        question.origin,
        subject,
        query,
        credential,
        sent.digest,
        before,
        sent.size,
    )


def _asks_for_token(
    question: Question, route: Route | None, realms: frozenset[tuple[str, str]]
) -> bool:
    if (question.origin, question.path) in realms:
        return True
    return route is None and any(name == "scope" for name, _ in question.query)


def _token_query(question: Question) -> Query:
    """Collect what a token is to be good for, in the one way; who asks is left out."""
    pairs = [*question.query]
    if is_form(question.headers):
        pairs += parse_qsl(question.sent.head.decode("utf-8", "replace"), keep_blank_values=True)
    found = set[tuple[str, str]]()
    for name, value in pairs:
        if name == "scope":
            found |= {("scope", _scope(text)) for text in value.split() or [value]}
        elif name in _OF_TOKENS:
            found.add((name, value))
    return tuple(sorted(found))


def _scope(text: str) -> str:
    try:
        scope = Scope.parse(text)
    except InvalidChallenge:
        return text
    return str(Scope(scope.kind, scope.name, tuple(sorted(set(scope.actions)))))


def wish_of(question: Question) -> Wish:
    """Read how something is asked for."""
    headers, accept = question.headers, frozenset[str]()
    route = question.route
    if route is not None and route.kind is RouteKind.MANIFEST and question.method in _READING:
        listed = ",".join(headers.get_all("Accept")).split(",")
        types = (each.partition(";")[0].strip().lower() for each in listed)
        accept = frozenset(filter(None, types)) or frozenset({"*/*"})
    return Wish(
        "".join((headers.get("Range") or "").split()).lower(),
        accept,
        (headers.get("Content-Range") or "").removeprefix("bytes ").strip(),
        headers.get("Authorization") or "",
    )


def is_form(headers: Headers) -> bool:
    """Tell whether a body is a form, as some clients ask for tokens."""
    return (headers.get("Content-Type") or "").lower().startswith(_FORM_TYPE)


def is_api(path: str) -> bool:
    """Tell whether a path is one that registries have: of the distribution API, or Quay's."""
    return path == "/v2" or path.startswith(("/v2/", "/api/v1/"))
