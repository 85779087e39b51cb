"""Errors and headers as a dialect has them.

Rule: what is answered is decided further in; here it is only put into other words.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

from occystrap.errors import InvalidDigest, InvalidReference
from occystrap.oci.diagnostics import Diagnostic, parse_diagnostics, render_diagnostics
from occystrap.oci.routes import Route, parse_route
from occystrap.server.message import Handler, Request, Response
from pytest_occystrap.dialects.form import Detail, Dialect, HeaderRule, Rewording
from pytest_occystrap.dialects.requests import matches, route_of, with_header

__all__ = ["Endpoints", "HeaderRules", "Rewordings"]

_FIRST_ERROR = 400
_NO_METHOD = 405
_ANY_METHOD = ""
#: https://github.com/opencontainers/go-digest, DigestRegexp
_DIGEST = re.compile(r"/[a-z0-9]+(?:[.+_-][a-z0-9]+)*:[a-zA-Z0-9=_-]+$")


class Endpoints:
    """Leaves out the endpoints that a dialect hasn't."""

    def __init__(self, inner: Handler, dialect: Dialect) -> None:
        self._inner = inner
        self._answers = {
            (entry.kind, method): entry.answer
            for entry in dialect.absent
            for method in entry.methods or (_ANY_METHOD,)
        }
        self._no_route = dialect.no_route
        self._no_method = dialect.no_method
        self._routes_bad_digests = dialect.routes_bad_digests

    def handle(self, request: Request) -> Response:
        """Answer for what isn't there."""
        route = route_of(request)
        if route is None:
            is_routed = self._routes_bad_digests and _is_nearly_a_digest(request.path)
            answer = None if is_routed else self._no_route
        else:
            answers, kind = self._answers, route.kind
            answer = answers.get((kind, request.method)) or answers.get((kind, _ANY_METHOD))
        if answer is not None:
            return answer.response
        response = self._inner.handle(request)
        allowed = response.headers.get("Allow")
        if self._no_method is None or response.status != _NO_METHOD or allowed is None:
            return response
        response.close()
        return with_header(
            self._no_method.response, "Allow", ", ".join(sorted(allowed.split(", ")))
        )


def _is_nearly_a_digest(path: str) -> bool:
    """Tell whether a path ends in what routers take for a digest, though it can't be one."""
    try:
        parse_route(path)
    except InvalidDigest:
        return _DIGEST.search(path) is not None
    except InvalidReference:
        return False
    return False


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
        said, route = parse_diagnostics(body), route_of(request)
        wording = self._find(said[0].code, request.method, route) if said else None
        return response if wording is None else _reworded(response, route, said[0], wording)

    def _find(self, code: str, method: str, route: Route | None) -> Rewording | None:
        kind = None if route is None else route.kind
        by_digest = route is not None and route.digest is not None
        for wording in self._rewordings:
            if (
                wording.code == code
                and matches(wording.kinds, kind)
                and matches(wording.methods, method)
                and wording.by_digest in (None, by_digest)
            ):
                return wording
        return None


def _reworded(
    response: Response, route: Route | None, said: Diagnostic, wording: Rewording
) -> Response:
    status = wording.status or response.status
    if wording.bare:
        bare = replace(response, status=status, body=())
        return with_header(with_header(bare, "Content-Length", "0"), "Content-Type", None)
    code, message = wording.to or said.code, wording.message or said.message
    details = _details(route, said, wording)
    body = render_diagnostics([Diagnostic(code, message, detail) for detail in details])
    headers = response.headers.replace("Content-Length", str(len(body)))
    return Response(status, headers, (body,))


def _details(route: Route | None, said: Diagnostic, wording: Rewording) -> Iterator[object]:
    """Give the detail of each error that is made of one."""
    if wording.explained:
        yield {"message": said.message}
    elif isinstance(wording.detail, Detail):
        yield said.detail if wording.detail is Detail.KEPT else None
    else:
        ours: Any = said.detail
        named = {} if route is None else {"name": route.repository, "item": route.item}
        for each in ours[wording.each] if wording.each else [""]:
            yield _filled(wording.detail, {**named, "each": each})


def _filled(template: object, names: Mapping[str, str]) -> object:
    """Write names into the texts of a template of JSON."""
    if isinstance(template, str):
        return template.format_map(names)
    if isinstance(template, Mapping):
        return {name: _filled(value, names) for name, value in template.items()}
    return template


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
                and rule.instead_of in ("", response.headers.get(rule.name))
            ):
                item = "" if route is None else route.item
                value = None if rule.value is None else rule.value.format(item=item)
                response = with_header(response, rule.name, value)
        return response
