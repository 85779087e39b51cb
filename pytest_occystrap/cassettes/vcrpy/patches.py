"""What is patched while a cassette is open, by vcrpy's own means (`custom_patches`).

Rule: only public classes of the libraries that are patched, and only attributes that vcrpy puts
back.
"""

from __future__ import annotations

import contextlib
import importlib
import time
from collections.abc import Callable, Iterator
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any, Final

import httpcore
from urllib3.connectionpool import HTTPConnectionPool

__all__ = ["NOTE", "Note", "patches"]

#: A class, the attribute, and what stands in its place.
Patch = tuple[type, str, Any]

#: Packages that talk to a daemon over its socket with connections of their own.
_OWN_CONNECTIONS: Final = ("requests_unixsocket", "docker.transport")


@dataclass(frozen=True, slots=True)
class Note:
    """What httpcore told of an exchange: clock readings, and which version of HTTP was spoken."""

    begun: float
    answered: float
    http_version: str


#: What the last exchange of this thread or task was like.
NOTE: Final[ContextVar[Note | None]] = ContextVar("NOTE", default=None)


def patches(clock: Callable[[], float] = time.monotonic) -> tuple[Patch, ...]:
    """Return the patches of a cassette that is about to be opened."""
    return (*_noting(clock), *_passing_through())


def _noting(clock: Callable[[], float]) -> Iterator[Patch]:
    """Note the version of HTTP and the times, which vcrpy doesn't hand on."""
    handle = httpcore.ConnectionPool.handle_request
    handle_async = httpcore.AsyncConnectionPool.handle_async_request

    def handle_request(self: Any, request: httpcore.Request) -> httpcore.Response:
        begun = clock()
        response = handle(self, request)
        NOTE.set(Note(begun, clock(), _version(response)))
        return response

    async def handle_async_request(self: Any, request: httpcore.Request) -> httpcore.Response:
        begun = clock()
        response = await handle_async(self, request)
        NOTE.set(Note(begun, clock(), _version(response)))
        return response

    yield httpcore.ConnectionPool, "handle_request", handle_request
    yield httpcore.AsyncConnectionPool, "handle_async_request", handle_async_request


def _version(response: httpcore.Response) -> str:
    said = response.extensions.get("http_version", b"HTTP/1.1")
    return said.decode("ascii", "replace") if isinstance(said, bytes) else "HTTP/1.1"


def _passing_through() -> Iterator[Patch]:
    """Let pools with connections of their own have them.

    vcrpy asks such a pool for connections until one is of the class that it records, and of a pool
    that makes others, like those to a Docker socket, it asks for ever.
    """
    for name in _OWN_CONNECTIONS:
        with contextlib.suppress(ImportError):
            importlib.import_module(name)
    for pool in _subclasses(HTTPConnectionPool):
        if _makes_its_own(pool):
            yield pool, "ConnectionCls", object  # the class of which every connection is


def _subclasses(kind: type) -> Iterator[type]:
    found: list[type] = kind.__subclasses__()
    for each in found:
        yield each
        yield from _subclasses(each)


def _makes_its_own(pool: type) -> bool:
    between = pool.__mro__[: pool.__mro__.index(HTTPConnectionPool)]
    names = {name for each in between for name in vars(each)}
    return "_new_conn" in names and "ConnectionCls" not in names
