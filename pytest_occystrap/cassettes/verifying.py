"""Playing the requests of a cassette to a live registry, to see whether it still answers so.

Rule: in their order, each with what the registry gives out now in the place of what it gave out
then. Nothing is written unless that is wanted.
"""

from __future__ import annotations

import base64
import contextlib
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from http import HTTPStatus
from typing import Final
from urllib.parse import parse_qsl, urlencode

import httpx

from occystrap.client.build import Around
from occystrap.errors import CassetteError, InvalidDigest, InvalidReference
from occystrap.oci.routes import parse_route
from occystrap.server.doors.framing import content_length
from occystrap.server.hops import end_to_end, with_host
from pytest_occystrap.cassettes.comparing import Difference, differences
from pytest_occystrap.cassettes.form import Cassette, Interaction, RecordedRequest
from pytest_occystrap.cassettes.recorder import LeftOut, Recorder
from pytest_occystrap.cassettes.translating import Translation, origin_of
from pytest_occystrap.cassettes.transport import RecordingTransport

__all__ = ["Played", "Skipped", "Verified", "verify"]

_READING: Final = frozenset({"GET", "HEAD"})
_LONGEST_FORM: Final = 1 << 16
_PATIENCE: Final = httpx.Timeout(30.0, connect=10.0)
_FORM: Final = "application/x-www-form-urlencoded"


@dataclass(frozen=True, slots=True)
class Played:
    """An interaction that was asked for again, and how the answer differs."""

    recorded: Interaction
    found: tuple[Difference, ...]


@dataclass(frozen=True, slots=True)
class Skipped:
    """An interaction that wasn't asked for again, and why."""

    recorded: Interaction
    reason: str


@dataclass(frozen=True, slots=True)
class Verified:
    """What became of a cassette, in its order."""

    steps: tuple[Played | Skipped, ...]

    @property
    def played(self) -> tuple[Played, ...]:
        """What was asked for again."""
        return tuple(each for each in self.steps if isinstance(each, Played))

    @property
    def skipped(self) -> tuple[Skipped, ...]:
        """What wasn't."""
        return tuple(each for each in self.steps if isinstance(each, Skipped))

    @property
    def drifted(self) -> tuple[Played, ...]:
        """What was answered otherwise."""
        return tuple(each for each in self.played if each.found)


def verify(
    cassette: Cassette,
    against: str,
    connect: Callable[[Around], httpx.Client],
    *,
    writes: bool = False,
    login: tuple[str, str] | None = None,
) -> Verified:
    """Play a cassette to the registry at an origin (`https://registry.example`).

    `connect` makes the client that asks, with something around its transports, as `create_client`
    does. Without `writes`, requests that change something are skipped, and those that look at
    what they changed. A `login` takes the place of the one that was recorded.

    Raises:
        CassetteError: there is nothing in the cassette.
    """
    upstream = _upstream(cassette)
    with Recorder() as recorder, connect(_recording(recorder)) as client:
        player = _Player(
            Translation(upstream, against.rstrip("/")),
            client,
            recorder,
            _Caution(writes=writes),
            login,
        )
        return Verified(tuple(player.play(each) for each in cassette.interactions))


def _recording(recorder: Recorder) -> Around:
    return lambda inner: RecordingTransport(inner, recorder)


def _upstream(cassette: Cassette) -> str:
    """Tell which of the origins is the registry: the first that was asked for its API."""
    urls = [each.request.url for each in cassette.interactions]
    if not urls:
        raise CassetteError("there is nothing in the cassette that could be verified")
    asked = (each for each in cassette.interactions if each.request.path.startswith("/v2/"))
    return origin_of(next((each.request.url for each in asked), urls[0]))


class _Caution:
    """Knows what may not be asked, since it writes or looks at what was written."""

    def __init__(self, *, writes: bool) -> None:
        self._writes = writes
        self._changed = set[str]()

    def reason(self, request: RecordedRequest) -> str:
        """Say why a request isn't to be sent; empty if it may be."""
        if self._writes:
            return ""
        repository = _repository(request.path)
        if request.method not in _READING and request.path.startswith("/v2/"):
            self._changed.add(repository)
            return "it writes (--writes)"
        return "it looks at what was written" if repository in self._changed else ""


def _repository(path: str) -> str:
    try:
        route = parse_route(path)
    except (InvalidDigest, InvalidReference):
        return path
    return path if route is None else route.repository or path


