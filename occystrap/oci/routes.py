"""The paths of the distribution API, one table: the client writes them, the server reads them.

Rule: no other file knows what a path of the API looks like.
Spec: https://github.com/opencontainers/distribution-spec/blob/v1.1.1/spec.md#endpoints
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import Enum
from typing import Final
from urllib.parse import quote, unquote

from occystrap.oci.digest import Digest
from occystrap.oci.reference import check_repository, check_tag

__all__ = ["METHODS", "Route", "RouteKind", "parse_route"]


class RouteKind(Enum):
    """What a path is about."""

    PING = "ping"
    CATALOG = "catalog"
    TAGS = "tags"
    MANIFEST = "manifest"
    BLOB = "blob"
    UPLOADS = "uploads"
    UPLOAD = "upload"
    REFERRERS = "referrers"


#: kind -> its path. `{repository}` and `{item}` stand for what a Route holds.
_TEMPLATES: Final = {
    RouteKind.PING: "/v2/",
    RouteKind.CATALOG: "/v2/_catalog",
    RouteKind.TAGS: "/v2/{repository}/tags/list",
    RouteKind.MANIFEST: "/v2/{repository}/manifests/{item}",
    RouteKind.UPLOADS: "/v2/{repository}/blobs/uploads/",
    RouteKind.UPLOAD: "/v2/{repository}/blobs/uploads/{item}",
    RouteKind.BLOB: "/v2/{repository}/blobs/{item}",
    RouteKind.REFERRERS: "/v2/{repository}/referrers/{item}",
}

#: kind -> the methods that the specification gives it.
METHODS: Final = {
    RouteKind.PING: ("GET", "HEAD"),
    RouteKind.CATALOG: ("GET",),
    RouteKind.TAGS: ("GET",),
    RouteKind.MANIFEST: ("GET", "HEAD", "PUT", "DELETE"),
    RouteKind.BLOB: ("GET", "HEAD", "DELETE"),
    RouteKind.UPLOADS: ("POST",),
    RouteKind.UPLOAD: ("GET", "PATCH", "PUT", "DELETE"),
    RouteKind.REFERRERS: ("GET",),
}


@dataclass(frozen=True, slots=True)
class Route:
    """A path that was understood.

    `item` is a tag or a digest for a manifest, a digest for a blob and for referrers, and the
    session for an upload.
    """

    kind: RouteKind
    repository: str = ""
    item: str = ""

    @property
    def path(self) -> str:
        """The path, ready for a URL."""
        return _TEMPLATES[self.kind].format(
            repository=self.repository, item=quote(self.item, safe=":")
        )

    @property
    def digest(self) -> Digest | None:
        """The item as a digest, if it is one."""
        return Digest.parse(self.item) if ":" in self.item else None


def _pattern(template: str) -> re.Pattern[str]:
    escaped = template.replace("{repository}", "(?P<repository>.+)")
    return re.compile(escaped.replace("{item}", "(?P<item>[^/]+)"))


_PATTERNS: Final = {kind: _pattern(template) for kind, template in _TEMPLATES.items()}


def parse_route(path: str) -> Route | None:
    """Understand the path of a URL, still percent-encoded; None when it isn't the API's.

    Raises:
        InvalidReference: the path is the API's, but holds no name of a repository or no tag.
        InvalidDigest: the path is the API's, but holds no digest where one has to be.
    """
    if path == "/v2":
        return Route(RouteKind.PING)
    for kind, pattern in _PATTERNS.items():
        match = pattern.fullmatch(path)
        if match is not None:
            parts = {name: unquote(value) for name, value in match.groupdict().items()}
            return _checked(Route(kind, **parts))
    return None


def _checked(route: Route) -> Route:
    if route.repository:
        check_repository(route.repository)
    if route.kind in (RouteKind.BLOB, RouteKind.REFERRERS):
        Digest.parse(route.item)
    elif route.kind is RouteKind.MANIFEST:
        if route.digest is None:
            check_tag(route.item)
    return route
