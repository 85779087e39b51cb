"""The WWW-Authenticate grammar, scopes, and the questions and answers of a token endpoint.

Rule: parameters come in any order, challenges in any number; what can't be read is an error with
a name, never a guess.
Spec: RFC 9110 section 11.6.1; https://distribution.github.io/distribution/spec/auth/token/
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, cast
from urllib.parse import urlencode, urlsplit

from occystrap.errors import InvalidChallenge, InvalidToken

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["Challenge", "Scope", "Token", "TokenRequest", "parse_challenges", "parse_token"]

_TOKEN: Final = r"[!#$%&'*+\-.^_`|~0-9A-Za-z]+"
_TOKEN68: Final = r"[A-Za-z0-9\-._~+/]+=*"
_QUOTED: Final = r'"(?:[^"\\]|\\.)*"'
_SCHEME: Final = re.compile(rf"(?P<scheme>{_TOKEN})(?:[ \t]+|(?=,|$))")
_PARAMETER: Final = re.compile(
    rf"(?P<name>{_TOKEN})[ \t]*=[ \t]*(?:(?P<quoted>{_QUOTED})|(?P<bare>{_TOKEN}))[ \t]*(?=,|$)",
    re.DOTALL,
)
_CREDENTIALS: Final = re.compile(rf"(?P<token68>{_TOKEN68})[ \t]*(?=,|$)")
_SEPARATOR: Final = re.compile(r"[ \t]*(?:,[ \t]*)+")
#: Lifetime of a token whose answer doesn't say one, in seconds (token spec, `expires_in`).
DEFAULT_EXPIRY: Final = 60
_LONGEST_EXPIRY: Final = 24 * 3600


@dataclass(frozen=True, slots=True)
class Challenge:
    """One way in that a server offers; scheme and parameter names are lower case."""

    scheme: str
    parameters: tuple[tuple[str, str], ...] = ()
    token68: str = ""

    def get(self, name: str, default: str = "") -> str:
        """The value of a parameter; the first one, should it be there twice."""
        return next((value for key, value in self.parameters if key == name), default)

    def __str__(self) -> str:
        parameters = ",".join(f"{name}={_quote(value)}" for name, value in self.parameters)
        return " ".join(part for part in (self.scheme, self.token68 or parameters) if part)


def _quote(value: str) -> str:
    escaped = value.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


def _unquote(value: str) -> str:
    return re.sub(r"\\(.)", r"\1", value[1:-1], flags=re.DOTALL)


def parse_challenges(headers: Iterable[str]) -> tuple[Challenge, ...]:
    """Read the values of all WWW-Authenticate headers of an answer, in order.

    Raises:
        InvalidChallenge: a value is outside the grammar.
    """
    return tuple(challenge for value in headers for challenge in _parse_value(value.strip()))


def _parse_value(value: str) -> Iterable[Challenge]:
    position = _skip_separator(value, 0)
    while position < len(value):
        match = _SCHEME.match(value, position)
        if match is None:
            raise InvalidChallenge(f"not a challenge: {value[position : position + 80]!r}")
        scheme = match["scheme"].lower()
        position, parameters, token68 = _parse_parameters(value, match.end())
        yield Challenge(scheme, parameters, token68)


def _parse_parameters(value: str, position: int) -> tuple[int, tuple[tuple[str, str], ...], str]:
    found: list[tuple[str, str]] = []
    while position < len(value):
        match = _PARAMETER.match(value, position)
        if match is None:
            break
        text = match["bare"] if match["quoted"] is None else _unquote(match["quoted"])
        found.append((match["name"].lower(), text))
        position = _skip_separator(value, match.end())
    if found or position >= len(value):
        return position, tuple(found), ""
    credentials = _CREDENTIALS.match(value, position)
    if credentials is not None:
        return _skip_separator(value, credentials.end()), (), credentials["token68"]
    after = _skip_separator(value, position)
    if after == position:
        raise InvalidChallenge(f"not a parameter of a challenge: {value[position:][:80]!r}")
    return after, (), ""


def _skip_separator(value: str, position: int) -> int:
    match = _SEPARATOR.match(value, position)
    return position if match is None else match.end()


@dataclass(frozen=True, slots=True)
class Scope:
    """What a token is good for: `repository:library/busybox:pull,push`."""

    kind: str
    name: str
    actions: tuple[str, ...]

    @classmethod
    def repository(cls, name: str, *actions: str) -> Scope:
        """The scope of a repository."""
        return cls("repository", name, actions)

    @classmethod
    def parse(cls, text: str) -> Scope:
        """Read one scope; the name may hold colons (`host:5000/name`).

        Raises:
            InvalidChallenge: it hasn't three parts.
        """
        kind, first, rest = text.partition(":")
        name, last, actions = rest.rpartition(":")
        if not (first and last and kind and name):
            raise InvalidChallenge(f"not a scope (type:name:actions): {text[:160]!r}")
        return cls(kind, name, tuple(action for action in actions.split(",") if action))

    def __str__(self) -> str:
        return f"{self.kind}:{self.name}:{','.join(self.actions)}"


@dataclass(frozen=True, slots=True)
class TokenRequest:
    """What a client asks of a token endpoint."""

    realm: str
    service: str = ""
    scopes: tuple[str, ...] = ()

    @classmethod
    def answering(cls, challenge: Challenge, scopes: Iterable[str]) -> TokenRequest:
        """Make the request that a Bearer challenge asks for.

        The scopes of the challenge come first: some servers read only the first one.

        Raises:
            InvalidChallenge: it isn't a Bearer challenge, or names no realm on http or https.
        """
        realm = challenge.get("realm")
        if challenge.scheme != "bearer" or not _is_web_address(realm):
            raise InvalidChallenge(
                f"the challenge names no token endpoint: {str(challenge)[:200]!r}"
            )
        wanted = (*challenge.get("scope").split(), *scopes)
        return cls(realm, challenge.get("service"), tuple(dict.fromkeys(wanted)))

    @property
    def url(self) -> str:
        """The URL to GET."""
        pairs = [("service", self.service)] if self.service else []
        query = urlencode([*pairs, *(("scope", scope) for scope in self.scopes)])
        separator = "&" if "?" in self.realm else "?"
        return f"{self.realm}{separator}{query}" if query else self.realm

    def form(self, refresh_token: str, client_id: str) -> bytes:
        """The form to POST, with a refresh (identity) token in place of a password."""
        fields = {
            "grant_type": "refresh_token",
            "service": self.service,
            "client_id": client_id,
            "scope": " ".join(self.scopes),
            "refresh_token": refresh_token,
        }
        return urlencode(fields).encode()


def _is_web_address(url: str) -> bool:
    try:
        parts = urlsplit(url)
    except ValueError:
        return False
    return parts.scheme in ("http", "https") and bool(parts.hostname)


@dataclass(frozen=True, slots=True)
class Token:
    """A bearer token, and for how many seconds it holds; the value stays out of the repr."""

    value: str
    expires_in: int = DEFAULT_EXPIRY

    def __repr__(self) -> str:
        return f"Token(expires_in={self.expires_in})"


def parse_token(body: bytes) -> Token:
    """Read the answer of a token endpoint: `token`, or `access_token`.

    An expiry that is absent or absurd counts as 60 s; a day is the most.

    Raises:
        InvalidToken: the answer holds no token; the message quotes nothing of a valid answer.
    """
    try:
        document: Any = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise InvalidToken(f"the token endpoint answered no JSON: {body[:50]!r}") from error
    if not isinstance(document, dict):
        raise InvalidToken("the token endpoint answered JSON that is no object")
    answer = cast("dict[str, Any]", document)
    value = answer.get("token") or answer.get("access_token")
    if not isinstance(value, str) or not re.fullmatch(r"[\x21-\x7e]+", value):
        fields = ", ".join(sorted(answer)) or "nothing"
        raise InvalidToken(f"the token endpoint answered no usable token (fields: {fields:.200})")
    return Token(value, _expiry(answer.get("expires_in")))


def _expiry(value: object) -> int:
    if isinstance(value, str) and re.fullmatch(r"[0-9]{1,9}", value):
        value = int(value)
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not value > 0:
        return DEFAULT_EXPIRY
    return int(min(value, _LONGEST_EXPIRY)) or 1
