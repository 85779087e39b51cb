"""A fake registry held against a recording: the same is asked of it, and the answers compared.

Rule: what a registry names by itself (sessions, cursors, tokens, hosts, times) is translated, and
what is left has to be the same: status, headers, and the shape of JSON.
"""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final
from urllib.parse import parse_qsl, quote, unquote, urlencode, urlsplit

import httpx

from pytest_occystrap import Cassette, FakeRegistry
from pytest_occystrap.cassettes.form import Interaction, RecordedResponse
from pytest_occystrap.cassettes.index import question_of
from pytest_occystrap.cassettes.sessions import session_of

__all__ = ["Answer", "hold"]

#: The name of the fake; that of a recording is another.
HOST: Final = "quay.example"
#: What connections and clocks say, and lengths of bodies that hold other names.
_NOT_COMPARED: Final = frozenset(
    {"connection", "content-length", "date", "keep-alive", "transfer-encoding"}
)
#: Notes of exchanges whose token of the API isn't its owner's.
_STRANGER: Final = re.compile("invalid|expired|short|too narrow|unrelated")
_FOR_ADMINISTRATORS: Final = ("%3A%2A", ":*")
#: Of these fields the words count, too.
_WORDS: Final = frozenset({"code", "error", "error_type", "error_message", "title", "message"})
_NAMES: Final = (
    (re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}"), "SESSION"),
    (re.compile(r"gAAAAA[\w%=-]+|scrubbed-state-\d+"), "CURSOR"),
)


@dataclass(frozen=True, slots=True)
class Answer:
    """What is compared of an answer: a status, headers by name, and the shape of the body."""

    status: int
    headers: Mapping[str, str]
    shape: object

    def differs(self, other: Answer) -> Iterator[str]:
        """Name what isn't the same, as `status`, `NAME` of a header, or `body`."""
        if self.status != other.status:
            yield "status"
        names = self.headers.keys() | other.headers.keys()
        yield from sorted(
            name for name in names if self.headers.get(name) != other.headers.get(name)
        )
        if self.shape != other.shape:
            yield "body"


def hold(
    registry: FakeRegistry, cassette: Cassette
) -> Iterator[tuple[int, Interaction, Answer, Answer]]:
    """Ask a fake all that was recorded; give each exchange with its number and both answers."""
    translation = Translation(registry)
    for number, interaction in enumerate(cassette.interactions, 1):
        recorded = interaction.response
        assert recorded is not None
        answer = translation.ask(interaction, recorded)
        translation.learn(interaction, recorded, answer)
        host = interaction.request.host
        told = httpx.Headers(list(recorded.headers))
        method = interaction.request.method
        yield (
            number,
            interaction,
            _compared(method, recorded.status, told, recorded.body.read(), host),
            _compared(method, answer.status_code, answer.headers, answer.content, HOST),
        )


