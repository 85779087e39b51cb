"""What a request may ask for, and what it shows for it: scopes, passwords, tokens.

Rule: the route and the method alone say which scopes a request needs; nobody trusts a client's word
for it.
Spec: https://distribution.github.io/distribution/spec/auth/scope/ and RFC 7617, RFC 6750
"""

from __future__ import annotations

import base64
import binascii
import hmac
from collections.abc import Iterable, Mapping
from typing import Final

from occystrap.errors import InvalidDigest, InvalidReference
from occystrap.oci.challenge import Challenge, Scope
from occystrap.oci.diagnostics import ErrorCode
from occystrap.oci.reference import check_repository
from occystrap.oci.routes import Route, RouteKind, parse_route
from occystrap.server.answers import Refusal
from occystrap.server.message import Request, Response

__all__ = [
    "basic_credentials",
    "bearer_token",
    "covers",
    "knows_password",
    "needed_scopes",
    "unauthorized",
]

_PULL: Final = ("pull",)
_PUSH: Final = ("pull", "push")
_ACTIONS: Final = {
    "GET": _PULL,
    "HEAD": _PULL,
    "POST": _PUSH,
    "PUT": _PUSH,
    "PATCH": _PUSH,
    "DELETE": ("delete",),
}
_CATALOG: Final = Scope("registry", "catalog", ("*",))


def needed_scopes(request: Request) -> tuple[Scope, ...]:
    """Work out what a token has to be good for; nothing for the root, or what is no route."""
    route = _route(request)
    if route is None or route.kind is RouteKind.PING:
        return ()
    if route.kind is RouteKind.CATALOG:
        return (_CATALOG,)
    # Whoever may push may also give up, so the DELETE of an upload is no removal.
    uploading = route.kind is RouteKind.UPLOAD and request.method == "DELETE"
    actions = _PUSH if uploading else _ACTIONS.get(request.method, _PULL)
    own = Scope.repository(route.repository, *actions)
    source = _mount_source(route, request)
    return (own,) if source is None else (own, Scope.repository(source, *_PULL))


def _route(request: Request) -> Route | None:
    try:
        return parse_route(request.path)
    except (InvalidReference, InvalidDigest):
        return None


def _mount_source(route: Route, request: Request) -> str | None:
    source = request.parameter("from")
    if route.kind is not RouteKind.UPLOADS or source is None or source == route.repository:
        return None
    try:
        return check_repository(source) if request.parameter("mount") else None
    except InvalidReference:
        return None


def covers(granted: Iterable[Scope], needed: Iterable[Scope]) -> bool:
    """Tell whether each needed action is granted."""
    rights = {(scope.kind, scope.name, action) for scope in granted for action in scope.actions}
    return all(
        (scope.kind, scope.name, action) in rights for scope in needed for action in scope.actions
    )


def basic_credentials(request: Request) -> tuple[str, str] | None:
    """Return the name and the password that a request brings, if it does."""
    try:
        decoded = base64.b64decode(_authorization(request, "basic"), validate=True).decode()
    except (binascii.Error, ValueError):
        return None
    username, colon, password = decoded.partition(":")
    return (username, password) if colon else None


def bearer_token(request: Request) -> str | None:
    """Return the token that a request brings, if it does."""
    return _authorization(request, "bearer") or None


def _authorization(request: Request, scheme: str) -> str:
    given, _, value = (request.headers.get("Authorization") or "").partition(" ")
    return value.strip() if given.lower() == scheme else ""


def knows_password(accounts: Mapping[str, str], username: str, password: str) -> bool:
    """Compare a password with that of the account, without telling by the time how far it fits."""
    expected = accounts.get(username)
    return expected is not None and hmac.compare_digest(expected.encode(), password.encode())


def unauthorized(challenge: Challenge, scopes: Iterable[Scope] = (), message: str = "") -> Response:
    """Answer 401, with the way in and what is asked for."""
    detail = [
        {"Type": scope.kind, "Class": "", "Name": scope.name, "Action": action}
        for scope in scopes
        for action in scope.actions
    ]
    headers = {
        "WWW-Authenticate": str(challenge),
        "Docker-Distribution-Api-Version": "registry/2.0",
    }
    code = ErrorCode.UNAUTHORIZED
    return Refusal(code, message, detail=detail or None, headers=headers).response
