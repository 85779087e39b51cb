"""Small cassettes, written by hand for tests of what plays them."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

import httpx

from occystrap.server.doors.in_process import InProcessTransport
from occystrap.server.message import Handler, Headers
from pytest_occystrap.cassettes.bodies import Body
from pytest_occystrap.cassettes.form import (
    Cassette,
    Ending,
    Interaction,
    RecordedRequest,
    RecordedResponse,
)

__all__ = ["HOST", "asking", "digest_of", "exchange", "recording"]

HOST = "https://registry.example"


def digest_of(content: bytes) -> str:
    """Name content as registries do."""
    return f"sha256:{hashlib.sha256(content).hexdigest()}"


def exchange(
    asked: str,
    status: int | None = 200,
    body: bytes = b"",
    *,
    sent: bytes = b"",
    headers: Mapping[str, str] | None = None,
    answer: Mapping[str, str] | None = None,
    ending: Ending = Ending.COMPLETE,
) -> Interaction:
    """Record `METHOD /path` of the registry, or `METHOD https://...`, and what it answered."""
    method, url = asked.split()
    url = f"{HOST}{url}" if url.startswith("/") else url
    request = RecordedRequest(method, url, Headers(headers or {}), Body.of(sent))
    if status is None:
        return Interaction(request, None, ending)
    told = {"Content-Length": str(len(body)), **(answer or {})}
    response = RecordedResponse(status, "", Headers(told), Body.of(body))
    return Interaction(request, response, ending)


def recording(*interactions: Interaction) -> Cassette:
    """Make a cassette."""
    return Cassette(interactions)


@contextmanager
def asking(handler: Handler) -> Iterator[httpx.Client]:
    """Give a client that reaches a handler in process, as a host that nobody has recorded."""
    transport = InProcessTransport(handler)
    with httpx.Client(transport=transport, base_url="https://any.test") as client:
        yield client
