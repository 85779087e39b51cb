"""The fake registry: a complete registry in the hands of a test.

Rule: here nothing is decided. The handlers answer, the ledger notes, and this is the handle on
all of them.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from occystrap.oci.routes import RouteKind
from occystrap.server.tokens import IssuedToken
from pytest_occystrap.checks import Checks
from pytest_occystrap.clock import FakeClock
from pytest_occystrap.dialects import Dialect
from pytest_occystrap.faults.effect import Role
from pytest_occystrap.faults.plan import FaultPlan
from pytest_occystrap.images import FakeImage
from pytest_occystrap.laying import Laying
from pytest_occystrap.ledger import Ledger
from pytest_occystrap.options import RegistryOptions
from pytest_occystrap.reach import Reach, Storage
from pytest_occystrap.stack import build_stack

__all__ = ["FakeRegistry"]


class FakeRegistry(Checks, Laying, Reach):
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

    def _lists_referrers(self) -> bool:
        return not any(gone.kind is RouteKind.REFERRERS for gone in self.dialect.absent)

    @property
    def dialect(self) -> Dialect:
        """What the registry does otherwise than the specification."""
        return self._stack.dialect

    @property
    def other_hosts(self) -> tuple[str, ...]:
        """Hosts beside its own that the registry sends clients to, for tokens and for blobs."""
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
