"""Where an answer leads its client, written so that the client stays with a proxy.

Rule: what leads to the upstream leads to the proxy's own paths, what leads elsewhere to those of
origins.py, and what can't be understood isn't touched.
Spec: https://www.rfc-editor.org/rfc/rfc9110 (10.2.2 Location, 11.6.1 WWW-Authenticate), RFC 8288
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Final
from urllib.parse import urljoin

from occystrap.server.message import Headers
from occystrap.server.origins import Asked, HandedOut, Origin, write_path

__all__ = ["rewrite"]

_HAS_SCHEME: Final = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:")
_LINK: Final = re.compile(r"(?P<before>(?:^|,)[ \t]*)<(?P<url>[^<>]*)>")
#: A token from its beginning to its end, however long a text is that is none.
_TOKEN: Final = r"(?<![!#$%&'*+\-.^_`|~0-9A-Za-z])[!#$%&'*+\-.^_`|~0-9A-Za-z]++"  # noqa: S105 - of HTTP
_CHALLENGE: Final = re.compile(
    rf'(?P<name>{_TOKEN})[ \t]*+=[ \t]*+(?:"(?P<value>(?:[^"\\]|\\.)*+)"|{_TOKEN})'
    rf"|(?P<scheme>{_TOKEN})(?=[ \t]|,|$)"
)


def rewrite(
    headers: Headers, asked: Asked, upstream: Origin, base: str, other: HandedOut | None
) -> Headers:
    """Lead a client to the proxy, which it calls `base`, wherever an answer leads it.

    Without `other`, what leads to an origin that isn't the upstream's is left as it is. So is what
    leads from TLS to plain HTTP, for the client to decide on.
    """
    leads = _Leads(asked, upstream, base, other)
    fields = ((name, _RULES.get(name.lower(), _keep)(leads, value)) for name, value in headers)
    return Headers(fields)


@dataclass(frozen=True, slots=True)
class _Leads:
    asked: Asked
    upstream: Origin
    base: str
    other: HandedOut | None

    def follow(self, url: str) -> str:
        """Write a URL that a client will follow."""
        asked = self.asked
        if asked.root and not url.startswith("//") and not _HAS_SCHEME.match(url):
            return url
        found = self._resolve(url)
        if found is None:
            return url
        origin, rest = found
        if origin != asked.origin:
            return self._elsewhere(origin, rest, url)
        return (
            self.base + rest
            if asked.root
            else self._elsewhere(origin, rest, url, realm=asked.realm)
        )

    def log_in(self, url: str) -> str:
        """Write the URL of a token endpoint."""
        found = self._resolve(url) if _HAS_SCHEME.match(url) else None
        if found is None:
            return url
        origin, rest = found
        if origin == self.upstream:
            return self.base + rest
        return self._elsewhere(origin, rest, url, realm=True)

    def _elsewhere(self, origin: Origin, rest: str, url: str, *, realm: bool = False) -> str:
        if self.other is None:
            return url
        self.other.add(origin, realm=realm)
        return self.base + write_path(Asked(origin, rest, realm=realm))

    def _resolve(self, url: str) -> tuple[Origin, str] | None:
        """Return where a URL leads; None if that is nowhere, or away from TLS."""
        here = self.asked.origin
        try:
            found = Origin.split(urljoin(f"{here}{self.asked.target}", url))
        except ValueError:
            return None
        found = Origin.split(url) or found
        if found is None or here.scheme == "http" or found[0].scheme == "https":
            return found
        # Servers behind a proxy that ends TLS often don't know that it does.
        plain = Origin("http", here.host, here.port), Origin("http", here.host, 80)
        return (here, found[1]) if found[0] in plain else None


def _keep(leads: _Leads, value: str) -> str:  # noqa: ARG001
    return value


def _location(leads: _Leads, value: str) -> str:
    return leads.follow(value)


def _link(leads: _Leads, value: str) -> str:
    return _LINK.sub(lambda found: f"{found['before']}<{leads.follow(found['url'])}>", value)


def _challenges(leads: _Leads, value: str) -> str:
    """Change the realms of Bearer challenges, which are the URLs of token endpoints."""
    return "".join(_pieces(leads, value))


def _pieces(leads: _Leads, value: str) -> Iterator[str]:
    scheme, position = "", 0
    for found in _CHALLENGE.finditer(value):
        if found["scheme"] is not None:
            scheme = found["scheme"].lower()
        elif scheme == "bearer" and found["name"].lower() == "realm" and found["value"]:
            realm = re.sub(r"\\(.)", r"\1", found["value"])
            written = leads.log_in(realm)
            if written != realm:
                yield value[position : found.start("value")]
                yield written.replace("\\", "\\\\").replace('"', '\\"')
                position = found.end("value")
    yield value[position:]


_RULES: Final[dict[str, Callable[[_Leads, str], str]]] = {
    "location": _location,
    "link": _link,
    "www-authenticate": _challenges,
}
