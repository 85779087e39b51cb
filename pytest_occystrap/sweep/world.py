"""The world of one run: a fresh registry, a fresh directory, and time that passes by waiting.

Rule: nothing of one world is left in the next. In process nobody sleeps: whoever waits by the
world's clock moves it.
"""

from __future__ import annotations

import contextlib
import hashlib
import ssl
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, Literal

import httpx

from pytest_occystrap.clock import FakeClock
from pytest_occystrap.fake import FakeRegistry

__all__ = ["DOORS", "Door", "World", "directory_tree", "open_world"]

Door = Literal["in-process", "http/1.1", "http/1.1 tls", "http/2 tls"]
DOORS: Final[tuple[Door, ...]] = ("in-process", "http/1.1", "http/1.1 tls", "http/2 tls")
#: Seconds: how long clients of sockets wait for an answer. In process no time is lost by waiting.
_PATIENCE: Final = 0.4
_LONG_PATIENCE: Final = 30.0


@dataclass(frozen=True, slots=True)
class World:
    """What an operation finds: `registry` and `directory` are its own, `door` is the way in."""

    registry: FakeRegistry
    directory: Path
    door: Door
    client: httpx.Client = field(repr=False)

    @property
    def clock(self) -> FakeClock:
        """The time of the registry, and of whoever waits by it."""
        return self.registry.clock

    def felt(self) -> float:
        """Tell the time as the operation feels it: what it waits for passes, and its work, too."""
        return self.clock.felt()

    def sleep(self, seconds: float) -> None:
        """Let time pass without waiting."""
        self.clock.advance(seconds)

    @property
    def url(self) -> str:
        """Base URL of the registry at its door; any host does in process."""
        if self.door == "in-process":
            return str(self.client.base_url)
        return self.registry.https_url if self.door.endswith("tls") else self.registry.url

    @property
    def host(self) -> str:
        """The registry as in the name of an image."""
        return self.url.partition("://")[2].rstrip("/")

    @property
    def secure(self) -> bool:
        """Whether it speaks TLS."""
        return self.url.startswith("https")

    @property
    def ssl_context(self) -> ssl.SSLContext:
        """The context of a client that trusts the registry."""
        return self.registry.ssl_context

    def words(self) -> dict[str, str]:
        """Return what may stand in braces in the words of a command."""
        return {
            "url": self.url,
            "host": self.host,
            "directory": str(self.directory),
            "ca_file": str(self.registry.ca_file) if self.secure else "",
            "cert_dir": str(self.registry.cert_dir) if self.secure else "",
        }


@contextlib.contextmanager
def open_world(options: Mapping[str, Any], directory: Path, door: Door) -> Iterator[World]:
    """Make a world, and take it down."""
    with FakeRegistry(**options) as registry, contextlib.ExitStack() as stack:
        client = stack.enter_context(_client(registry, door))
        yield World(registry, directory, door, client)


def _client(registry: FakeRegistry, door: Door) -> httpx.Client:
    if door == "in-process":
        return httpx.Client(
            transport=registry.transport,
            base_url="https://registry.test",
            timeout=_LONG_PATIENCE,
        )
    tls = door.endswith("tls")
    return httpx.Client(
        base_url=registry.https_url if tls else registry.url,
        verify=registry.ssl_context if tls else True,
        http2=door.startswith("http/2"),
        timeout=_PATIENCE,
    )


def directory_tree(directory: Path) -> dict[str, str]:
    """Return what is in a directory: relative path -> SHA-256 of the content."""
    tree: dict[str, str] = {}
    for path in sorted(directory.rglob("*")):
        if path.is_file():
            with path.open("rb") as file:
                tree[str(path.relative_to(directory))] = hashlib.file_digest(
                    file, "sha256"
                ).hexdigest()
    return tree
