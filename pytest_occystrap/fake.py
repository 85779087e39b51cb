"""The fake registry: a complete registry in the hands of a test.

Rule: here nothing is decided. The registry answers, the ledger notes, and this is the handle on
both.
"""

from __future__ import annotations

from types import TracebackType
from typing import Self

from occystrap.server.memory_store import MemoryStore
from occystrap.server.registry import Registry
from pytest_occystrap.checks import Checks
from pytest_occystrap.clock import FakeClock
from pytest_occystrap.ledger import Ledger
from pytest_occystrap.reach import Reach

__all__ = ["FakeRegistry"]


class FakeRegistry(Checks, Reach):
    """A registry for one test: put images in, hand out a way to reach it, look at what happened.

    with FakeRegistry() as registry:
        image = registry.add_image("library/busybox:latest")
        registry.client.get("https://registry-1.docker.io/v2/library/busybox/manifests/latest")
        registry.assert_requests(["GET /v2/library/busybox/manifests/latest 200"])
    """

    def __init__(self) -> None:
        store = MemoryStore()
        #: The registry's time, which stands still until the test moves it.
        self.clock = FakeClock()
        ledger = Ledger(Registry(store))
        Checks.__init__(self, store, ledger)
        Reach.__init__(self, ledger)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"FakeRegistry({len(self.images)} images, {len(self.requests)} requests)"
