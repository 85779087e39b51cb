"""Requests as they would be recorded: with what was scrubbed in the place of what is secret.

Rule: a placeholder fits any secret, but names have to be right: one that stands for a host fits an
internal host, the same in all requests, and no other placeholder does.
"""

from __future__ import annotations

import copy
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final
from urllib.parse import parse_qsl, urlsplit

from vcr.request import Request
from vcr.util import read_body

from pytest_occystrap.cassettes.hosts import is_internal
from pytest_occystrap.cassettes.placeholders import PLACEHOLDER, Kind
from pytest_occystrap.cassettes.vcrpy.values import KeptRequest

__all__ = ["Disguise", "Hosts", "disguise", "has_host", "is_open"]

_BODY_LIMIT: Final = 64 * 1024  # larger bodies are hardly forms with passwords
_HOST: Final = f"{Kind.HOST.value}-"

#: Internal hosts by what stands for them.
Hosts = Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Disguise:
    """A request with placeholders in it, and the hosts that these stand for."""

    request: Request
    hosts: Hosts


def has_host(request: Request) -> bool:
    """Tell whether the host of a request is a placeholder."""
    return str(request.host).startswith(_HOST) and PLACEHOLDER.fullmatch(request.host) is not None


def is_open(request: Request) -> bool:
    """Tell whether there are placeholders elsewhere in its URL."""
    parts = urlsplit(request.uri)
    return PLACEHOLDER.search(f"{parts.path}?{parts.query}") is not None


def disguise(made: Request, recorded: Request, hosts: Hosts) -> Disguise:
    """Put into a request what was recorded wherever that stands for what it has."""
    wearing = _Wearing(dict(hosts))
    disguised = copy.copy(made)
    disguised.uri = wearing.url(made.uri, recorded.uri)
    disguised.headers = {
        name: wearing.text(str(value), str(recorded.headers.get(name, "")))
        for name, value in made.headers.items()
    }
    ours, theirs = _text_of(made), _text_of(recorded)
    if wearing.text(ours, theirs) != ours:
        disguised.body = theirs
    return Disguise(disguised, wearing.hosts)


@dataclass(frozen=True, slots=True)
class _Wearing:
    """Decides text by text, and remembers the hosts."""

    hosts: dict[str, str] = field(default_factory=dict)

    def url(self, made: str, recorded: str) -> str:
        """Return a URL with the recorded host, path and query if they fit."""
        ours, theirs = urlsplit(made), urlsplit(recorded)
        wanted = parse_qsl(theirs.query, keep_blank_values=True)
        known = dict(wanted)
        pairs = [
            (name, self.text(value, known.get(name, "")))
            for name, value in parse_qsl(ours.query, keep_blank_values=True)
        ]
        worn = ours._replace(
            netloc=self.text(ours.netloc, theirs.netloc),
            path=self.text(ours.path, theirs.path),
            query=theirs.query if sorted(pairs) == sorted(wanted) else ours.query,
        )
        return made if worn == ours else worn.geturl()  # which would lose a last question mark

    def text(self, made: str, recorded: str) -> str:
        """Return the recorded text if it stands for the one that was made, or else that."""
        found = list(PLACEHOLDER.finditer(recorded))
        if not found:
            return made
        pieces, position = [], 0
        for each in found:
            pieces.append(re.escape(recorded[position : each.start()]))
            position = each.end()
        pattern = "(.+?)".join([*pieces, re.escape(recorded[position:])])
        match = re.fullmatch(pattern, made, re.DOTALL)
        if match is None:
            return made
        names = [each[0] for each in found]
        fits = all(map(self._fits, names, match.groups()))
        return recorded if fits else made

    def _fits(self, name: str, value: str) -> bool:
        if not name.startswith(_HOST):
            return True
        if name in self.hosts or value in self.hosts.values():
            return self.hosts.get(name) == value
        if not is_internal(value):
            return False
        self.hosts[name] = value
        return True


def _text_of(request: Request) -> str:
    """Return a body that may hold placeholders, or be what they stand for; else nothing."""
    if isinstance(request, KeptRequest) and request.kept and request.kept.size > _BODY_LIMIT:
        return ""
    body: Any = read_body(request) or b""
    if len(body) > _BODY_LIMIT:
        return ""
    return body if isinstance(body, str) else bytes(body).decode("utf-8", "replace")
