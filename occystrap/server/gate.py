"""Handlers in front of a handler that let in only those who may: by password, or by token.

Rule: a gate answers 401 or steps aside. What passes through isn't changed.
Spec: RFC 7617, RFC 6750, https://distribution.github.io/distribution/spec/auth/token/
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping
from typing import Final

from occystrap.oci.challenge import Challenge, Scope
from occystrap.server.access import (
    basic_credentials,
    bearer_token,
    covers,
    knows_password,
    needed_scopes,
    unauthorized,
)
from occystrap.server.message import Handler, Request, Response
from occystrap.server.tokens import Accounts, IssuedToken, Rights, TokenEndpoint, TokenForm, Tokens

__all__ = ["BasicGate", "BearerGate"]

_USUAL: Final = TokenForm()


class BasicGate:
    """Lets in whoever brings the name and the password of an account.

    The accounts are looked at with each request: what changes in them counts at once.
    """

    def __init__(
        self, inner: Handler, accounts: Mapping[str, str], *, realm: str = "registry"
    ) -> None:
        self._inner = inner
        self._accounts = accounts
        self._challenge = Challenge("Basic", (("realm", realm),))

    def handle(self, request: Request) -> Response:
        """Answer 401, or let the request through."""
        credentials = basic_credentials(request)
        if credentials is not None and knows_password(self._accounts, *credentials):
            return self._inner.handle(request)
        return unauthorized(self._challenge, needed_scopes(request))


class BearerGate:
    """Lets in whoever brings a token, and gives tokens out at `form.path` of any host.

    With no accounts everyone gets what they ask for. Otherwise accounts do, and strangers may pull
    if `anonymous_pull`, else the endpoint answers them 401. A token lives `expires_in` seconds by
    the clock (seconds since 1970), for ever if that is None. The challenge names `realm`; by
    default that is the endpoint at the host that was asked.
    """

    def __init__(
        self,
        inner: Handler,
        *,
        accounts: Mapping[str, str] | None = None,
        anonymous_pull: bool = True,
        expires_in: int | None = 300,
        service: str = "registry",
        realm: str | None = None,
        clock: Callable[[], float] = time.time,
        form: TokenForm = _USUAL,
    ) -> None:
        #: Who gets what; may be replaced at any time, and counts for the tokens given out later.
        self.rights: Rights = _all if accounts is None else _pull_for_strangers
        self._inner = inner
        self._tokens = Tokens(clock, expires_in)
        known = Accounts(accounts, accounts is None or anonymous_pull, service)
        self._endpoint = TokenEndpoint(self._tokens, known, self._rights_of, form)
        self._service = service
        self._realm = realm
        self._path = form.path

    def _rights_of(self, account: str, scope: Scope) -> Iterable[str]:
        return self.rights(account, scope)

    @property
    def issued(self) -> list[IssuedToken]:
        """Every token that was given out, in order."""
        return self._tokens.issued

    def expire_tokens(self) -> None:
        """End every token that was given out so far."""
        self._tokens.expire()

    def new_refresh_token(self, account: str) -> str:
        """Make an identity token, which stands in for the account's password."""
        return self._tokens.new_refresh_token(account)

    def handle(self, request: Request) -> Response:
        """Give a token, answer 401, or let the request through."""
        if request.path == self._path:
            return self._endpoint.answer(request)
        value, needed = bearer_token(request), needed_scopes(request)
        if value is None:
            return self._refuse(request, needed)
        token = self._tokens.find(value)
        if token is None:
            return self._refuse(request, needed, "invalid_token")
        if not covers(token.granted, needed):
            return self._refuse(request, needed, "insufficient_scope")
        return self._inner.handle(request)

    def _refuse(self, request: Request, needed: tuple[Scope, ...], error: str = "") -> Response:
        parameters = (
            ("realm", self._realm or f"{request.scheme}://{request.host}{self._path}"),
            ("service", self._service),
            ("scope", " ".join(map(str, needed))),
            ("error", error),
        )
        said = tuple(pair for pair in parameters if pair[1])
        return unauthorized(Challenge("Bearer", said), needed)


def _all(_account: str, scope: Scope) -> Iterable[str]:
    return scope.actions


def _pull_for_strangers(account: str, scope: Scope) -> Iterable[str]:
    if account:
        return scope.actions
    return ("pull",) if scope.kind == "repository" else ()
