"""Effects on what a client is told of tokens: where they are, and how long they are good for.

Spec: https://distribution.github.io/distribution/spec/auth/token/
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import Any, ClassVar, Final, Literal
from urllib.parse import urlsplit, urlunsplit

from occystrap.server.message import Headers, Request, Response
from pytest_occystrap.faults.effect import Missed, Scene, Trait
from pytest_occystrap.faults.reshaping import read_document, with_document

__all__ = ["Challenge", "TokenExpiry"]

_UNAUTHORIZED: Final = 401
_OK: Final = 200
_NAME: Final = "WWW-Authenticate"
_REALM: Final = re.compile(r'(?<=realm=")(https?://[^"]+)')


@dataclass(frozen=True, slots=True)
class Challenge:
    """Ask for a login otherwise.

    `negotiate_first` and `basic_first` offer that beside what the registry offers. The realm is
    `relative_realm`, without TLS (`http_realm`), or leads away (`other_host`).
    """

    form: Literal["negotiate_first", "basic_first", "relative_realm", "http_realm", "other_host"]
    needs: ClassVar = frozenset({Trait.CHALLENGE})

    def strike(self, request: Request, scene: Scene) -> Response | Missed:
        """Answer with another challenge."""
        response = scene.inner.handle(request)
        told = response.headers.get_all(_NAME)
        if response.status != _UNAUTHORIZED or not told:
            return Missed(response)
        if self.form in _FIRST:
            written = [_FIRST[self.form], *told]
        else:
            written = [_REALM.sub(self._moved, value) for value in told]
            if written == [*told]:
                return Missed(response)
        headers = response.headers.remove(_NAME)
        fields = [*headers, *((_NAME, value) for value in written)]
        return replace(response, headers=Headers(fields))

    def _moved(self, realm: re.Match[str]) -> str:
        there = urlsplit(realm[0])
        scheme, host = there.scheme, there.netloc
        if self.form == "relative_realm":
            scheme, host = "", ""
        elif self.form == "http_realm":
            scheme = "http"
        else:
            host = "elsewhere.invalid"
        return urlunsplit((scheme, host, there.path, there.query, ""))


_FIRST: Final = {"negotiate_first": "Negotiate", "basic_first": 'Basic realm="injected"'}


@dataclass(frozen=True, slots=True)
class TokenExpiry:
    """Give out a good token, and talk nonsense of how long it is good for.

    `expires_in` is `missing`, `zero`, `negative`, a `text`, or `huge`; or the token is from the
    `future`.
    """

    form: Literal["missing", "zero", "negative", "text", "huge", "future"]
    needs: ClassVar = frozenset({Trait.TOKEN_ENDPOINT})

    def strike(self, request: Request, scene: Scene) -> Response | Missed:
        """Answer with a token that tells of another life."""
        response, document = read_document(scene.inner.handle(request))
        if response.status != _OK or document is None:
            return Missed(response)
        document.pop("expires_in", None)
        return with_document(response, {**document, **_LIVES[self.form]})


_LIVES: Final[dict[str, dict[str, Any]]] = {
    "missing": {},
    "zero": {"expires_in": 0},
    "negative": {"expires_in": -60},
    "text": {"expires_in": "soon"},
    "huge": {"expires_in": 10**18},
    "future": {"issued_at": "2999-12-31T23:59:59.123456789Z", "expires_in": 60},
}
