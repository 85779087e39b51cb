"""The API of Quay, as far as clients need it to find images: repositories, and their tags.

Rule: who asks with a token that isn't good is a stranger, and is told so only where strangers may
not look. Nothing is changed through this API.
Source: the answers of a Quay of August 2026; https://docs.quay.io/api/swagger/
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from html import escape
from typing import Final
from urllib.parse import unquote, urlencode

from occystrap.server.access import bearer_token
from occystrap.server.answers import JSON, content
from occystrap.server.message import Handler, Headers, Request, Response
from occystrap.server.store import ManifestStore
from pytest_occystrap.dialects.cursors import opened, seal
from pytest_occystrap.dialects.history import TagHistory
from pytest_occystrap.dialects.quay_tags import BadFilter, describe, matching
from pytest_occystrap.dialects.requests import origin

__all__ = ["QuayApi"]

_LISTING: Final = "/api/v1/repository"
_TAGS: Final = re.compile(r"/api/v1/repository/(?P<repository>.+)/tag(?P<slash>/?)")
_HTML: Final = "text/html; charset=utf-8"
_PAGE: Final = 100
_USUAL_TAGS: Final = 50
_MOST_TAGS: Final = 100
_READING: Final = ("GET", "HEAD")
_WRITING: Final = ("PUT", "DELETE")
_MOVED: Final = 308
_FALSE: Final = frozenset({None, "", "0", "false", "False", "no", "off"})
_CORS: Final = {
    "Access-Control-Allow-Origin": "*",
    "Access-Control-Allow-Methods": "DELETE, GET, HEAD, OPTIONS, POST, PUT",
    "Access-Control-Max-Age": "21600",
    "Access-Control-Allow-Headers": "AUTHORIZATION, CONTENT-TYPE, X-REQUESTED-WITH",
}
_NO_FILTER: Final = "namespace, starred or public are required for this API call"
_BAD_LIMIT: Final = "Limit to the number of results to return per page. Max 100."
_NO_CSRF: Final = b'{"error": "CSRF token was invalid or missing."}'
_NO_PAGE: Final = b"<!DOCTYPE html>\n<html>\n<title>Quay</title>\n</html>"


@dataclass(frozen=True, slots=True)
class QuayApi:
    """A Handler for `/api/v1/`; everything else goes to the inner one.

    A token of the API is the password of an account; without accounts every token is good.
    """

    inner: Handler
    store: ManifestStore
    history: TagHistory
    clock: Callable[[], float]
    accounts: Mapping[str, str] | None = None
    private: Collection[str] = ()

    def handle(self, request: Request) -> Response:
        """Answer about repositories and tags."""
        path = unquote(request.path)
        if not path.startswith("/api/v1/"):
            response = self.inner.handle(request)
            if request.method in _WRITING:
                self.history.look()
            return response
        if request.method not in _READING:
            return content(403, _NO_CSRF, _HTML)
        response = self._answer(path, request)
        if response.status == _MOVED:
            return response
        headers = {**dict(response.headers), **_CORS}
        if bearer_token(request) is None:
            headers["Vary"] = "Cookie"
        return Response(response.status, Headers(headers), response.body)

    def _answer(self, path: str, request: Request) -> Response:
        if path == _LISTING:
            return self._repositories(request)
        tags = _TAGS.fullmatch(path)
        if tags is None:
            return _elsewhere(request, path)
        if not tags["slash"]:
            return _with_slash(request)
        return self._tags(tags["repository"], request)

    def _repositories(self, request: Request) -> Response:
        namespace = request.parameter("namespace")
        public = request.parameter("public") not in _FALSE
        known = self._is_known(request)
        if not (namespace or public or request.parameter("starred") not in _FALSE):
            return _error(request, 400, "invalid_request", _NO_FILTER)
        names = [
            name
            for name in self.history.repositories()
            if (not namespace or name.startswith(f"{namespace}/"))
            and (known or (public and name not in self.private))
        ]
        start = self._start(request)
        shown = [self._describe(name, request, known=known) for name in names[start:][:_PAGE]]
        document: dict[str, object] = {"repositories": shown}
        if len(names) > start + _PAGE:
            document["next_page"] = seal(str(start + _PAGE), self.clock())
        return _json(200, document)

    def _start(self, request: Request) -> int:
        """Read where a page begins; with a cursor that isn't good, the list begins anew."""
        text = opened(request.parameter("next_page") or "", self.clock()) or ""
        return int(text) if text.isdigit() else 0

    def _describe(self, name: str, request: Request, *, known: bool) -> dict[str, object]:
        namespace, _, rest = name.partition("/")
        shown: dict[str, object] = {
            "namespace": namespace,
            "name": rest,
            "description": "",
            "is_public": name not in self.private,
            "kind": "image",
            "state": "NORMAL",
        }
        if request.parameter("last_modified") not in _FALSE:
            shown["last_modified"] = self.history.last_modified(name)
        if request.parameter("popularity") not in _FALSE:
            shown["popularity"] = 0.0
        if known:
            shown["is_starred"] = False
        return shown

    def _tags(self, repository: str, request: Request) -> Response:
        known = self._is_known(request)
        lives = self.history.tags(repository)
        if not known and (lives is None or repository in self.private):
            return _error(request, 401, "invalid_token", "Requires authentication")
        if lives is None:
            return _error(request, 404, "not_found", "Not Found")
        limit = _number(request.parameter("limit"), _USUAL_TAGS)
        if limit is None:
            return _json(400, {"message": {"limit": _BAD_LIMIT}})
        try:
            chosen = matching(lives, request)
        except BadFilter as error:
            return _json(400, {"message": str(error)})
        limit = min(limit, _MOST_TAGS)
        page = max(_number(request.parameter("page"), 1) or 1, 1)
        rest = chosen[(page - 1) * limit :]
        shown = [describe(self.store, repository, life) for life in rest[:limit]]
        return _json(200, {"tags": shown, "page": page, "has_additional": len(rest) > limit})

    def _is_known(self, request: Request) -> bool:
        token = bearer_token(request)
        if token is None:
            return False
        return self.accounts is None or token in self.accounts.values()


def _number(text: str | None, usual: int) -> int | None:
    if text is None:
        return usual
    return int(text) if text.isascii() and text.isdigit() else None


def _json(status: int, document: Mapping[str, object]) -> Response:
    return content(status, json.dumps(document).encode() + b"\n", JSON)


def _error(request: Request, status: int, kind: str, message: str) -> Response:
    document = {
        "detail": message,
        "error_message": message,
        "error_type": kind,
        "title": kind,
        "type": f"{origin(request)}/api/v1/error/{kind}",
        "status": status,
    }
    return _json(status, document)


def _elsewhere(request: Request, path: str) -> Response:
    if path.startswith(f"{_LISTING}/") and path != f"{_LISTING}/":
        return _error(request, 404, "not_found", "Not Found")
    return content(404, _NO_PAGE, _HTML) if path.endswith("/") else _with_slash(request)


def _with_slash(request: Request) -> Response:
    query = f"?{urlencode(request.query)}" if request.query else ""
    url = f"{origin(request)}{request.path}/{query}"
    page = (
        "<!doctype html>\n<html lang=en>\n<title>Redirecting...</title>\n<h1>Redirecting...</h1>\n"
        "<p>You should be redirected automatically to the target URL: "
        f'<a href="{escape(url)}">{escape(url)}</a>. If not, click the link.\n'
    )
    return content(308, page.encode(), _HTML, {"Location": url})
