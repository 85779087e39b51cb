"""How a dialect lets people in: a gate is asked, and what it says is put into the dialect's form.

Rule: the gate decides. It is asked a question of its own about each request, so that what a dialect
adds or forgives stays out of it.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Final

from occystrap.oci.challenge import Challenge, Scope, parse_challenges
from occystrap.oci.routes import Route, RouteKind
from occystrap.server.access import covers, needed_scopes
from occystrap.server.gate import BasicGate, BearerGate
from occystrap.server.message import Handler, Request, Response
from occystrap.server.store import ManifestStore
from pytest_occystrap.dialects.entry_form import EntryForm
from pytest_occystrap.dialects.requests import origin, route_of, with_header
from pytest_occystrap.dialects.tokens import ANY, DialectTokens

__all__ = ["BasicEntry", "BearerEntry", "Visibility"]

_UNAUTHORIZED: Final = 401
_NARROW: Final = "insufficient_scope"
_PASSED: Final = Response(200)
_READING: Final = ("GET", "HEAD")


class _Passed:
    """What stands behind a gate that is only asked."""

    def handle(self, request: Request) -> Response:  # noqa: ARG002 - it isn't looked at
        """Tell that the request may go on."""
        return _PASSED


@dataclass(frozen=True, slots=True)
class Visibility:
    """Which repositories are there for strangers; `private` ones are for people with an account."""

    store: ManifestStore
    private: Collection[str]
    hides_unknown: bool

    def sees(self, account: str, repository: str) -> bool:
        """Tell whether someone sees a repository; the account is "" for strangers."""
        return self.is_there(repository) and bool(account or repository not in self.private)

    def is_hidden(self, repository: str) -> bool:
        """Tell whether strangers are kept from a repository."""
        unknown = self.hides_unknown and not self.is_there(repository)
        return unknown or repository in self.private

    def is_there(self, repository: str) -> bool:
        """Tell whether anything was ever pushed there."""
        return self.store.tags(repository) is not None


class BasicEntry:
    """Lets in by password; without accounts, everyone."""

    def __init__(self, inner: Handler, form: EntryForm, accounts: Mapping[str, str]) -> None:
        self._inner = inner
        self._form = form
        self.gate = BasicGate(_Passed(), accounts)

    def handle(self, request: Request) -> Response:
        """Answer 401, or let the request through."""
        answer = self.gate.handle(request)
        if answer is _PASSED:
            return self._inner.handle(request)
        bad = self._form.bad_credentials
        return answer if bad is None or not _brings_something(request) else bad.response


class BearerEntry:
    """Lets in by token."""

    def __init__(
        self,
        inner: Handler,
        form: EntryForm,
        visibility: Visibility,
        *,
        hosts: Collection[str],
        accounts: Mapping[str, str] | None,
        clock: Callable[[], float],
    ) -> None:
        self._inner = inner
        self._form = form
        self._visibility = visibility
        self._hosts = hosts
        self._accounts = accounts
        self.gate = BearerGate(
            _Passed(), accounts=accounts, expires_in=form.seconds, clock=clock, form=form.token
        )
        self.gate.rights = self._rights
        self._tokens = DialectTokens(
            self.gate, form, accounts, visibility.sees, lambda request: str(self._way_in(request))
        )

    def handle(self, request: Request) -> Response:
        """Give a token, answer 401, or let the request through."""
        if self._tokens.knows(request.path):
            return self._tokens.answer(request)
        route = route_of(request)
        is_open = self._is_open(request)
        if is_open and not _brings_something(request):
            return self._inner.handle(request)
        answer = self.gate.handle(self._question(route, request))
        if route is not None and route.kind is RouteKind.PING and self._form.ping is not None:
            return self._ping(request, passed=answer is _PASSED)
        # Who has a token for something else may do what strangers may.
        if answer is _PASSED or (is_open and _reason(answer) == _NARROW):
            return self._inner.handle(request)
        return self._refuse(route, request, answer)

    def _rights(self, account: str, scope: Scope) -> Iterable[str]:
        if account:
            return scope.actions
        everything = self._accounts is None
        if scope.kind == "repository" and self._visibility.is_hidden(scope.name):
            # Who has no account may begin a repository where nobody has one.
            begins = everything and "push" in scope.actions
            allowed = begins and scope.name not in self._visibility.private
            return scope.actions if allowed else ()
        if everything:
            return scope.actions
        return ("pull",) if scope.kind == "repository" else ()

    def _is_open(self, request: Request) -> bool:
        needed = needed_scopes(request)
        if not self._form.open_pulls or not needed:
            return False
        granted = [replace(scope, actions=tuple(self._rights("", scope))) for scope in needed]
        return request.method in _READING and covers(granted, needed)

    def _question(self, route: Route | None, request: Request) -> Request:
        """Ask the gate about what the dialect means by the request."""
        ping = route is None or route.kind is RouteKind.PING
        if self._form.scope and not ping:
            return replace(request, path=Route(RouteKind.MANIFEST, ANY, "any").path, query=())
        # How far an upload has come is for who uploads, be the repository there or not.
        uploading = route is not None and route.kind is RouteKind.UPLOAD
        if uploading or (self._form.deleting_is_pushing and request.method == "DELETE"):
            return replace(request, method="PUT")
        return request

    def _ping(self, request: Request, *, passed: bool) -> Response:
        fixed = self._form.ping
        assert fixed is not None  # noqa: S101 - its caller has looked
        answer = replace(fixed, status=200 if passed else _UNAUTHORIZED).response
        return with_header(answer, "WWW-Authenticate", str(self._way_in(request)))

    def _refuse(self, route: Route | None, request: Request, answer: Response) -> Response:
        asked = parse_challenges(answer.headers.get_all("WWW-Authenticate"))[0]
        why = asked.get("error")
        form = self._form
        if form.bad_credentials and _brings_something(request) and why != _NARROW:
            answer = form.bad_credentials.response
        elif form.refusal is not None:
            answer = form.refusal.response
        if answer.status != _UNAUTHORIZED:
            return answer
        if form.challenges_on_ping_only and (route is None or route.kind is not RouteKind.PING):
            return with_header(answer, "WWW-Authenticate", None)
        challenge = self._way_in(request, form.scope or asked.get("scope"), why)
        return with_header(answer, "WWW-Authenticate", str(challenge))

    def _way_in(self, request: Request, scope: str = "", why: str = "") -> Challenge:
        """Name the token endpoint: at its true host, if the registry is asked under its own."""
        form = self._form
        own = request.host in self._hosts and form.endpoint_host
        place = f"{request.scheme}://{form.endpoint_host}" if own else origin(request)
        parameters = [("realm", place + form.token.path)]
        parameters += [("service", form.service.format(host=request.host))]
        parameters += [("scope", scope)] if scope else []
        parameters += [("error", why)] if why and form.says_why else []
        return Challenge("Bearer", tuple(parameters))


def _brings_something(request: Request) -> bool:
    return "Authorization" in request.headers


def _reason(answer: Response) -> str:
    return parse_challenges(answer.headers.get_all("WWW-Authenticate"))[0].get("error")
