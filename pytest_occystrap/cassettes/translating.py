"""From what was recorded to what is asked now: where the registry leads to, and what it gives out.

Rule: what a recorded answer led to is translated into what the answer now leads to; a value that no
answer has given is sent as it was recorded.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final, cast
from urllib.parse import parse_qsl, urlencode, urljoin, urlsplit, urlunsplit

from occystrap.errors import InvalidChallenge
from occystrap.oci.challenge import parse_challenges
from pytest_occystrap.cassettes.comparing import LINK
from pytest_occystrap.cassettes.form import Interaction, RecordedResponse

__all__ = ["Translation", "origin_of"]

#: A token, whole: one may be the beginning of another.
_WORD: Final = re.compile(r"[A-Za-z0-9._~+/-]+=*")
_TOKENS: Final = ("token", "access_token", "refresh_token")
_CURSORS: Final = ("next_page",)
_LONGEST: Final = 1 << 16
#: A text as short as this may stand somewhere by chance.
_TOO_SHORT: Final = 8


def origin_of(url: str) -> str:
    """Return scheme, host and port of a URL."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}"


@dataclass(frozen=True, slots=True)
class _Lead:
    """A URL that an answer led to, as it was and as it is."""

    was: str
    now: str

    def follow(self, url: str, values: Mapping[str, str]) -> str | None:
        """Translate a URL that has all the parameters of this one; the client's own come behind."""
        was, asked = _query(self.was), _query(url)
        if any(pair not in asked for pair in was):
            return None
        own = [
            (name, values.get(value, value)) for name, value in asked if (name, value) not in was
        ]
        if not own:
            return self.now
        return f"{self.now}{'&' if urlsplit(self.now).query else '?'}{urlencode(own)}"


@dataclass(slots=True)
class Translation:
    """Learns from pairs of answers; begins with one origin that stands for another."""

    recorded: str
    now: str
    _leads: dict[str, list[_Lead]] = field(default_factory=dict[str, list[_Lead]])
    #: Values of parameters, and tokens; as they were -> as they are.
    _values: dict[str, str] = field(default_factory=dict[str, str])
    _tokens: dict[str, str] = field(default_factory=dict[str, str])

    def url(self, url: str) -> str | None:
        """Translate a URL; None if no answer has led to its origin."""
        values = self._values | self._tokens
        # The last one first: sessions move on.
        for lead in reversed(self._leads.get(_place_of(url), [])):
            followed = lead.follow(url, values)
            if followed is not None:
                return followed
        if origin_of(url) != self.recorded:
            return None
        path, mark, query = url[len(self.recorded) :].partition("?")
        pairs = parse_qsl(query, keep_blank_values=True)
        if any(value in values for _, value in pairs):
            query = urlencode([(name, values.get(value, value)) for name, value in pairs])
        return self.now + path + mark + query

    def text(self, text: str) -> str:
        """Translate the tokens in a text, such as a header or a form."""
        return _WORD.sub(lambda found: self._tokens.get(found[0], found[0]), text)

    def learn(self, recorded: Interaction, now: Interaction) -> None:
        """Note what two answers to the same request led to and gave out."""
        if recorded.response is None or now.response is None:
            return
        leads, leads_now = (_leads_of(each) for each in (recorded, now))
        for kind in leads.keys() & leads_now.keys():
            place = _place_of(leads[kind])
            self._leads.setdefault(place, []).append(_Lead(leads[kind], leads_now[kind]))
        was, is_ = _said(recorded.response), _said(now.response)
        for name in was.keys() & is_.keys():
            if name in _TOKENS and len(was[name]) >= _TOO_SHORT:
                self._tokens[was[name]] = is_[name]
            elif name not in _TOKENS:
                self._values[was[name]] = is_[name]


def _place_of(url: str) -> str:
    parts = urlsplit(url)
    return urlunsplit((parts.scheme, parts.netloc, parts.path, "", ""))


def _query(url: str) -> list[tuple[str, str]]:
    return parse_qsl(urlsplit(url).query, keep_blank_values=True)


def _leads_of(interaction: Interaction) -> dict[str, str]:
    """List where an answer leads to, by the kind of lead."""
    assert interaction.response is not None  # noqa: S101 - narrows the type
    headers, base = interaction.response.headers, interaction.request.url
    link = LINK.search(headers.get("Link") or "")
    found = {
        "location": headers.get("Location"),
        "link": link[1] if link else None,
        "realm": _challenge(interaction.response, "realm"),
    }
    return {kind: urljoin(base, url) for kind, url in found.items() if url}


def _challenge(response: RecordedResponse, name: str) -> str:
    try:
        challenges = parse_challenges(response.headers.get_all("WWW-Authenticate"))
    except InvalidChallenge:
        return ""
    bearers = [each for each in challenges if each.scheme.lower() == "bearer"]
    return bearers[0].get(name) if bearers else ""


def _said(response: RecordedResponse) -> dict[str, str]:
    """Return what an answer gives out for clients to send back."""
    given = {"service": service} if (service := _challenge(response, "service")) else {}
    if response.body.size > _LONGEST:
        return given
    try:
        document: Any = json.loads(response.body.read())
    except ValueError:
        return given
    if isinstance(document, dict):
        fields = cast("dict[str, object]", document)
        given |= {key: str(fields[key]) for key in (*_TOKENS, *_CURSORS) if fields.get(key)}
    return given