@dataclass(slots=True)
class Translation:
    """What the registry of a recording calls something, and what the fake does."""

    registry: FakeRegistry
    names: dict[str, str] = field(default_factory=dict[str, str])

    def ask(self, interaction: Interaction, recorded: RecordedResponse) -> httpx.Response:
        """Ask the fake what was asked."""
        request = interaction.request
        parts = urlsplit(request.url)
        path = parts.path
        query = [
            (name, self.names.get(value, value))
            for name, value in parse_qsl(parts.query, keep_blank_values=True)
        ]
        query = [(name, HOST if name == "service" else value) for name, value in query]
        place = session_of(question_of(interaction))
        if place is not None:
            path = path.replace(place[-1], self.names.get(place[-1], place[-1]))
        headers = [
            (name, value)
            for name, value in request.headers
            if name.lower()
            not in {"host", "authorization", "content-length", "connection", "transfer-encoding"}
        ]
        login = request.headers.get("Authorization")
        if login is not None:
            headers.append(("Authorization", self._login(login, interaction, recorded)))
        target = f"https://{HOST}{path}{f'?{urlencode(query, quote_via=quote)}' if query else ''}"
        content = request.body.read() or None
        with httpx.Client(transport=self.registry.transport) as client:
            client.headers.clear()
            return client.request(request.method, target, headers=headers, content=content)

    def _login(self, login: str, interaction: Interaction, recorded: RecordedResponse) -> str:
        """Log in with the same right to as the one who was recorded."""
        kind, _, value = login.partition(" ")
        ((name, password),) = self.registry.accounts.items()
        if kind == "Basic":
            wrong = recorded.status == 401
            pair = f"{name}:{'wrong' if wrong else password}"
            return f"Basic {base64.b64encode(pair.encode()).decode()}"
        if value in self.names:
            return f"Bearer {self.names[value]}"
        if interaction.request.path.startswith("/api/"):
            return "Bearer bad" if _STRANGER.search(interaction.note) else f"Bearer {password}"
        route = question_of(interaction).route
        if recorded.status == 401 and "errors" not in _object(recorded.body.read()):
            return login  # no token at all
        repository = (
            "acme/elsewhere" if route is None or recorded.status == 401 else route.repository
        )
        return f"Bearer {self._token(repository, name, password)}"

    def _token(self, repository: str, name: str, password: str) -> str:
        scope = f"repository:{repository}:pull,push"
        answer = self.registry.client.get(
            f"https://{HOST}/v2/auth",
            params={"service": HOST, "scope": scope},
            auth=(name, password),
        )
        return str(answer.json()["token"])

    def learn(
        self, interaction: Interaction, recorded: RecordedResponse, answer: httpx.Response
    ) -> None:
        """Note what both call the same: a session, a cursor, a token."""
        told = httpx.Headers(list(recorded.headers))
        for one, other in (
            (told.get("Docker-Upload-UUID"), answer.headers.get("Docker-Upload-UUID")),
            (_cursor(told.get("Link")), _cursor(answer.headers.get("Link"))),
            *_named(recorded.body.read(), answer.content),
        ):
            # An account of the fake is a robot that may write: `*` is for administrators.
            if one and other and not interaction.request.url.endswith(_FOR_ADMINISTRATORS):
                self.names[one] = other


def _cursor(link: str | None) -> str | None:
    found = re.search(r"next_page=([^&>]+)", link or "")
    return None if found is None else unquote(found[1])


def _named(recorded: bytes, answered: bytes) -> Iterator[tuple[str | None, str | None]]:
    one, other = _object(recorded), _object(answered)
    for name in ("token", "next_page"):
        yield one.get(name), other.get(name)


def _object(content: bytes) -> dict[str, Any]:
    try:
        document: Any = json.loads(content)
    except ValueError:
        return {}
    return document if isinstance(document, dict) else {}


def _compared(
    method: str, status: int, headers: httpx.Headers, content: bytes, host: str
) -> Answer:
    kept = {
        name: _neutral(value, host)
        for name, value in headers.items()
        if name.lower() not in _NOT_COMPARED
    }
    return Answer(status, kept, None if method == "HEAD" else _body(content, host))


def _neutral(text: str, host: str) -> str:
    """Replace what each registry names by itself; of a signed URL the parameters' names stay."""
    text = text.replace(host, "HOST")
    for pattern, name in _NAMES:
        text = pattern.sub(name, text)
    if "HOST" in text or not text.startswith("http"):
        return text
    parts = urlsplit(text)
    return f"elsewhere, with {', '.join(sorted(dict(parse_qsl(parts.query))))}"


def _body(content: bytes, host: str) -> object:
    """Reduce JSON to its shape, and leave other texts as they are."""
    try:
        return _shape(json.loads(content))
    except ValueError:
        pass
    try:
        return _neutral(content.decode(), host)
    except UnicodeDecodeError:
        return content


def _shape(value: Any) -> object:
    if isinstance(value, dict):
        return {
            name: each if name in _WORDS and isinstance(each, str) else _shape(each)
            for name, each in value.items()
        }
    if isinstance(value, list):
        return sorted({json.dumps(_shape(each), sort_keys=True) for each in value})
    return type(value).__name__
