"""The origins that a proxy asks, and the paths under which its clients ask them there.

Rule: beside its upstream a proxy asks only whom an answer has led to, and it passes credentials on
only where a challenge has asked for them. Clients can't tell by the origin any more where their
credentials belong, so the path says it.
"""

from __future__ import annotations

import re
import threading
from dataclasses import dataclass
from typing import Final, Self
from urllib.parse import quote, unquote

__all__ = ["PREFIX", "Asked", "HandedOut", "Origin", "read_path", "write_path"]

#: Below it a proxy has the other origins: PREFIX/https/cdn.example/path, and token endpoints at
#: PREFIX/realm/https/auth.example/path.
PREFIX: Final = "/.forward"

_DEFAULT_PORTS: Final = {"http": 80, "https": 443}
_HIGHEST_PORT: Final = 65535
_URL: Final = re.compile(
    r"(?P<scheme>https?)://"
    r"(?P<host>[A-Za-z0-9._-]+|\[[0-9A-Fa-f:.]+\])(?::(?P<port>[0-9]{0,5}))?"
    r"(?P<rest>(?:[/?#].*)?)",
    re.IGNORECASE | re.DOTALL,
)
_PLACE: Final = re.compile(
    rf"{re.escape(PREFIX)}/(?P<realm>realm/)?(?P<scheme>https?)/(?P<authority>[^/?]+)(?P<rest>.*)",
    re.DOTALL,
)
#: So many origins are remembered; the oldest are forgotten first.
_MOST: Final = 1000


@dataclass(frozen=True, slots=True)
class Origin:
    """Scheme, host and port; the host is lower case, an address of IPv6 in brackets."""

    scheme: str
    host: str
    port: int

    @classmethod
    def split(cls, url: str) -> tuple[Self, str] | None:
        """Take a URL apart: its origin, and the rest as it is written; None if that can't be."""
        found = _URL.fullmatch(url)
        if found is None:
            return None
        scheme = found["scheme"].lower()
        port = int(found["port"] or _DEFAULT_PORTS[scheme])
        rest = found["rest"] if found["rest"].startswith("/") else f"/{found['rest']}"
        return (cls(scheme, found["host"].lower(), port), rest) if port <= _HIGHEST_PORT else None

    @property
    def authority(self) -> str:
        """Host, and port unless it's the usual one, as in the Host header."""
        usual = self.port == _DEFAULT_PORTS[self.scheme]
        return self.host if usual else f"{self.host}:{self.port}"

    def __str__(self) -> str:
        return f"{self.scheme}://{self.authority}"


@dataclass(frozen=True, slots=True)
class Asked:
    """What is asked for a client: a path at an origin.

    `root`: by the proxy's own paths, which only the upstream has. `realm`: as a token endpoint.
    """

    origin: Origin
    target: str
    root: bool = False
    realm: bool = False


class HandedOut:
    """The other origins that answers have led to; for realms and for all else apart."""

    def __init__(self) -> None:
        self._places: dict[tuple[Origin, bool], None] = {}
        self._lock = threading.Lock()

    def add(self, origin: Origin, *, realm: bool) -> None:
        """Remember one."""
        with self._lock:
            self._places[origin, realm] = self._places.pop((origin, realm), None)
            while len(self._places) > _MOST:
                del self._places[next(iter(self._places))]

    def knows(self, asked: Asked) -> bool:
        """Tell whether an answer has led to where this is."""
        with self._lock:
            return (asked.origin, asked.realm) in self._places


def read_path(target: str) -> Asked | None:
    """Read what a client asks of another origin, as `write_path` has written it."""
    found = _PLACE.fullmatch(target)
    if found is None:
        return None
    split = Origin.split(f"{found['scheme']}://{unquote(found['authority'])}")
    if split is None or split[1] != "/":
        return None
    rest = found["rest"] if found["rest"].startswith("/") else f"/{found['rest']}"
    return Asked(split[0], rest, realm=found["realm"] is not None)


def write_path(asked: Asked) -> str:
    """Write the path of the proxy under which a client asks another origin."""
    kind = f"{PREFIX}/realm" if asked.realm else PREFIX
    origin = asked.origin
    return f"{kind}/{origin.scheme}/{quote(origin.authority, safe=':')}{asked.target}"
