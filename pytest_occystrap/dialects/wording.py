"""Errors and headers as a dialect has them.

Rule: what is answered is decided further in; here it is only put into other words.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from occystrap.oci.diagnostics import Diagnostic, parse_diagnostics, render_diagnostics
from occystrap.oci.routes import Route
from occystrap.server.message import Handler, Request, Response
from pytest_occystrap.dialects.answers import FixedAnswer
from pytest_occystrap.dialects.form import Absent, HeaderRule, Rewording
from pytest_occystrap.dialects.requests import matches, route_of, with_header

__all__ = ["Endpoints", "HeaderRules", "Rewordings"]

_FIRST_ERROR = 400


class Endpoints:
    """Leaves out the endpoints that a dialect hasn't."""

    def __init__(
        self, inner: Handler, absent: Iterable[Absent], no_route: FixedAnswer | None
    ) -> None:
        self._inner = inner
        self._answers = {
            (entry.kind, method): entry.answer for entry in absent for method in entry.methods
        }
        self._no_route = no_route

    def handle(self, request: Request) -> Response:
        """Answer for what isn't there."""
        route = route_of(request)
        if route is None:
            answer = self._no_route
        else:
            answer = self._answers.get((route.kind, request.method))
        return self._inner.handle(request) if answer is None else answer.response


class Rewordings:
    """Says errors in the words of a dialect; the first rewording that fits counts."""

    def __init__(self, inner: Handler, rewordings: tuple[Rewording, ...]) -> None:
        self._inner = inner
        self._rewordings = rewordings

    def handle(self, request: Request) -> Response:
        """Answer as the inner handler does, in other words if it refuses."""
        response = self._inner.handle(request)
        if response.status < _FIRST_ERROR:
            return response
        body = b"".join(response.body)
        response = replace(response, body=(body,))
        said = parse_diagnostics(body)
        wording = self._find(said[0].code, route_of(request)) if said else None
        return response if wording is None else _reworded(response, said[0], wording)

    def _find(self, code: str, route: Route | None) -> Rewording | None:
        kind = None if route is None else route.kind
        for wording in self._rewordings:
            if wording.code == code and matches(wording.kinds, kind):
                return wording
        return None


def _reworded(response: Response, said: Diagnostic, wording: Rewording) -> Response:
    status = wording.status or response.status
    if wording.bare:
        bare = replace(response, status=status, body=())
        return with_header(with_header(bare, "Content-Length", "0"), "Content-Type", None)
    detail = {"message": said.message} if wording.explained else said.detail
    new = Diagnostic(wording.to or said.code, wording.message or said.message, detail)
    body = render_diagnostics([new])
    headers = response.headers.replace("Content-Length", str(len(body)))
    return Response(status, headers, (body,))


class HeaderRules:
    """Puts headers on answers, and takes headers off."""

    def __init__(self, inner: Handler, rules: tuple[HeaderRule, ...]) -> None:
        self._inner = inner
        self._rules = rules

    def handle(self, request: Request) -> Response:
        """Answer as the inner handler does, with other headers."""
        response = self._inner.handle(request)
        route = route_of(request)
        kind = None if route is None else route.kind
        for rule in self._rules:
            if (
                matches(rule.kinds, kind)
                and matches(rule.methods, request.method)
                and matches(rule.statuses, response.status)
            ):
                item = "" if route is None else route.item
                value = None if rule.value is None else rule.value.format(item=item)
                response = with_header(response, rule.name, value)
        return response
