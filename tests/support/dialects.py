"""A registry that speaks a dialect, with clients in front of it and a clock that stands still."""

from __future__ import annotations

from collections.abc import Callable, Collection, Generator, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar, cast

import httpx

from occystrap.client.credentials import credentials_for
from occystrap.client.registry import RegistryClient
from occystrap.oci.challenge import TokenRequest, parse_challenges
from occystrap.server.cdn import Cdn
from occystrap.server.doors.in_process import InProcessTransport
from occystrap.server.hosts import Hosts
from occystrap.server.message import Handler, Request, Response
from occystrap.server.registry import Registry
from pytest_occystrap.dialects import DIALECTS, Dialect, Speaking, new_cdn, speak
from tests.support.clock import FakeClock
from tests.support.scripted import session_over
from tests.support.wire import Wire

__all__ = ["BEGINNING", "Scene", "proves", "scene"]

BEGINNING = 1_795_452_242.0
Test = TypeVar("Test", bound=Callable[..., None])


def proves(_dialect: str, *_knobs: str) -> Callable[[Test], Test]:
    """Say which knobs of a dialect a test shows; test_tables.py reads it in the source."""
    return lambda test: test


class Seen:
    """A Handler that keeps what passes."""

    def __init__(self, inner: Handler) -> None:
        self._inner = inner
        self.exchanges: list[tuple[Request, Response]] = []

    def handle(self, request: Request) -> Response:
        """Let it pass."""
        response = self._inner.handle(request)
        self.exchanges.append((request, response))
        return response

    def lines(self) -> list[str]:
        """Show the exchanges as `METHOD path status`."""
        return [f"{asked.method} {asked.path} {said.status}" for asked, said in self.exchanges]


@dataclass(frozen=True, slots=True)
class Scene:
    """A registry that speaks a dialect under `host`, and its host for blobs."""

    dialect: Dialect
    registry: Registry
    speaking: Speaking
    clock: FakeClock
    seen: Seen
    host: str
    cdn: Cdn | None

    def http(self, host: str = "") -> httpx.Client:
        """Make a client that follows nothing and knows nothing."""
        transport = InProcessTransport(self.seen)
        return httpx.Client(base_url=f"https://{host or self.host}", transport=transport)

    def wire(self, account: tuple[str, str] | None = None) -> Wire:
        """Make a client that lets tests say every word, but the token dance."""
        http = self.http()
        http.auth = _Dance(account)
        return Wire(http)

    def client(self, username: str | None = None, password: str | None = None) -> RegistryClient:
        """Make occystrap's own client; its time passes by sleeping."""
        session = session_over(self.http(), clock=self.clock)
        credentials = credentials_for(username, password)
        return RegistryClient(self.host, session=session, credentials=credentials)


class _Dance(httpx.Auth):
    """Does what a challenge asks, for each request anew, as short as it can be written."""

    requires_response_body = True

    def __init__(self, account: tuple[str, str] | None) -> None:
        self._basic = httpx.BasicAuth(*account) if account else None

    def auth_flow(self, request: httpx.Request) -> Generator[httpx.Request, httpx.Response, None]:
        """Ask, get a token if one is wanted, and ask again."""
        response = yield request
        header = response.headers.get("WWW-Authenticate")
        if response.status_code != httpx.codes.UNAUTHORIZED or header is None:
            return
        challenge = parse_challenges([header])[0]
        if challenge.scheme == "bearer":
            asked = httpx.Request("GET", TokenRequest.answering(challenge, ()).url)
            answer = yield self._signed(asked)
            fields = cast("dict[str, Any]", answer.json())
            value = fields.get("token") or fields["access_token"]
            request.headers["Authorization"] = f"Bearer {value}"
        else:
            request = self._signed(request)
        yield request

    def _signed(self, request: httpx.Request) -> httpx.Request:
        return next(self._basic.auth_flow(request)) if self._basic else request


def scene(
    dialect: str | Dialect,
    *,
    accounts: Mapping[str, str] | None = None,
    private: Collection[str] = (),
    limits: bool = False,
    host: str = "",
) -> Scene:
    """Set one up, under its own name or, if it has none, under one of ours."""
    spoken = DIALECTS[dialect] if isinstance(dialect, str) else dialect
    clock = FakeClock(BEGINNING)
    registry = Registry()
    cdn = new_cdn(spoken, registry.store, clock)
    speaking = speak(
        spoken,
        registry,
        clock=clock,
        accounts=accounts,
        private=private,
        cdn=cdn,
        limits=limits,
    )
    redirect = spoken.blobs.redirect
    blobs = {} if redirect is None or cdn is None else {redirect.host: cdn}
    seen = Seen(Hosts(blobs, speaking))
    name = host or next(iter(spoken.hosts), "registry.example")
    return Scene(spoken, registry, speaking, clock, seen, name, cdn)
