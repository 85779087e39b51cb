"""The clients, tried against a registry in the process of the test and over its sockets."""

from __future__ import annotations

import asyncio

import httpx
import pytest
import requests
from little_clients import pull, pull_at_once, pull_from_quay, push, tags

from pytest_occystrap import FakeRegistry, MakeRegistry, NetworkRefused, RegistryHosts


@pytest.mark.registry(images={"org/app:1": {"layers": [{"a": "1"}, {"b": "2"}]}})
def test_pull_in_process(fake_registry: FakeRegistry) -> None:
    """Any host name leads to the registry."""
    image = fake_registry.image("org/app:1")
    layers = pull(fake_registry.client, "https://quay.io", "org/app", "1")
    assert layers == [layer.content for layer in image.layers]
    fake_registry.assert_requests(
        ["GET quay.io/v2/org/app/manifests/1 200", "GET */blobs/*", "GET */blobs/*"]
    )


@pytest.mark.registry(auth="bearer", redirects=True, images=["org/app:1"])
@pytest.mark.parametrize("scheme", ["http", "https"])
def test_pull_over_sockets(fake_registry: FakeRegistry, scheme: str) -> None:
    """A token, a redirect to storage, and nothing given away."""
    base = fake_registry.url if scheme == "http" else fake_registry.https_url
    with httpx.Client(verify=fake_registry.ssl_context, http2=True) as client:
        assert len(pull(client, base, "org/app", "1")) == 1
    fake_registry.assert_no_credentials_leaked()


@pytest.mark.parametrize("dialect", ["docker_hub", "ghcr", "gitlab", "quay"])
def test_pull_in_dialects(make_registry: MakeRegistry, dialect: str) -> None:
    """Each registry asks for its token in its own way."""
    registry = make_registry(dialect=dialect, images=["org/app:1"])
    assert len(pull(registry.client, "https://registry.example", "org/app", "1")) == 1


@pytest.mark.registry(images={"org/app:1": {"layers": [{"a": "1"}, {"b": "2"}]}})
def test_pull_at_once(fake_registry: FakeRegistry) -> None:
    """Parallel requests come in any order."""
    layers = asyncio.run(
        pull_at_once(fake_registry.async_client, "https://ghcr.io", "org/app", "1")
    )
    assert len(layers) == 2
    fake_registry.assert_requests(["GET */blobs/*"] * 2 + ["GET */manifests/1"], in_order=False)


def test_a_client_that_cannot_be_injected(
    fake_registry: FakeRegistry, registry_hosts: RegistryHosts
) -> None:
    """It is caught by host name, and everything else is refused."""
    registry_hosts("quay.io")
    fake_registry.add_image("org/app:1")
    assert len(pull_from_quay("org/app", "1")) == 1
    with pytest.raises(NetworkRefused, match="look up ghcr"):
        requests.get("https://ghcr.io/v2/", timeout=10)


@pytest.mark.parametrize("scheme", ["http", "https"])
def test_push_with_requests(fake_registry: FakeRegistry, scheme: str) -> None:
    """A client that isn't httpx reaches the sockets."""
    base = fake_registry.url if scheme == "http" else fake_registry.https_url
    digest = push(base, "org/app", "2", {"os": "linux"}, verify=str(fake_registry.ca_file))
    fake_registry.assert_pushed("org/app:2")
    image = fake_registry.image("org/app:2")
    assert image.digest == digest
    assert image.config == {"os": "linux"}


@pytest.mark.registry(images=["org/app:1", "org/app:2"])
def test_tags_with_urllib(fake_registry: FakeRegistry) -> None:
    """Nor does one need any package."""
    assert tags(fake_registry.url, "org/app") == ["1", "2"]
    assert tags(fake_registry.https_url, "org/app", fake_registry.ssl_context) == ["1", "2"]
