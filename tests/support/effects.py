"""Effects that only say that they were there, and registries with which all is well."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import ClassVar

from occystrap.server.message import Handler, Request, Response
from pytest_occystrap.faults.effect import NO_NEEDS, Missed, Scene

__all__ = ["GET", "PLAIN", "PUT", "Calm", "Miss", "Say", "statuses"]

GET = Request("GET", "/v2/org/app/manifests/1")
PUT = Request("PUT", "/v2/org/app/manifests/1")
PLAIN = 200


class Calm:
    """A registry with which all is well."""

    def handle(self, request: Request) -> Response:
        """Answer 200."""
        return Response(PLAIN)


@dataclass(frozen=True, slots=True)
class Say:
    """Answer with a status; what is behind is asked before, and its status kept in mind."""

    status: int
    heard: list[int] = field(default_factory=list[int])
    needs: ClassVar = NO_NEEDS

    def strike(self, request: Request, scene: Scene) -> Response | Missed:
        """Answer so."""
        self.heard.append(scene.inner.handle(request).status)
        return Response(self.status)


@dataclass(frozen=True, slots=True)
class Miss:
    """Strike only every second time that it is to, beginning with the second."""

    tries: list[int] = field(default_factory=list[int])
    needs: ClassVar = NO_NEEDS

    def strike(self, request: Request, scene: Scene) -> Response | Missed:
        """Answer 500, or say that there was nothing to strike."""
        self.tries.append(1)
        if len(self.tries) % 2:
            return Missed(scene.inner.handle(request))
        return Response(500)


def statuses(covered: Handler, count: int, request: Request = GET) -> str:
    """Ask so many times; a dot is an ordinary answer, an `x` one that was struck."""
    found = [covered.handle(request).status for _ in range(count)]
    return "".join("." if status == PLAIN else "x" for status in found)
