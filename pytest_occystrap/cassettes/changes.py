"""What of a registry an exchange looks at, and what it has changed.

Rule: only what a later answer depends on: the presence of a blob, and the manifests of a
repository with all that lists them.
"""

from __future__ import annotations

from typing import Final

from occystrap.oci.routes import Route, RouteKind
from pytest_occystrap.cassettes.meaning import Question

__all__ = ["Thing", "changed_by", "looked_at"]

#: What a kind of thing is called, and what it is: origin, repository, and the digest of a blob.
Thing = tuple[str, ...]

_READING: Final = frozenset({"GET", "HEAD"})
_CREATED: Final = 201
_TAKEN: Final = range(200, 300)
_OF_MANIFESTS: Final = frozenset({RouteKind.MANIFEST, RouteKind.TAGS, RouteKind.REFERRERS})


def looked_at(question: Question) -> Thing | None:
    """Say what an answer depends on."""
    route = question.route
    if route is None or question.method not in _READING:
        return None
    if route.kind is RouteKind.BLOB:
        return "blob", question.origin, route.repository, route.item
    return _manifests(question, route) if route.kind in _OF_MANIFESTS else None


def changed_by(question: Question, status: int) -> Thing | None:
    """Say what a request has changed that was answered so."""
    route = question.route
    if route is None or status not in _TAKEN or question.method in _READING:
        return None
    if route.kind is RouteKind.MANIFEST:
        return _manifests(question, route)
    digest = route.item if route.kind is RouteKind.BLOB else ""
    if status == _CREATED:
        named = dict(question.query)
        digest = named.get("digest") or named.get("mount") or ""
    return ("blob", question.origin, route.repository, digest) if digest else None


def _manifests(question: Question, route: Route) -> Thing:
    return "manifests", question.origin, route.repository
