"""The WWW-Authenticate grammar, scopes, and the questions and answers of a token endpoint.

Rule: parameters come in any order, challenges in any number; what can't be read is an error with
a name, never a guess.
Spec: RFC 9110 section 11.6.1; https://distribution.github.io/distribution/spec/auth/token/
"""

from __future__ import annotations

import json
import re
import reprlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, cast
from urllib.parse import urlencode, urlsplit

from occystrap.errors import InvalidChallenge, InvalidToken

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["Challenge", "Scope", "Token", "TokenRequest", "parse_challenges", "parse_token"]

_NAME: Final = r"[!#$%&'*+\-.^_`|~0-9A-Za-z]+"
_TOKEN68: Final = r"[A-Za-z0-9\-._~+/]+=*"
_QUOTED: Final = r'"(?:[^"\\]|\\.)*"'
_END: Final = r"[ \t]*(?=,|\Z)"
_SCHEME: Final = re.compile(rf"(?P<scheme>{_NAME})(?:[ \t]+|(?=,|\Z))")
_CREDENTIALS: Final = re.compile(rf"(?P<token68>{_TOKEN68}){_END}")
_PARAMETER: Final = re.compile(
    rf"(?P<name>{_NAME})[ \t]*=[ \t]*(?:(?P<quoted>{_QUOTED})|(?P<bare>{_NAME})){_END}"
)
_SEPARATOR: Final = re.compile(r"[ \t]*(?:,[ \t]*)+")
_WEB_ADDRESS: Final = re.compile(r"https?://[\x21-\x7e]+", re.IGNORECASE)
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
        """Return the value of a parameter; the first one, should it be there twice."""
        return next((value for key, value in self.parameters if key == name), default)

    def __str__(self) -> str:
        parameters = ",".join(f"{name}={_quote(value)}" for name, value in self.parameters)
        return " ".join(part for part in (self.scheme, self.token68 or parameters) if part)


def _quote(value: str) -> str:
    escaped = value.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


def _unquote(value: str) -> str:
    return re.sub(r"\\(.)", r"\1", value[1:-1])


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
        scheme, position = match["scheme"].lower(), match.end()
        credentials = _CREDENTIALS.match(value, position)
        if credentials is None:
            position, parameters = _parse_parameters(value, position)
            yield Challenge(scheme, parameters)
        else:
            position = _skip_separator(value, credentials.end())
            yield Challenge(scheme, (), credentials["token68"])


def _parse_parameters(value: str, start: int) -> tuple[int, tuple[tuple[str, str], ...]]:
    position = _skip_separator(value, start)
    found: list[tuple[str, str]] = []
    while (match := _PARAMETER.match(value, position)) is not None:
        text = match["bare"] if match["quoted"] is None else _unquote(match["quoted"])
        found.append((match["name"].lower(), text))
        position = _skip_separator(value, match.end())
    if start == position < len(value):
        raise InvalidChallenge(f"not a parameter of a challenge: {value[start : start + 80]!r}")
    return position, tuple(found)


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
        """Make the scope of a repository."""
        return cls("repository", name, actions)

    @classmethod
    def parse(cls, text: str) -> Scope:
        """Read one scope; the name may hold colons (`host:5000/name`).

        Raises:
            InvalidChallenge: it hasn't three parts, or is more than one scope.
        """
        kind, first, rest = text.partition(":")
        name, last, actions = rest.rpartition(":")
        if not (first and last and kind and name) or text.split() != [text]:
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
        pairs += [("scope", scope) for scope in self.scopes]
        parts = urlsplit(self.realm)
        query = "&".join(part for part in (parts.query, urlencode(pairs, errors="replace")) if part)
        return parts._replace(query=query, fragment="").geturl()

    def form(self, refresh_token: str, client_id: str) -> bytes:
        """Make the form to POST, with a refresh (identity) token in place of a password."""
        fields = {
            "grant_type": "refresh_token",
            "service": self.service,
            "client_id": client_id,
            "scope": " ".join(self.scopes),
            "refresh_token": refresh_token,
        }
        return urlencode(fields, errors="replace").encode()


def _is_web_address(url: str) -> bool:
    if not _WEB_ADDRESS.fullmatch(url):
        return False
    try:
        parts = urlsplit(url)
        return parts.port != 0 and bool(parts.hostname) and "@" not in parts.netloc
    except ValueError:
        return False


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
        InvalidToken: the answer holds no token. The message quotes a page of a proxy, but nothing
            that may be a part of a token.
    """
    try:
        document: Any = json.loads(body)
    except (ValueError, RecursionError):
        begins = f" (it begins {body[:50]!r})" if body.lstrip().startswith(b"<") else ""
        raise InvalidToken(f"the token endpoint answered no JSON{begins}") from None
    if not isinstance(document, dict):
        raise InvalidToken("the token endpoint answered JSON that is no object")
    answer = cast("dict[str, Any]", document)
    value = answer.get("token") or answer.get("access_token")
    if not isinstance(value, str) or not re.fullmatch(r"[\x21-\x7e]+", value):
        raise InvalidToken(
            f"the token endpoint answered no usable token (fields: {reprlib.repr(sorted(answer))})"
        )
    return Token(value, _expiry(answer.get("expires_in")))


def _expiry(value: object) -> int:
    if isinstance(value, str) and re.fullmatch(r"[0-9]{1,18}", value):
        value = int(value)
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not value > 0:
        return DEFAULT_EXPIRY
    return int(min(value, _LONGEST_EXPIRY)) or 1
