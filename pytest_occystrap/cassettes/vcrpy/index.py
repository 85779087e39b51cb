"""Which recorded requests may be like one that is made, without a look at all of them.

Rule: requests that vcrpy's own matchers find equal have equal keys. What differs otherwise is left
to the matchers.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Final

from vcr import matchers
from vcr.request import Request

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
        self._known = 0

    def places(self, request: Request, recorded: Sequence[tuple[Request, Any]]) -> list[int]:
        """Return where requests are that may be like this one, in their order."""
        if len(recorded) < self._known:
            self._places.clear()
            self._known = 0
        for place in range(self._known, len(recorded)):
            self._places.setdefault(self._key(recorded[place][0]), []).append(place)
        self._known = len(recorded)
        return list(self._places.get(self._key(request), ()))

    def _key(self, request: Request) -> tuple[Any, ...]:
        return tuple(part(request) for part in self._parts)
