"""The token endpoint in the form of a dialect."""

from __future__ import annotations

import hmac
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Final
from urllib.parse import parse_qsl

from occystrap.errors import InvalidChallenge
from occystrap.oci.challenge import Scope
from occystrap.server.access import basic_credentials
from occystrap.server.answers import document
from occystrap.server.gate import BearerGate
from occystrap.server.message import Request, Response
from pytest_occystrap.dialects.answers import NOT_FOUND_TEXT, FixedAnswer, error
from pytest_occystrap.dialects.entry_form import EntryForm
from pytest_occystrap.dialects.requests import with_header

__all__ = ["ANY", "DialectTokens"]

#: The repository that stands for all of them where tokens are good for all of them.
ANY: Final = "any"
_UNAUTHORIZED: Final = 401
_LARGEST_FORM: Final = 64 * 1024
_BAD_GRANT: Final = error(400, "UNSUPPORTED", "the grant type is not supported")

#: (account, repository) -> whether it is there for them; the account is "" for strangers.
Sees = Callable[[str, str], bool]


class DialectTokens:
    """Puts questions to the token endpoint of a gate, and its answers into the dialect's form."""

    def __init__(
        self,
        gate: BearerGate,
        form: EntryForm,
        accounts: Mapping[str, str] | None,
        sees: Sees,
        challenge: Callable[[Request], str],
    ) -> None:
        self._gate = gate
        self._form = form
        self._accounts = accounts
        self._sees = sees
        self._challenge = challenge

    def knows(self, path: str) -> bool:
        """Tell whether tokens are given out there."""
        return path in (self._form.token.path, self._form.exchange)

    def answer(self, request: Request) -> Response:
        """Give a token, or say why not."""
        if request.path == self._form.exchange:
            return self._exchange(request)
        if request.method == "POST":
            return self._posted(request)
        refusal = self._refusal(request)
        if refusal is not None:
            return refusal.response
        if self._form.scope:
            everything = ("scope", f"repository:{ANY}:pull,push,delete")
            request = replace(request, query=(everything,))
        return self._worded(request, self._gate.handle(request))

    def _refusal(self, request: Request) -> FixedAnswer | None:
        """Refuse scopes that the dialect doesn't put up with."""
        credentials = basic_credentials(request)
        account = "" if credentials is None else credentials[0]
        form = self._form
        asked: dict[str, set[str]] = {}
        for scope in _scopes(request):
            asked.setdefault(scope.name, set()).update(scope.actions)
        for repository, actions in asked.items():
            if form.actions and not actions <= set(form.actions):
                return form.bad_action
            pulls = actions == {"pull"}
            if form.unknown_repository and pulls and not self._sees(account, repository):
                return form.unknown_repository
        return None

    def _worded(self, request: Request, response: Response) -> Response:
        refusal = self._form.wrong_password
        if response.status != _UNAUTHORIZED or refusal is None:
            return response
        answer = refusal.response
        if answer.status != _UNAUTHORIZED:
            return answer
        return with_header(answer, "WWW-Authenticate", self._challenge(request))

    def _posted(self, request: Request) -> Response:
        body = _read(request)
        grant = dict(parse_qsl(body.decode("utf-8", "replace"))).get("grant_type", "")
        allowed = "POST" in self._form.token.methods
        if allowed and grant not in self._form.grants:
            return _BAD_GRANT.response
        return self._worded(request, self._gate.handle(replace(request, body=(body,))))

    def _exchange(self, request: Request) -> Response:
        """Give an identity token for the token of another identity service: here, a password."""
        if request.method != "POST":
            return NOT_FOUND_TEXT.response
        fields = dict(parse_qsl(_read(request).decode("utf-8", "replace")))
        if fields.get("grant_type") != "access_token":
            return _BAD_GRANT.response
        account = self._account_of(fields.get("access_token", ""))
        if account is None:
            return error(_UNAUTHORIZED, "UNAUTHORIZED", "authentication required").response
        return document({"refresh_token": self._gate.new_refresh_token(account)})

    def _account_of(self, secret: str) -> str | None:
        if self._accounts is None:
            return "someone" if secret else None
        for account, password in self._accounts.items():
            if hmac.compare_digest(password.encode(), secret.encode()):
                return account
        return None


def _read(request: Request) -> bytes:
    """Read a form, as far as a form goes."""
    body = bytearray()
    for piece in request.body:
        body += piece
        if len(body) > _LARGEST_FORM:
            break
    return bytes(body)


def _scopes(request: Request) -> list[Scope]:
    texts = [text for name, value in request.query if name == "scope" for text in value.split()]
    scopes = []
    for text in texts:
        try:
            scopes.append(Scope.parse(text))
        except InvalidChallenge:
            continue  # the gate answers for these, where they mean anything
    return [scope for scope in scopes if scope.kind == "repository"]
