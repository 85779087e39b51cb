"""Which recorded requests may be like one that is made, without a look at all of them.

Rule: requests that vcrpy's own matchers find equal have equal keys, unless what was recorded stands
for several. What differs otherwise is left to the matchers.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Final

from vcr import matchers
from vcr.request import Request

from pytest_occystrap.cassettes.hosts import is_internal
from pytest_occystrap.cassettes.vcrpy.disguise import Hosts, has_host, is_open

__all__ = ["Index"]

#: A matcher of vcrpy, and what it compares.
_COMPARED: Final[Mapping[Any, Callable[[Any], Any]]] = {
    matchers.method: lambda request: request.method,
    matchers.scheme: lambda request: request.scheme,
    matchers.host: lambda request: request.host,
    matchers.port: lambda request: request.port,
    matchers.path: lambda request: request.path or "/",
    matchers.query: lambda request: tuple(request.query),
    matchers.uri: lambda request: request.parsed_uri._replace(path=request.path or "/").geturl(),
}


class Index:
    """The places of recorded requests, by what is compared of them."""

    def __init__(self, match_on: Iterable[Any]) -> None:
        self._parts = [_COMPARED[each] for each in match_on if each in _COMPARED]
        self._places: dict[tuple[Any, ...], list[int]] = {}
        self._open: list[int] = []
        self._hosted: list[int] = []
        self._known = 0

    def places(
        self, request: Request, recorded: Sequence[tuple[Request, Any]], hosts: Hosts
    ) -> list[int]:
        """Return where requests are that may be like this one, in their order.

        `hosts` are those of placeholders as far as they are known.
        """
        self._learn(recorded)
        found = {*self._places.get(self._key(request), ()), *self._open}
        name = next((name for name, host in hosts.items() if host == request.host), None)
        if name is not None:
            found |= {*self._places.get(self._key(_at(request, name)), ())}
        elif self._hosted and is_internal(str(request.host)):
            found |= {*self._hosted}
        return sorted(found)

    def _learn(self, recorded: Sequence[tuple[Request, Any]]) -> None:
        if len(recorded) < self._known:
            self._places, self._open, self._hosted, self._known = {}, [], [], 0
        for place in range(self._known, len(recorded)):
            request = recorded[place][0]
            self._places.setdefault(self._key(request), []).append(place)
            if is_open(request):
                self._open.append(place)
            if has_host(request):
                self._hosted.append(place)
        self._known = len(recorded)

    def _key(self, request: Request) -> tuple[Any, ...]:
        return tuple(part(request) for part in self._parts)


def _at(request: Request, host: str) -> Request:
    """Return a request to another host."""
    moved = copy.copy(request)
    moved.uri = request.uri.replace(request.parsed_uri.netloc, _netloc(request, host), 1)
    return moved


def _netloc(request: Request, host: str) -> str:
    port = request.parsed_uri.port
    return host if port is None else f"{host}:{port}"
