"""Clients of registries that ask for a login, and the login they have."""

from __future__ import annotations

from collections.abc import Callable

import httpx

from occystrap.client.credentials import Chain, Credential, Credentials, StaticCredentials
from occystrap.client.registry import RegistryClient
from occystrap.oci.manifest import Descriptor
from occystrap.server.doors.in_process import InProcessTransport
from occystrap.server.message import Handler
from tests.support.clock import FakeClock
from tests.support.scripted import session_over

__all__ = ["ALICE", "DESCRIPTOR", "client_of", "scripted", "works"]

DESCRIPTOR = Descriptor.of(b"x", "application/octet-stream")
ALICE = StaticCredentials(Credential("alice", "open sesame"))


def client_of(
    handler: Handler, credentials: Credentials | None = None, clock: FakeClock | None = None
) -> RegistryClient:
    """Make a client that asks a handler in process, over plain HTTP."""
    session = session_over(httpx.Client(transport=InProcessTransport(handler)), clock=clock)
    return RegistryClient(
        "registry.example", session=session, secure=False, credentials=credentials or Chain()
    )


def scripted(
    handle: Callable[[httpx.Request], httpx.Response], credentials: Credentials | None = None
) -> RegistryClient:
    """Make a client that asks a function, over TLS."""
    session = session_over(httpx.Client(transport=httpx.MockTransport(handle)))
    return RegistryClient("registry.example", session=session, credentials=credentials)


def works(client: RegistryClient) -> bool:
    """Push something, and look whether it is there."""
    client.upload_blob("a", DESCRIPTOR, b"x")
    return client.has_blob("a", DESCRIPTOR.digest)
