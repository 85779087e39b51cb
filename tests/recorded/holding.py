"""A fake registry held against a recording: the same is asked of it, and the answers compared.

Rule: what the recorded registry has named (sessions, cursors, states, tokens, hosts) is asked for
by the name that the fake has given it.
"""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final
from urllib.parse import parse_qsl, quote, unquote, urlencode, urlsplit

import httpx

from pytest_occystrap import Cassette, FakeRegistry
from pytest_occystrap.cassettes.form import Interaction, RecordedResponse
from pytest_occystrap.cassettes.index import question_of
from pytest_occystrap.cassettes.sessions import session_of
from tests.recorded.answers import Answer, Reduce, read
from tests.recorded.differences import Difference, Rule

__all__ = ["Bring", "Original", "hold", "json_of"]

#: What the client of a recording has brought, if it isn't in the recording where that comes from ->
#: what gives the same rights at the fake.
Bring = Callable[[FakeRegistry, Interaction, RecordedResponse], str]

_OF_CONNECTIONS: Final = frozenset(
    {"host", "authorization", "content-length", "connection", "transfer-encoding"}
)
_FOR_ADMINISTRATORS: Final = re.compile(r"scope=repository%3A[^&]+%3A%2A$")


@dataclass(frozen=True, slots=True)
class Original:
    """A registry that was recorded, and how a fake is held against it.

    `host` is the fake's name, `names` are those that the recorded one has otherwise, in whatever
    stands around them. `seeded` makes a fake in the state of a recording, by its name and the
    directory; `bring` gives it a token; `reduce` is what counts of JSON. Answers differ as
    `everywhere` and `single`, by recording and number of the exchange, say, and in nothing else.
    """

    host: str
    names: Mapping[str, str]
    seeded: Callable[[str, Path], AbstractContextManager[FakeRegistry]]
    bring: Bring
    reduce: Reduce
    everywhere: tuple[Rule, ...]
    single: Mapping[tuple[str, int], Difference]

    def expected(self, cassette: str, number: int, interaction: Interaction) -> set[str]:
        """Collect what is known to differ."""
        known = [rule.difference for rule in self.everywhere if rule.holds(cassette, interaction)]
        if (cassette, number) in self.single:
            known.append(self.single[cassette, number])
        return {name for difference in known for name in difference.what}

    def read(
        self, method: str, response: tuple[int, httpx.Headers, bytes], names: Mapping[str, str]
    ) -> Answer:
        """Take what is compared."""
        return read(method, response, self.host, names, self.reduce)


def hold(
    original: Original, registry: FakeRegistry, cassette: Cassette
) -> Iterator[tuple[int, Interaction, Answer, Answer]]:
    """Ask a fake all that was recorded; give each exchange with its number and both answers."""
    translation = Translation(original, registry)
    for number, interaction in enumerate(cassette.interactions, 1):
        recorded = interaction.response
        assert recorded is not None
        answer = translation.ask(interaction, recorded)
        translation.learn(interaction, recorded, answer)
        told = httpx.Headers(list(recorded.headers))
        said = (recorded.status, told, recorded.body.read())
        theirs = original.read(interaction.request.method, said, original.names)
        said = (answer.status_code, answer.headers, answer.content)
        ours = original.read(interaction.request.method, said, {})
        yield number, interaction, theirs, ours


@dataclass(slots=True)
class Translation:
    """What the registry of a recording calls something, and what the fake does."""

    original: Original
    registry: FakeRegistry
    names: dict[str, str] = field(default_factory=dict[str, str])

    def ask(self, interaction: Interaction, recorded: RecordedResponse) -> httpx.Response:
        """Ask the fake what was asked."""
        request = interaction.request
        headers = [pair for pair in request.headers if pair[0].lower() not in _OF_CONNECTIONS]
        if "Authorization" in request.headers:
            headers.append(("Authorization", self._login(interaction, recorded)))
        content = request.body.read()
        # Who has said no length didn't know it.
        streamed = bool(content) and "Content-Length" not in request.headers
        with httpx.Client(transport=self.registry.transport) as client:
            client.headers.clear()
            return client.request(
                request.method,
                self._target(interaction),
                headers=headers,
                content=iter([content]) if streamed else content or None,
            )

    def _target(self, interaction: Interaction) -> str:
        parts = urlsplit(interaction.request.url)
        path, host = parts.path, self.original.host
        query = [
            (name, host if name == "service" else self.names.get(value, value))
            for name, value in parse_qsl(parts.query, keep_blank_values=True)
        ]
        place = session_of(question_of(interaction))
        if place is not None:
            path = path.replace(place[-1], self.names.get(place[-1], place[-1]))
        written = f"?{urlencode(query, quote_via=quote)}" if query else ""
        return f"{parts.scheme}://{host}{path}{written}"

    def _login(self, interaction: Interaction, recorded: RecordedResponse) -> str:
        """Log in with the same right to as the one who was recorded."""
        kind, _, value = (interaction.request.headers.get("Authorization") or "").partition(" ")
        if kind == "Basic":
            ((name, password),) = self.registry.accounts.items()
            wrong = recorded.status == 401
            pair = f"{name}:{'wrong' if wrong else password}"
            return f"Basic {base64.b64encode(pair.encode()).decode()}"
        if value in self.names:
            return f"Bearer {self.names[value]}"
        return self.original.bring(self.registry, interaction, recorded)

    def learn(
        self, interaction: Interaction, recorded: RecordedResponse, answer: httpx.Response
    ) -> None:
        """Note what both call the same: a session, its state, a cursor, a token."""
        told = httpx.Headers(list(recorded.headers))
        # An account of the fake is a robot that may write: `*` is for administrators.
        if _FOR_ADMINISTRATORS.search(interaction.request.url):
            return
        named = zip(
            _named(told, recorded.body.read()), _named(answer.headers, answer.content), strict=True
        )
        self.names.update({one: other for one, other in named if one and other})


def _named(headers: httpx.Headers, content: bytes) -> Iterator[str | None]:
    """Give what a registry has named in an answer, always in the same order."""
    yield headers.get("Docker-Upload-UUID")
    for header, parameter in (("Location", "_state"), ("Link", "next_page")):
        found = re.search(rf"[?&]{parameter}=([^&>]+)", headers.get(header, ""))
        yield None if found is None else unquote(found[1])
    document = json_of(content)
    yield from (document.get(name) for name in ("token", "next_page"))


def json_of(content: bytes) -> dict[str, Any]:
    """Read an object of JSON; what is none is empty."""
    try:
        document: Any = json.loads(content)
    except ValueError:
        return {}
    return document if isinstance(document, dict) else {}
