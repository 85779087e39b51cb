"""The fake registry: a complete registry in the hands of a test.

Rule: here nothing is decided. The handlers answer, the ledger notes, and this is the handle on
all of them.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from occystrap.oci.routes import RouteKind
from occystrap.server.hosts import Hosts
from occystrap.server.tokens import IssuedToken
from pytest_occystrap.checks import Checks
from pytest_occystrap.clock import FakeClock
from pytest_occystrap.dialects import Dialect
from pytest_occystrap.exchange import hostname
from pytest_occystrap.faults.effect import Role
from pytest_occystrap.faults.plan import FaultPlan
from pytest_occystrap.images import FakeImage
from pytest_occystrap.laying import Laying
from pytest_occystrap.ledger import Ledger
from pytest_occystrap.options import RegistryOptions, usual_cassettes
from pytest_occystrap.reach import Reach, Storage
from pytest_occystrap.replaying import Replaying, Switch
from pytest_occystrap.stack import build_stack

if TYPE_CHECKING:
    from pytest_occystrap.cassettes.finding import CassetteLike
    from pytest_occystrap.cassettes.replay import Replay

__all__ = ["FakeRegistry"]

#: Names that no client of httpx is led away from.
_THIS_MACHINE: Final = frozenset({"127.0.0.1", "::1", "localhost"})


class FakeRegistry(Checks, Laying, Replaying, Reach):
    """A registry for one test: put images in, hand out a way to reach it, look at what happened.

    with FakeRegistry(auth="bearer") as registry:
        image = registry.add_image("library/busybox:latest")
        registry.client.get("https://registry-1.docker.io/v2/library/busybox/manifests/latest")
        registry.assert_requests(["GET /v2/library/busybox/manifests/latest 401"])

    The options are those of RegistryOptions.

    Raises:
        occystrap.errors.InvalidOption: there is no such option, or it can't have that value.
    """

    def __init__(self, options: RegistryOptions | None = None, /, **changes: Any) -> None:
        self.options = (options or RegistryOptions()).changed(**changes)
        #: The registry's time, which stands still until the test moves it.
        self.clock = FakeClock()
        self._stack = stack = build_stack(self.options, self.clock, self._storage_url)
        ledger, redirect = Ledger(self.clock.felt), stack.dialect.blobs.redirect
        #: The faults that are laid over it.
        self.faults = plan = FaultPlan(self.clock, remark=ledger.remark)
        storage = None
        if stack.cdn is not None and redirect is not None:
            covered = plan.cover(stack.cdn, Role.CDN)
            greet = plan.greeter(Role.CDN)
            storage = Storage(ledger.watch(covered, "storage"), redirect.host, greet)
        http2 = stack.dialect.http2 if self.options.http2 is None else self.options.http2
        Checks.__init__(self, stack.store, ledger)
        registry = ledger.watch(plan.cover(stack.speaking))
        advance = self.clock.advance
        Reach.__init__(
            self,
            registry,
            storage,
            http2=http2,
            sleep=advance,
            passed=advance,
            greet=plan.greeter(),
        )
        self._handler = self._answering = Switch(self._handler)
        self._seed()
        for text in self.options.faults:
            self.fault(text)

    def _seed(self) -> None:
        images = self.options.images
        described = images if isinstance(images, Mapping) else {name: {} for name in images}
        for reference, description in described.items():
            self.add_image(reference, **description)

    def put(self, image: FakeImage, reference: str) -> FakeImage:
        """Put an image into the registry that another registry or a builder has made."""
        kept = super().put(image, reference)
        self._stack.speaking.look()
        return kept

    def load(self, *cassettes: CassetteLike) -> list[FakeImage]:
        """Put the images into the registry that are seen in cassettes, and return them.

        registry.load("quay/pull")

        They can be pulled and pushed to like any other. An image that only indexes name isn't
        among those that are returned, and blobs that were never seen are missing.

        Raises:
            occystrap.errors.CassetteError: one isn't there, or can't be read.
        """
        from pytest_occystrap.cassettes.finding import read_cassettes
        from pytest_occystrap.cassettes.loading import load_images

        cassette = read_cassettes(cassettes, self._directory())
        names = load_images(cassette, self._stack.store)
        self._stack.speaking.look()
        return [self.image(name) for name in names]

    def _directory(self) -> Path:
        return self.options.cassettes or usual_cassettes(Path())

    def _stand_in(self, replay: Replay) -> None:
        registry = self._ledger.watch(self.faults.cover(replay))
        storage = self._ledger.watch(self.faults.cover(replay, Role.CDN), "storage")
        self._answering.current = Hosts(dict.fromkeys(replay.storage_hosts, storage), registry)

    def _lists_referrers(self) -> bool:
        return not any(gone.kind is RouteKind.REFERRERS for gone in self.dialect.absent)

    @property
    def dialect(self) -> Dialect:
        """What the registry does otherwise than the specification."""
        return self._stack.dialect

    @property
    def other_hosts(self) -> tuple[str, ...]:
        """Hosts that the registry sends clients to, for tokens and for blobs.

        While cassettes answer these are the hosts that were recorded, its own included.
        """
        if self._replay is not None:
            return tuple(sorted({hostname(host) for host in self._replay.hosts} - _THIS_MACHINE))
        redirect, entry = self.dialect.blobs.redirect, self.dialect.entry
        hosts = (redirect.host if redirect else "", entry.endpoint_host)
        return tuple(host for host in hosts if host)

    @property
    def accounts(self) -> Mapping[str, str]:
        """The passwords of those that the registry lets in."""
        return self.options.accounts

    @property
    def issued_tokens(self) -> list[IssuedToken]:
        """Every token that was given out, in order; none where nobody asks for one."""
        gate = self._stack.speaking.gate
        return [] if gate is None else gate.issued

    def expire_tokens(self) -> None:
        """End every token that was given out so far, as a registry does that is restarted."""
        if self._stack.speaking.gate is not None:
            self._stack.speaking.gate.expire_tokens()

    def _secrets(self) -> set[str]:
        tokens = {token.value for token in self.issued_tokens}
        return tokens | set(self.accounts.values())

    def __repr__(self) -> str:
        return f"FakeRegistry({len(self.images)} images, {len(self.requests)} requests)"
