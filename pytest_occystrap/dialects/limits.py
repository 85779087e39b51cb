"""How much a dialect lets each client ask for."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from occystrap.oci.routes import RouteKind
from occystrap.server.message import Handler, Headers, Request, Response
from pytest_occystrap.dialects.form import LimitForm, Quota
from pytest_occystrap.dialects.requests import route_of

__all__ = ["DialectLimits"]

_READING: Final = ("GET", "HEAD")
_UNKNOWN_CLIENT: Final = "127.0.0.1"


@dataclass(slots=True)
class _Window:
    until: float
    used: int = 0


class DialectLimits:
    """Counts the manifests that each client pulls; a client is an address without its port."""

    def __init__(
        self, inner: Handler, form: LimitForm, quota: Quota, clock: Callable[[], float]
    ) -> None:
        self._inner = inner
        self._form = form
        self._quota = quota
        self._clock = clock
        self._windows: dict[str, _Window] = {}
        self._lock = threading.Lock()

    def handle(self, request: Request) -> Response:
        """Answer as the inner handler does, or that it was too much."""
        route = route_of(request)
        counted = route is not None and route.kind is RouteKind.MANIFEST
        if not counted or request.method not in _READING:
            return self._inner.handle(request)
        client = request.client.rpartition(":")[0] or request.client or _UNKNOWN_CLIENT
        left = self._take(client, 1 if request.method == "GET" else 0)
        response = self._form.answer.response if left < 0 else self._inner.handle(request)
        return self._announced(response, client, max(left, 0))

    def _take(self, client: str, count: int) -> int:
        """Count a pull; less than nothing is left when it is one too many."""
        now = self._clock()
        with self._lock:
            window = self._windows.get(client)
            if window is None or now >= window.until:
                window = self._windows[client] = _Window(now + self._quota.seconds)
            if window.used + count > self._quota.amount:
                return -1
            window.used += count
            return self._quota.amount - window.used

    def _announced(self, response: Response, client: str, left: int) -> Response:
        if not self._quota.announced:
            return response
        span = f"w={self._quota.seconds}"
        fields = {
            "ratelimit-limit": f"{self._quota.amount};{span}",
            "ratelimit-remaining": f"{left};{span}",
            "docker-ratelimit-source": client,
        }
        headers = Headers((*response.headers, *fields.items()))
        return Response(response.status, headers, response.body)
