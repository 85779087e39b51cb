"""Several hosts behind one door."""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from occystrap.server.answers import content
from occystrap.server.hosts import Hosts
from occystrap.server.message import Request, Response


@dataclass(frozen=True)
class Named:
    """Answers with its name."""

    name: str

    def handle(self, request: Request) -> Response:
        """Answer."""
        return content(200, self.name.encode(), "text/plain")


@pytest.mark.parametrize(
    ("host", "expected"),
    [
        ("cdn.test", "cdn"),
        ("CDN.test", "cdn"),
        ("cdn.test:443", "cdn"),
        ("cdn.test:5000", "port"),
        ("registry.test", "default"),
        ("registry.test:5000", "default"),
        ("", "default"),
        ("[::1]", "six"),
        ("[::1]:80", "six"),
        ("[::2]", "default"),
    ],
)
def test_the_host_chooses(host: str, expected: str) -> None:
    """With its port if that has a handler of its own; letters count in either case."""
    handlers = {"Cdn.Test": Named("cdn"), "cdn.test:5000": Named("port"), "[::1]": Named("six")}
    response = Hosts(handlers, Named("default")).handle(Request("GET", "/", host=host))
    assert b"".join(response.body).decode() == expected
