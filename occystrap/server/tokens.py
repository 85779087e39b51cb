"""The endpoint that gives out bearer tokens, and the list of those that it gave.

Rule: a token is good for what was granted and no longer than it lives, by one clock. A right that
isn't there makes the grant smaller, not the request wrong. Secrets stay out of every repr.
Spec: https://distribution.github.io/distribution/spec/auth/token/ (GET) and
https://distribution.github.io/distribution/spec/auth/oauth/ (POST)
"""

from __future__ import annotations

import secrets
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Final
from urllib.parse import parse_qsl

from occystrap.errors import InvalidChallenge
from occystrap.oci.challenge import Challenge, Scope
from occystrap.oci.diagnostics import ErrorCode
from occystrap.oci.documents import encode
from occystrap.server.access import basic_credentials, knows_password, unauthorized
from occystrap.server.answers import JSON, Refusal, content
from occystrap.server.message import Query, Request, Response

__all__ = ["Accounts", "IssuedToken", "Rights", "TokenEndpoint", "TokenForm", "Tokens"]

#: (account, what it asks for) -> the actions that it gets; the account is "" for anonymous ones.
Rights = Callable[[str, Scope], Iterable[str]]

_LARGEST_FORM: Final = 64 * 1024
#: Not the words that go with the code: Docker takes a 401 that says no more for a hitch, and asks
#: again for 50 seconds.
_INCORRECT: Final = "incorrect user name or password"
_MISSING: Final = "there is no token without a user name and a password"
_OFFLINE: Final = (("offline_token", "true"), ("access_type", "offline"))


@dataclass(frozen=True, slots=True)
class TokenForm:
    """How the endpoint looks from outside.

    `fields` are those of the answer that there are: token, access_token, expires_in, issued_at,
    scope; a refresh_token comes when it is asked for. Any other method than those in `methods` is
    answered with the status `wrong_method`.
    """

    path: str = "/token"
    methods: tuple[str, ...] = ("GET", "POST")
    fields: tuple[str, ...] = ("token", "access_token", "expires_in", "issued_at")
    wrong_method: int = 405


@dataclass(frozen=True, slots=True)
class IssuedToken:
    """A token: who got it, how, what for and until when (None: for ever), by the clock."""

    value: str = field(repr=False)
    account: str
    method: str
    asked: tuple[Scope, ...]
    granted: tuple[Scope, ...]
    issued_at: float
    expires_at: float | None


class Tokens:
    """Every token that was given out, and the refresh tokens."""

    def __init__(self, clock: Callable[[], float], expires_in: int | None) -> None:
        self.clock = clock
        self.expires_in = expires_in
        self.issued: list[IssuedToken] = []
        self._good: dict[str, IssuedToken] = {}
        self._refresh: dict[str, str] = {}
        self._lock = threading.Lock()

    def issue(
        self, account: str, method: str, asked: tuple[Scope, ...], granted: tuple[Scope, ...]
    ) -> IssuedToken:
        """Make a token."""
        now = self.clock()
        until = None if self.expires_in is None else now + self.expires_in
        value = secrets.token_urlsafe(32)
        token = IssuedToken(value, account, method, asked, granted, now, until)
        with self._lock:
            self.issued.append(token)
            self._good[token.value] = token
        return token

    def find(self, value: str) -> IssuedToken | None:
        """Look up a token that is good now."""
        with self._lock:
            token = self._good.get(value)
        if token is None or (token.expires_at is not None and self.clock() >= token.expires_at):
            return None
        return token

    def expire(self) -> None:
        """End every token that was given out so far; refresh tokens stay good."""
        with self._lock:
            self._good.clear()

    def new_refresh_token(self, account: str) -> str:
        """Make what stands in for an account's password from now on."""
        value = secrets.token_urlsafe(32)
        with self._lock:
            self._refresh[value] = account
        return value

    def account_of(self, refresh_token: str) -> str | None:
        """Look up whose refresh token that is."""
        with self._lock:
            return self._refresh.get(refresh_token)


@dataclass(frozen=True, slots=True)
class Accounts:
    """Whom the endpoint knows (None: everyone by every password), and whether it takes strangers.

    `realm` is what their passwords are for.
    """

    passwords: Mapping[str, str] | None = field(repr=False)
    strangers: bool
    realm: str

    def check(self, username: str, password: str) -> str | None:
        """Return the account, "" for a stranger, None for who has to be refused."""
        if username == password == "":
            return "" if self.strangers else None
        if self.passwords is None or knows_password(self.passwords, username, password):
            return username
        return None


