"""A registry for one push into one repository, by somebody who was told its name.

Rule: whoever doesn't know the name gets nothing, and can leave nothing. Blobs that are held
elsewhere, where they are going, are answered for; the config of an image isn't, for it is read.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from typing import Final

from occystrap.errors import InvalidInput, OccystrapError
from occystrap.oci.diagnostics import ErrorCode
from occystrap.oci.digest import Digest
from occystrap.oci.routes import RouteKind, parse_route
from occystrap.server.answers import Refusal, empty
from occystrap.server.message import Request, Response
from occystrap.server.registry import Registry
from occystrap.server.store import Store

__all__ = ["Held", "Reception"]

#: Tells how large a blob is that is held elsewhere; None if it isn't.
Held = Callable[[Digest], int | None]

#: What clients that ask for a config say that they take.
_CONFIGS: Final = ("container.image", "image.config")


class Reception:
    """A Handler that takes one image, and notes how that goes.

    `held_blobs` are those that were answered for. `wanted` are digests that never are.
    """

    def __init__(
        self,
        store: Store,
        repository: str,
        *,
        held: Held | None = None,
        wanted: Iterable[Digest] = (),
        advance: Callable[[int], None] = lambda _: None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.repository = repository
        self.held_blobs: set[Digest] = set()
        #: Whether somebody has come to the door, and whether anything was asked there.
        self.is_reached = self.is_asked = False
        self._registry = Registry(store, sparse=True)
        self._held = held
        self._wanted = frozenset(wanted)
        self._advance = advance
        self._clock = clock
        self._last = clock()
        self._lock = threading.Lock()

    @property
    def quiet_seconds(self) -> float:
        """How long ago anything has come."""
        with self._lock:
            return self._clock() - self._last

    def greet(self, client: str) -> None:  # noqa: ARG002 - as doors call it
        """Note that somebody has come to the door."""
        self.is_reached = True
        self._note(0)

    def handle(self, request: Request) -> Response:
        """Answer as a registry that has this one repository."""
        self.is_asked = True
        self._note(0)
        try:
            route = parse_route(request.path)
        except InvalidInput:
            route = None
        if route is None or (route.kind, route.repository) not in (
            (RouteKind.PING, ""),
            (route.kind, self.repository),
        ):
            return Refusal(ErrorCode.NAME_UNKNOWN).response
        response = self._registry.handle(replace(request, body=self._noted(request.body)))
        if (request.method, route.kind, response.status) == ("HEAD", RouteKind.BLOB, 404):
            return self._answer_for(Digest.parse(route.item), request) or response
        return response

    def _answer_for(self, digest: Digest, request: Request) -> Response | None:
        accept = request.headers.get("Accept") or ""
        if self._held is None or digest in self._wanted or any(c in accept for c in _CONFIGS):
            return None
        try:
            size = self._held(digest)
        except OccystrapError:
            return None  # whatever it is, the blob can come here
        if size is None:
            return None
        with self._lock:
            self.held_blobs.add(digest)
        headers = {"Content-Length": str(size), "Docker-Content-Digest": str(digest)}
        return empty(200, headers)

    def _noted(self, body: Iterable[bytes]) -> Iterator[bytes]:
        for piece in body:
            self._note(len(piece))
            yield piece

    def _note(self, count: int) -> None:
        with self._lock:
            self._last = self._clock()
        if count:
            self._advance(count)
