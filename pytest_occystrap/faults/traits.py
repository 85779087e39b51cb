"""What a request has, so that it can be said which effects may strike it.

Rule: what only the answer can show is taken for granted here; an effect that finds it missing says
so.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from occystrap.oci.routes import Route, RouteKind
from occystrap.server.access import bearer_token
from occystrap.server.message import Request
from pytest_occystrap.exchange import HTTP2_DOORS, Exchange, route_of
from pytest_occystrap.faults.effect import Role, Trait

__all__ = ["exchange_traits", "request_traits"]

_READING: Final = ("GET", "HEAD")
_WITH_BODY: Final = ("PATCH", "POST", "PUT")
_PAGED: Final = (RouteKind.TAGS, RouteKind.CATALOG, RouteKind.REFERRERS)
_BODILESS: Final = (204, 304)
_UNAUTHORIZED: Final = 401
#: Traits that the answer has to show.
_OF_ANSWERS: Final = frozenset({Trait.DIGEST, Trait.LOCATION, Trait.CHALLENGE})


def request_traits(request: Request, role: Role) -> frozenset[Trait]:
    """Return the traits of a request, and those that its answer may have."""
    return frozenset(_traits(request, role)) | _OF_ANSWERS


def _traits(request: Request, role: Role) -> Iterator[Trait]:
    headers, route = request.headers, route_of(request.path)
    if request.method != "HEAD":
        yield Trait.ANSWER_BODY
    if _has_body(request):
        yield Trait.REQUEST_BODY
    if request.method == "GET" and "Range" in headers:
        yield Trait.RANGE
    if bearer_token(request) is not None and role is not Role.TOKEN:
        yield Trait.AUTHORIZATION
    if request.method not in _READING and role is Role.REGISTRY:
        yield Trait.WRITE
    if role is Role.TOKEN:
        yield Trait.TOKEN_ENDPOINT
    if role is Role.CDN:
        yield Trait.STORAGE
    if role is Role.API and request.method == "GET":
        yield Trait.PAGES
    if route is not None and role is Role.REGISTRY:
        yield from _of_route(request, route)


def _has_body(request: Request) -> bool:
    length = request.headers.get("Content-Length")
    if length is not None:
        return length != "0"
    # HTTP/2 needs neither header: a body of unknown length is one that begins.
    unsaid = request.door.startswith(HTTP2_DOORS) and request.method in _WITH_BODY
    return unsaid or "Transfer-Encoding" in request.headers


def _of_route(request: Request, route: Route) -> Iterator[Trait]:
    if route.kind in _PAGED and request.method == "GET":
        yield Trait.PAGES
    if route.kind is RouteKind.UPLOADS and request.parameter("mount"):
        yield Trait.MOUNT
    if route.kind is RouteKind.UPLOAD:
        yield Trait.SESSION
    if request.method == "PUT":
        yield Trait.COMMIT


def exchange_traits(exchange: Exchange, role: Role) -> frozenset[Trait]:
    """Return the traits of an exchange that is over."""
    request = Request(exchange.method, exchange.path, exchange.query, exchange.headers)
    found = set(_traits(request, role))
    answer = exchange.response_headers
    if exchange.status in _BODILESS or not exchange.response_bytes:
        found.discard(Trait.ANSWER_BODY)
    if exchange.request_bytes:
        found.add(Trait.REQUEST_BODY)
    if "Docker-Content-Digest" in answer:
        found.add(Trait.DIGEST)
    if "Location" in answer:
        found.add(Trait.LOCATION)
    if exchange.status == _UNAUTHORIZED and "WWW-Authenticate" in answer:
        found.add(Trait.CHALLENGE)
    return frozenset(found)
