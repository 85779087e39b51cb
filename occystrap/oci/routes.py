"""The paths of the distribution API, one table: the client writes them, the server reads them.

Rule: no other file knows what a path of the API looks like.
Spec: https://github.com/opencontainers/distribution-spec/blob/v1.1.1/spec.md#endpoints
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import Enum
from typing import Final
from urllib.parse import unquote

from occystrap.errors import InvalidReference
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


#: The session of an upload; what a registry names it is up to the registry.
_SESSION: Final = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.=~+-]*")


@dataclass(frozen=True, slots=True)
class Route:
    """A path of the API, and what it names.

    `item` is a tag or a digest for a manifest, a digest for a blob and for referrers, and the
    session for an upload. Nothing that the grammars let through needs an escape in a URL.

    Raises:
        InvalidReference: that is no name of a repository, no tag, or no session.
        InvalidDigest: that is no digest where one has to be.
    """

    kind: RouteKind
    repository: str = ""
    item: str = ""

    def __post_init__(self) -> None:
        template = _TEMPLATES[self.kind]
        if "{repository}" in template:
            check_repository(self.repository)
        if self.kind is RouteKind.UPLOAD:
            if not _SESSION.fullmatch(self.item):
                raise InvalidReference(f"not the session of an upload: {self.item[:100]!r}")
        elif self.kind is RouteKind.MANIFEST and ":" not in self.item:
            check_tag(self.item)
        elif "{item}" in template:
            Digest.parse(self.item)

    @property
    def path(self) -> str:
        """The path, ready for a URL."""
        return _TEMPLATES[self.kind].format(repository=self.repository, item=self.item)

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
        InvalidReference: the path is the API's, but holds no name of a repository, no tag or no
            session.
        InvalidDigest: the path is the API's, but holds no digest where one has to be.
    """
    decoded = unquote(path)
    if decoded == "/v2":
        return Route(RouteKind.PING)
    for kind, pattern in _PATTERNS.items():
        match = pattern.fullmatch(decoded)
        if match is not None:
            return Route(kind, **match.groupdict())
    return None
