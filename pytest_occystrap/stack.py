"""The handlers of a fake registry, one in front of the other as the options say.

Rule: this is the only place that knows their order.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from occystrap.server.cdn import Cdn, RedirectBlobs
from occystrap.server.directory_store import DirectoryStore
from occystrap.server.gate import BasicGate, BearerGate
from occystrap.server.memory_store import MemoryStore
from occystrap.server.message import Handler, Request
from occystrap.server.registry import Registry
from occystrap.server.store import Store
from pytest_occystrap.clock import FakeClock
from pytest_occystrap.options import RegistryOptions

__all__ = ["Stack", "build_stack"]

Location = Callable[[Request, str], str]


@dataclass(frozen=True, slots=True)
class Stack:
    """Who answers, who serves blobs elsewhere, and who gives tokens if anyone does."""

    store: Store
    handler: Handler
    cdn: Cdn
    gate: BearerGate | None


def build_stack(options: RegistryOptions, clock: FakeClock, location: Location) -> Stack:
    """Put the handlers together; `location` makes URLs of what is on the storage host."""
    store = MemoryStore() if options.directory is None else DirectoryStore(options.directory)
    cdn = Cdn(store, clock=clock, lifetime=options.url_lifetime)
    handler: Handler = Registry(store)
    if options.redirects:
        handler = RedirectBlobs(handler, cdn, location)
    gate = None
    if options.auth == "basic":
        handler = BasicGate(handler, options.accounts)
    elif options.auth == "bearer":
        handler = gate = BearerGate(
            handler,
            accounts=options.accounts,
            anonymous_pull=options.anonymous_pull,
            expires_in=options.token_lifetime,
            clock=clock,
        )
    return Stack(store, handler, cdn, gate)