class TokenEndpoint:
    """Answer those who ask for tokens."""

    def __init__(self, tokens: Tokens, accounts: Accounts, rights: Rights, form: TokenForm) -> None:
        self._tokens = tokens
        self._accounts = accounts
        self._rights = rights
        self._form = form

    def answer(self, request: Request) -> Response:
        """Give a token, or say why not."""
        try:
            return self._answer(request)
        except Refusal as refusal:
            return refusal.response

    def _answer(self, request: Request) -> Response:
        form = self._form
        if request.method not in form.methods:
            allowed = {"Allow": ", ".join(form.methods)}
            raise Refusal(ErrorCode.UNSUPPORTED, status=form.wrong_method, headers=allowed)
        posted = request.method == "POST"
        fields = _read_form(request) if posted else request.query
        asked = _scopes(fields)
        account = self._account_of_form(dict(fields)) if posted else self._account(request)
        if account is None:
            known = posted or request.headers.get("Authorization") is not None
            challenge = Challenge("Basic", (("realm", self._accounts.realm),))
            return unauthorized(challenge, message=_INCORRECT if known else _MISSING)
        granted = tuple(self._grant(account, scope) for scope in asked)
        token = self._tokens.issue(account, request.method, asked, granted)
        return self._present(token, offline=any(pair in fields for pair in _OFFLINE))

    def _account(self, request: Request) -> str | None:
        """Return who asks by GET, None for someone with a wrong password."""
        if request.headers.get("Authorization") is None:
            return self._accounts.check("", "")
        credentials = basic_credentials(request)
        return None if credentials is None else self._accounts.check(*credentials)

    def _account_of_form(self, fields: Mapping[str, str]) -> str | None:
        """Return who asks by POST, None for someone with a wrong secret."""
        grant = fields.get("grant_type")
        if grant == "refresh_token":
            return self._tokens.account_of(fields.get("refresh_token", ""))
        if grant == "password":
            return self._accounts.check(fields.get("username", ""), fields.get("password", ""))
        raise Refusal(
            ErrorCode.UNSUPPORTED,
            f"the grant type is password or refresh_token, not {(grant or '')[:40]!r}",
            status=400,
        )

    def _grant(self, account: str, scope: Scope) -> Scope:
        rights = set(self._rights(account, scope))
        return Scope(scope.kind, scope.name, tuple(a for a in scope.actions if a in rights))

    def _present(self, token: IssuedToken, *, offline: bool) -> Response:
        when = datetime.fromtimestamp(token.issued_at, UTC)
        values: dict[str, object] = {
            "token": token.value,
            "access_token": token.value,
            "expires_in": self._tokens.expires_in,
            "issued_at": f"{when:%Y-%m-%dT%H:%M:%S.%f}000Z",
            "scope": " ".join(str(scope) for scope in token.granted if scope.actions),
        }
        answer = {name: values[name] for name in self._form.fields if values[name] is not None}
        if offline and token.account:
            answer["refresh_token"] = self._tokens.new_refresh_token(token.account)
        return content(200, encode(answer), JSON, {"Cache-Control": "no-store"})


def _read_form(request: Request) -> Query:
    body = b"".join(_limited(request.body))
    try:
        return tuple(parse_qsl(body.decode(), keep_blank_values=True))
    except ValueError:
        raise Refusal(ErrorCode.UNSUPPORTED, "that is no form", status=400) from None


def _limited(pieces: Iterable[bytes]) -> Iterator[bytes]:
    size = 0
    for piece in pieces:
        size += len(piece)
        if size > _LARGEST_FORM:
            raise Refusal(ErrorCode.UNSUPPORTED, "the form is too large", status=413)
        yield piece


def _scopes(fields: Query) -> tuple[Scope, ...]:
    """Read what is asked for: `scope` may come again, and hold several with spaces between."""
    texts = [text for name, value in fields if name == "scope" for text in value.split()]
    try:
        return tuple(map(Scope.parse, dict.fromkeys(texts)))
    except InvalidChallenge as error:
        raise Refusal(ErrorCode.UNSUPPORTED, str(error), status=400) from error
