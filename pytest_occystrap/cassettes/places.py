"""The hosts of a cassette: the registry, those that give out tokens, and those of storage.

Rule: a name that isn't recorded is the registry's, so that a cassette can be asked under any name.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final
from urllib.parse import urlsplit

from occystrap.errors import CassetteError, InvalidChallenge
from occystrap.oci.challenge import parse_challenges
from occystrap.server.message import Headers, Request, split_target
from occystrap.server.origins import Asked, HandedOut, Origin, read_path
from occystrap.server.rewriting import rewrite
from pytest_occystrap.cassettes.form import Cassette, RecordedRequest
from pytest_occystrap.cassettes.meaning import is_api

__all__ = ["Places"]

#: The door at which every name and every scheme lead to the same place.
_IN_PROCESS: Final = "in-process"
_NOWHERE: Final = Origin("http", "localhost", 80)


@dataclass(frozen=True, slots=True)
class Places:
    """Who was asked in a recording; `main` is the registry."""

    main: Origin
    origins: tuple[Origin, ...]
    #: Authority and path of the token endpoints.
    realms: frozenset[tuple[str, str]]
    storage: tuple[str, ...]

    @classmethod
    def of(cls, cassette: Cassette) -> Places:
        """Find them."""
        asked = [asked_in(each.request) for each in cassette.interactions]
        apis = Counter(each.origin for each in asked if is_api(split_target(each.target)[0]))
        origins = tuple(dict.fromkeys(each.origin for each in asked))
        main = max(origins, key=lambda each: apis[each], default=_NOWHERE)
        realms = frozenset(_realms(cassette))
        others = {origin.authority for origin in origins if not apis[origin]}
        storage = others - {authority for authority, _ in realms} - {main.authority}
        return cls(main, origins, realms, tuple(sorted(storage)))

    def asked(self, request: Request) -> Asked:
        """Say who is asked, and for what; whoever isn't known is the registry."""
        forwarded = read_path(request.target)
        if forwarded is not None:
            return forwarded
        host = request.host.lower()
        named = next((each for each in self.origins if host in _names(each)), None)
        return Asked(named or self.main, request.target, root=named is None)

    def lead(self, headers: Headers, asked: Asked, request: Request) -> Headers:
        """Let an answer lead a client to where it can go.

        Who has come by a recorded name is let go by recorded names. Over a socket hosts beside the
        registry have paths, as behind a proxy.
        """
        forwarded = read_path(request.target) is not None
        if not (asked.root or forwarded):
            return headers
        base = f"{request.scheme}://{request.host}" if request.host else ""
        other = None if request.door == _IN_PROCESS and not forwarded else HandedOut()
        return rewrite(headers, asked, self.main, base, other)


def asked_in(request: RecordedRequest) -> Asked:
    """Say whom a recorded request asked, and for what.

    Raises:
        CassetteError: its URL is none.
    """
    found = Origin.split(request.url)
    if found is None:
        raise CassetteError(f"not the URL of a request: {request}")
    origin, target = found
    return read_path(target) or Asked(origin, target)


def _names(origin: Origin) -> tuple[str, ...]:
    return origin.authority, f"{origin.host}:{origin.port}"


def _realms(cassette: Cassette) -> Iterator[tuple[str, str]]:
    for each in cassette.interactions:
        headers = Headers() if each.response is None else each.response.headers
        try:
            offered = parse_challenges(headers.get_all("WWW-Authenticate"))
        except InvalidChallenge:
            continue
        for challenge in offered:
            found = Origin.split(challenge.get("realm"))
            if found is not None:
                yield found[0].authority, urlsplit(found[1]).path