@dataclass(frozen=True, slots=True)
class _Player:
    translation: Translation
    client: httpx.Client
    recorder: Recorder
    caution: _Caution
    login: tuple[str, str] | None

    def play(self, recorded: Interaction) -> Played | Skipped:
        """Ask again."""
        if recorded.response is None:
            return Skipped(recorded, f"there was no answer ({recorded.ending.value})")
        url = self.translation.url(recorded.request.url)
        reason = self.caution.reason(recorded.request) or self._reason(recorded)
        if reason or url is None:
            return Skipped(recorded, reason or "no answer leads there any more")
        now = self._ask(self._request(recorded, url))
        if isinstance(now, LeftOut):
            return Skipped(recorded, now.reason)
        self.translation.learn(recorded, now)
        return Played(recorded, differences(recorded, now))

    def _reason(self, recorded: Interaction) -> str:
        request = recorded.request
        length = content_length(request.headers)
        if length is not None and length != request.body.size and request.method != "HEAD":
            return "the request was not sent to its end"
        if self.login is None and (_was_let_in(recorded) or _is_login(request)):
            return "it needs --username and --password"
        return ""

    def _request(self, recorded: Interaction, url: str) -> httpx.Request:
        """Make the request by hand: no client adds anything of its own."""
        asked, parsed = recorded.request, httpx.URL(url)
        headers = with_host(end_to_end(asked.headers), parsed.netloc.decode("ascii"))
        body: Iterable[bytes] = asked.body
        said = headers.get("Authorization") or ""
        if said:
            fresh = self._authorization() if _was_let_in(recorded) else said
            headers = headers.replace("Authorization", self.translation.text(fresh))
        if _is_form(asked):
            content = self._form(asked)
            headers, body = headers.replace("Content-Length", str(len(content))), [content]
        elif "Transfer-Encoding" in asked.headers:
            headers = headers.add("Transfer-Encoding", "chunked")
        return httpx.Request(
            asked.method,
            parsed,
            headers=[(n.encode("latin-1"), v.encode("latin-1")) for n, v in headers],
            stream=_Content(body),
            extensions={"timeout": _PATIENCE.as_dict()},
        )

    def _authorization(self) -> str:
        assert self.login is not None  # noqa: S101 - it was skipped else
        return "Basic " + base64.b64encode(":".join(self.login).encode()).decode()

    def _form(self, asked: RecordedRequest) -> bytes:
        fields = parse_qsl(self.translation.text(asked.body.read().decode("latin-1")))
        if _is_login(asked) and self.login is not None:
            name, password = self.login
            own: dict[str, str] = {"username": name, "password": password}
            fields = [(key, own.get(key, value)) for key, value in fields]
        return urlencode(fields).encode()

    def _ask(self, request: httpx.Request) -> Interaction | LeftOut:
        """Send it, and return what became of it, failures included."""
        kept, left = len(self.recorder.interactions), len(self.recorder.left_out)
        with contextlib.suppress(httpx.TransportError), self._sent(request) as response:
            for _ in response.iter_raw():
                pass
        became: list[Interaction | LeftOut] = [*self.recorder.interactions[kept:]]
        became += self.recorder.left_out[left:]
        return became[0]

    def _sent(self, request: httpx.Request) -> contextlib.closing[httpx.Response]:
        response = self.client.send(request, stream=True, follow_redirects=False, auth=None)
        return contextlib.closing(response)


class _Content(httpx.SyncByteStream):
    """A body that is sent as it is read."""

    def __init__(self, pieces: Iterable[bytes]) -> None:
        self._pieces = pieces

    def __iter__(self) -> Iterator[bytes]:
        yield from self._pieces


def _was_let_in(recorded: Interaction) -> bool:
    """Tell whether a request has a password that was right."""
    said = recorded.request.headers.get("Authorization") or ""
    refused = recorded.response is None or recorded.response.status == HTTPStatus.UNAUTHORIZED
    return said.lower().startswith("basic ") and not refused


def _is_form(request: RecordedRequest) -> bool:
    kind = request.headers.get("Content-Type") or ""
    return kind.partition(";")[0].strip().lower() == _FORM and request.body.size <= _LONGEST_FORM


def _is_login(request: RecordedRequest) -> bool:
    return _is_form(request) and b"grant_type=password" in request.body.read()
