"""Leading httpx clients to a fake registry by the host that they name, wherever they are made.

Rule: a host that nobody has named is refused. Routes of the test's own respx still count for it.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import final

import httpx
import respx
from respx.models import AllMockedAssertionError

from occystrap.oci.redaction import redact_url
from occystrap.server.message import Handler
from pytest_occystrap.fake import FakeRegistry
from pytest_occystrap.network import Guard, NetworkRefused, stays_here

__all__ = ["RegistryHosts", "guarded"]


class HostRefused(NetworkRefused, AllMockedAssertionError):
    """Refused by us, but perhaps not by another router of respx, which is asked then."""


@final
class RegistryHosts:
    """Leads hosts to fake registries, and refuses every other that isn't this machine.

    registry_hosts("registry-1.docker.io", "quay.io")
    registry_hosts("ghcr.io", registry=make_registry(auth="bearer"))
    """

    def __init__(self, registry: FakeRegistry) -> None:
        self._registry = registry
        self._registries: dict[str, FakeRegistry] = {}
        self.guard = Guard(self._explain, self._handler_of)

    def __call__(self, *hosts: str, registry: FakeRegistry | None = None) -> None:
        """Lead these hosts, and those that it redirects to, to a registry; to the fake by default.

        Other clients than httpx's can't be led: give them `fake_registry.url`.
        """
        target = registry or self._registry
        for host in (*hosts, *target.other_hosts):
            self._registries[host.lower()] = target

    @property
    def refused(self) -> list[str]:
        """What was tried and refused, in order."""
        return self.guard.attempts

    def registry_of(self, host: str) -> FakeRegistry | None:
        """Tell where a host leads to."""
        return self._registries.get(host.lower())

    def _handler_of(self, host: str) -> Handler | None:
        registry = self.registry_of(host)
        return None if registry is None else registry.handler

    def _explain(self, host: str) -> str:
        if self.registry_of(host) is not None:
            return (
                f"registry_hosts leads {host} to the fake for clients of httpx in this process"
                " only; give others fake_registry.url or fake_registry.https_url"
            )
        known = ", ".join(sorted(self._registries)) or "none so far"
        return f"registry_hosts({host!r}) would lead it to the fake (led there: {known})"


class _Router(respx.MockRouter):
    """A router of respx that asks fake registries, which answer as streams."""

    def __init__(self, hosts: RegistryHosts) -> None:
        super().__init__(assert_all_called=False)
        self._hosts = hosts

    def handler(self, request: httpx.Request) -> httpx.Response:
        """Answer a request of an `httpx.Client`."""
        registry = self._hosts.registry_of(request.url.host)
        if registry is not None:
            return registry.transport.handle_request(request)
        self._check(request)
        return super().handler(request)

    async def async_handler(self, request: httpx.Request) -> httpx.Response:
        """Answer a request of an `httpx.AsyncClient`."""
        registry = self._hosts.registry_of(request.url.host)
        if registry is not None:
            return await registry.async_transport.handle_async_request(request)
        self._check(request)
        return await super().async_handler(request)

    def _check(self, request: httpx.Request) -> None:
        if not stays_here(request.url.host):
            what = f"{request.method} {redact_url(str(request.url))}"
            raise HostRefused(self._hosts.guard.refusal(what, request.url.host))


@contextlib.contextmanager
def guarded(registry: FakeRegistry) -> Iterator[RegistryHosts]:
    """Let nothing leave the machine as long as the block lasts."""
    hosts = RegistryHosts(registry)
    router = _Router(hosts)
    router.route().pass_through()
    with hosts.guard.active(), router:
        yield hosts
