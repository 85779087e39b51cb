"""What several handlers of dialects ask of a request, and change in a response.

Rule: small, without state.
"""

from __future__ import annotations

from dataclasses import replace

from occystrap.errors import InvalidDigest, InvalidReference
from occystrap.oci.routes import Route, parse_route
from occystrap.server.message import Request, Response

__all__ = ["matches", "origin", "route_of", "with_header", "with_query"]


def route_of(request: Request) -> Route | None:
    """Understand the path; None when it is none of the API's, or holds what can't be a name."""
    try:
        return parse_route(request.path)
    except (InvalidReference, InvalidDigest):
        return None


def origin(request: Request, *, forwarded: bool = False) -> str:
    """Name the server as the client does, or with `forwarded` as the proxies before it say."""
    scheme = (forwarded and request.headers.get("X-Forwarded-Proto")) or request.scheme
    host = (forwarded and request.headers.get("X-Forwarded-Host")) or request.host
    return f"{scheme}://{host}"


def with_query(request: Request, **parameters: str | None) -> Request:
    """Return the request with these parameters instead of those of their names; None removes."""
    kept = [pair for pair in request.query if pair[0] not in parameters]
    added = [(name, value) for name, value in parameters.items() if value is not None]
    return replace(request, query=(*kept, *added))


def with_header(response: Response, name: str, value: str | None) -> Response:
    """Return the response with this field instead of those of its name; None removes."""
    headers = response.headers
    headers = headers.remove(name) if value is None else headers.replace(name, value)
    return replace(response, headers=headers)


def matches(wanted: tuple[object, ...], value: object) -> bool:
    """Tell whether a value is among those named, of which none means all."""
    return not wanted or value in wanted
