"""Lists of tags and repositories as a dialect has them."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from typing import Final
from urllib.parse import parse_qs, urlencode, urlsplit

from occystrap.oci.routes import Route, RouteKind
from occystrap.server.answers import document
from occystrap.server.message import Handler, Request, Response
from pytest_occystrap.dialects.answers import error
from pytest_occystrap.dialects.cursors import opened, seal
from pytest_occystrap.dialects.form import ListingForm, Paging
from pytest_occystrap.dialects.requests import route_of, with_header, with_query

__all__ = ["DialectListing"]

_OK: Final = 200
_CREATED: Final = 201
_NO_TAGS: Final = "repository name not known to registry"


class DialectListing:
    """Speaks the endpoints that list."""

    def __init__(self, inner: Handler, form: ListingForm, clock: Callable[[], float]) -> None:
        self._inner = inner
        self._clock = clock
        self._paging = {RouteKind.TAGS: form.tags, RouteKind.CATALOG: form.catalog}
        self._waits = form.tags_come_with_the_first
        self._tagged: set[str] = set()

    def handle(self, request: Request) -> Response:
        """Answer as the inner handler does, in pages as the dialect has them."""
        route = route_of(request)
        paging = None if route is None else self._paging.get(route.kind)
        if route is None or paging is None or request.method != "GET":
            response = self._inner.handle(request)
            if (
                route is not None
                and route.kind is RouteKind.MANIFEST
                and response.status == _CREATED
            ):
                self._note(route)
            return response
        response = self._page(paging, request)
        is_tags = self._waits and route.kind is RouteKind.TAGS and response.status == _OK
        return self._of_tags(route, response) if is_tags else response

    def _note(self, route: Route) -> None:
        if self._waits and route.digest is None:
            self._tagged.add(route.repository)

    def _of_tags(self, route: Route, response: Response) -> Response:
        body = b"".join(response.body)
        if json.loads(body)["tags"]:
            self._tagged.add(route.repository)
            return replace(response, body=(body,))
        if route.repository not in self._tagged:
            detail = {"name": route.repository}
            return error(404, "NAME_UNKNOWN", _NO_TAGS, detail=detail).response
        return document({"name": route.repository, "tags": None})

    def _page(self, paging: Paging, request: Request) -> Response:
        if not paging.paged:
            return self._inner.handle(with_query(request, n=None, last=None))
        wanted = _number(request)
        if wanted is None and (paging.lenient or request.parameter("n") is None):
            wanted = paging.usual
            request = with_query(request, n=None if wanted is None else str(wanted))
        if paging.most is not None and wanted is not None and wanted > paging.most:
            if paging.over is not None:
                body = paging.over.body.replace(b'"{n}"', str(wanted).encode())
                return replace(paging.over, body=body).response
            request = with_query(request, n=str(paging.most))
        if paging.cursor == "last":
            return _linked(paging, self._inner.handle(request))
        # What can't be read, or is too old, begins the list anew.
        last = opened(request.parameter(paging.cursor) or "", self._clock())
        response = self._inner.handle(with_query(request, last=last, **{paging.cursor: None}))
        return self._sealed(response, paging.cursor)

    def _sealed(self, response: Response, cursor: str) -> Response:
        link = response.headers.get("Link")
        if link is None:
            return response
        target = urlsplit(link.partition(">")[0].removeprefix("<"))
        query = parse_qs(target.query)
        sealed = seal(query["last"][0], self._clock())
        written = urlencode({"n": query["n"][0], cursor: sealed})
        return with_header(response, "Link", f'<{target.path}?{written}>; rel="next"')


def _linked(paging: Paging, response: Response) -> Response:
    """Put the parameters of a link into the order of the dialect."""
    link = response.headers.get("Link")
    if link is None or not paging.sorted_link:
        return response
    path, _, query = link.removeprefix("<").partition(">")[0].partition("?")
    written = "&".join(sorted(query.split("&")))
    return with_header(response, "Link", f'<{path}?{written}>; rel="next"')


def _number(request: Request) -> int | None:
    text = request.parameter("n") or ""
    return int(text) if text.isascii() and text.isdigit() else None
