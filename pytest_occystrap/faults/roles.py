"""Whose part is asked: the registry itself, where tokens are, its storage, or the API of Quay.

Rule: what the answers say counts. A challenge names the token endpoint, whatever its path.
"""

from __future__ import annotations

import threading
from typing import Final
from urllib.parse import urlsplit

from occystrap.errors import InvalidChallenge
from occystrap.oci.challenge import parse_challenges
from occystrap.server.message import Request, Response
from pytest_occystrap.faults.effect import Role

__all__ = ["Roles"]

_UNAUTHORIZED: Final = 401
_API: Final = "/api/"
#: What stands for another origin behind a forwarding handler.
_ELSEWHERE: Final = "/.forward/"
#: Paths of token endpoints that a client may know without having been told.
_USUAL: Final = frozenset({"/token", "/auth", "/service/token", "/jwt/auth", "/oauth2/token"})


class Roles:
    """Tells the parts behind one handler apart; `base` is the part of what has no other."""

    def __init__(self, base: Role) -> None:
        self._base = base
        self._realms = set(_USUAL)
        self._lock = threading.Lock()

    def role_of(self, request: Request) -> Role:
        """Tell whose part is asked."""
        if self._base is not Role.REGISTRY:
            return self._base
        with self._lock:
            if request.path in self._realms:
                return Role.TOKEN
        if request.path.startswith(_API):
            return Role.API
        return Role.CDN if request.path.startswith(_ELSEWHERE) else Role.REGISTRY

    def learn(self, response: Response) -> None:
        """Take note of the token endpoint that a challenge names."""
        if response.status != _UNAUTHORIZED:
            return
        try:
            offered = parse_challenges(response.headers.get_all("WWW-Authenticate"))
        except InvalidChallenge:
            return
        realms = {urlsplit(challenge.get("realm")).path for challenge in offered}
        with self._lock:
            self._realms |= realms - {""}
