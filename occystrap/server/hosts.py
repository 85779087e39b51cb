"""Several hosts behind one door.

Rule: a request goes to the handler of the host that it names, and to the default one otherwise.
"""

from __future__ import annotations

from collections.abc import Mapping

from occystrap.server.message import Handler, Request, Response

__all__ = ["Hosts"]


class Hosts:
    """Chooses a handler by the host that a request names: `name:port` first, then `name`."""

    def __init__(self, handlers: Mapping[str, Handler], default: Handler) -> None:
        self._handlers = {host.lower(): handler for host, handler in handlers.items()}
        self._default = default

    def handle(self, request: Request) -> Response:
        """Let the handler of that host answer."""
        return self._choose(request.host.lower()).handle(request)

    def _choose(self, host: str) -> Handler:
        found = self._handlers.get(host)
        if found is None and not host.endswith("]"):
            found = self._handlers.get(host.rpartition(":")[0])
        return found or self._default
