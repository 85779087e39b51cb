"""Effects that the registry remembers: ended tokens, lost uploads, what can't be seen yet.

Rule: what stays behind is an Aftermath. The registry itself is asked wherever it can answer, so
that its own words are heard.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import ClassVar, Final, Literal

from occystrap.oci.diagnostics import Diagnostic, render_diagnostics
from occystrap.oci.routes import RouteKind
from occystrap.server.access import bearer_token
from occystrap.server.answers import content
from occystrap.server.message import (
    CloseConnection,
    Handler,
    Request,
    ResetConnection,
    Response,
)
from pytest_occystrap.exchange import route_of
from pytest_occystrap.faults.effect import Missed, Scene, Trait
from pytest_occystrap.faults.values import Seconds

__all__ = [
    "CommitThenDropAnswer",
    "ExpireToken",
    "HideAfterPush",
    "LoseUpload",
    "TokenWithoutScope",
]

#: Some registries deny rather than ask.
_REFUSALS: Final = (400, 401, 403)
_CREATED: Final = 201
_UNKNOWN_UPLOAD: Final = content(
    404,
    render_diagnostics([Diagnostic("BLOB_UPLOAD_UNKNOWN", "blob upload unknown to registry")]),
    "application/json",
)


@dataclass(frozen=True, slots=True)
class ExpireToken:
    """Let the token that a request brings have ended, now and for ever.

    The registry is asked with a token that it never gave out, and says what it says to that.
    """

    needs: ClassVar = frozenset({Trait.AUTHORIZATION})

    def strike(self, request: Request, scene: Scene) -> Response | Missed:
        """Answer as the registry does to a token that isn't good."""
        ended = _EndedToken(bearer_token(request) or "")
        response = ended.handle(request, scene.inner)
        if response.status not in _REFUSALS:
            return Missed(response)
        scene.remember(ended)
        return response


@dataclass(frozen=True, slots=True)
class _EndedToken:
    value: str

    def handle(self, request: Request, inner: Handler) -> Response:
        """Spoil the token of whoever brings it."""
        if bearer_token(request) != self.value:
            return inner.handle(request)
        spoilt = request.headers.replace("Authorization", "Bearer expired")
        return inner.handle(replace(request, headers=spoilt))


@dataclass(frozen=True, slots=True)
class TokenWithoutScope:
    """Give out a token that is good for nothing, though more was asked for."""

    needs: ClassVar = frozenset({Trait.TOKEN_ENDPOINT})

    def strike(self, request: Request, scene: Scene) -> Response | Missed:
        """Ask the endpoint for less."""
        query = tuple(pair for pair in request.query if pair[0] != "scope")
        if len(query) == len(request.query):
            return Missed(scene.inner.handle(request))
        return scene.inner.handle(replace(request, query=query))


@dataclass(frozen=True, slots=True)
class LoseUpload:
    """Forget the session of an upload."""

    needs: ClassVar = frozenset({Trait.SESSION})

    def strike(self, request: Request, scene: Scene) -> Response | Missed:
        """Answer that there is no such session, now and for ever."""
        scene.remember(_LostUpload(request.path))
        scene.inner.handle(
            replace(request, method="DELETE", body=(), headers=request.headers.remove(*_OF_BODIES))
        ).close()
        return _UNKNOWN_UPLOAD


_OF_BODIES: Final = ("Content-Length", "Transfer-Encoding", "Content-Range", "Expect")


@dataclass(frozen=True, slots=True)
class _LostUpload:
    path: str

    def handle(self, request: Request, inner: Handler) -> Response:
        """Know nothing of the session."""
        return _UNKNOWN_UPLOAD if request.path == self.path else inner.handle(request)


@dataclass(frozen=True, slots=True)
class CommitThenDropAnswer:
    """Do all that is asked for, and let the answer be lost: by a reset, or by a plain end."""

    by: Literal["reset", "close"] = "reset"
    needs: ClassVar = frozenset({Trait.COMMIT})

    def strike(self, request: Request, scene: Scene) -> Response | Missed:
        """Do it, and say nothing."""
        scene.inner.handle(request).close()
        raise ResetConnection if self.by == "reset" else CloseConnection


@dataclass(frozen=True, slots=True)
class HideAfterPush:
    """Let what has been pushed be seen only some seconds later."""

    seconds: Seconds = 2.0
    needs: ClassVar = frozenset({Trait.COMMIT})

    def strike(self, request: Request, scene: Scene) -> Response | Missed:
        """Take it, and hide it."""
        response = scene.inner.handle(request)
        route = route_of(request.path)
        if response.status != _CREATED or route is None:
            return Missed(response)
        names = {response.headers.get("Docker-Content-Digest"), request.parameter("digest")}
        if route.kind is RouteKind.MANIFEST:
            names.add(route.item)
        hidden = frozenset(name for name in names if name)
        scene.remember(_Hidden(route.repository, hidden, scene, scene.clock() + self.seconds))
        return response


@dataclass(frozen=True, slots=True)
class _Hidden:
    repository: str
    names: frozenset[str]
    scene: Scene
    until: float

    def handle(self, request: Request, inner: Handler) -> Response:
        """Know nothing of it yet."""
        route = route_of(request.path)
        asked = route is not None and route.repository == self.repository
        if not asked or request.method not in ("GET", "HEAD") or self.scene.clock() >= self.until:
            return inner.handle(request)
        assert route is not None  # noqa: S101 - narrows the type
        if route.item not in self.names:
            return inner.handle(request)
        code = "MANIFEST_UNKNOWN" if route.kind is RouteKind.MANIFEST else "BLOB_UNKNOWN"
        text = render_diagnostics([Diagnostic(code, "not there yet")])
        return content(404, text, "application/json")
