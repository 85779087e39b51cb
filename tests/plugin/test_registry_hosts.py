"""Code that makes its own clients of httpx is led to the fake."""

from __future__ import annotations

import asyncio
import socket
import tracemalloc

import httpx
import pytest
import requests
import respx

from occystrap.util import create_client, request_url
from pytest_occystrap.fake import FakeRegistry
from pytest_occystrap.hosts import RegistryHosts
from pytest_occystrap.network import NetworkRefused
from pytest_occystrap.plugin import MakeRegistry

#: Documentation addresses, which lead nowhere.
ELSEWHERE, ELSEWHERE_6 = "192.0.2.1", "2001:db8::1"


@pytest.fixture
def hosts(registry_hosts: RegistryHosts) -> RegistryHosts:
    """The fixture, with Docker Hub and Quay led to the fake."""
    registry_hosts("registry-1.docker.io", "Quay.io")
    return registry_hosts


def test_a_client_made_by_the_code_under_test(
    fake_registry: FakeRegistry, hosts: RegistryHosts
) -> None:
    """It gets the fake's answers, whatever kind of client of httpx it is."""
    image = fake_registry.add_image("app:1")
    url = "https://quay.io/v2/app/manifests/1"
    assert httpx.get(url).json() == image.manifest
    with httpx.Client(http2=True) as client:
        assert client.get(url).json() == image.manifest
    with create_client() as client:
        assert client.get("https://registry-1.docker.io/v2/app/manifests/1").is_success
    assert request_url("GET", url).status_code == 200
    assert len(fake_registry.requests) == 4
    assert hosts.refused == []


def test_an_async_client_made_by_the_code_under_test(
    fake_registry: FakeRegistry, hosts: RegistryHosts
) -> None:
    """It is led to the fake as well, with a body of its own on the way there and back."""
    image = fake_registry.add_random_image("app:1", size=1_000_000)

    async def pull() -> bytes:
        async with httpx.AsyncClient() as client:
            url = f"https://quay.io/v2/app/blobs/{image.layers[0].digest}"
            async with client.stream("GET", url) as response:
                pulled = b"".join([piece async for piece in response.aiter_raw()])
            started = await client.post("https://quay.io/v2/app/blobs/uploads/")
            await client.patch(
                f"https://quay.io{started.headers['Location']}", content=b"half of it"
            )
            return pulled

    assert asyncio.run(pull()) == image.layers[0].content
    assert fake_registry.requests[-1].request_bytes == len("half of it")


def test_answers_are_streamed(fake_registry: FakeRegistry, hosts: RegistryHosts) -> None:
    """A body is handed out piece by piece, and what isn't read isn't made."""
    size = 8_000_000
    image = fake_registry.add_random_image("app:1", size=size)
    url = f"https://quay.io/v2/app/blobs/{image.layers[0].digest}"
    with httpx.Client() as client:
        tracemalloc.start()
        with client.stream("GET", url) as response:
            assert sum(map(len, response.iter_raw())) > size
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        with client.stream("GET", url) as response:
            next(response.iter_raw())
    assert peak < size / 4
    assert fake_registry.requests[-1].response_bytes < size / 4


@pytest.mark.registry(redirects=True, images=["app:1"])
def test_where_the_registry_redirects_to_is_led_there_too(
    fake_registry: FakeRegistry, hosts: RegistryHosts
) -> None:
    """Naming the registry is enough."""
    config = fake_registry.image("app:1").config
    url = f"https://quay.io/v2/app/blobs/{config.digest}"
    assert httpx.get(url, follow_redirects=True).content == config.raw


def test_hosts_of_several_registries(
    fake_registry: FakeRegistry, make_registry: MakeRegistry, hosts: RegistryHosts
) -> None:
    """Each host has the registry that it was given."""
    ghcr = make_registry(auth="bearer")
    hosts("ghcr.io", registry=ghcr)
    assert httpx.get("https://ghcr.io/v2/").status_code == 401
    assert httpx.get("https://quay.io/v2/").status_code == 200
    assert (len(ghcr.requests), len(fake_registry.requests)) == (1, 1)


def test_another_host_is_refused(hosts: RegistryHosts) -> None:
    """The message says what was tried, and what would lead it to the fake."""
    with pytest.raises(NetworkRefused) as refusal:
        httpx.get("https://ghcr.io/v2/app/manifests/1?token=s3cret")
    assert str(refusal.value) == (
        "the test wanted to leave the machine: GET https://ghcr.io/v2/app/manifests/1?***;"
        " registry_hosts('ghcr.io') would lead it to the fake"
        " (led there: quay.io, registry-1.docker.io)"
    )

    async def get() -> None:
        async with httpx.AsyncClient() as client:
            await client.get("https://ghcr.io/v2/")

    with pytest.raises(NetworkRefused, match=r"GET https://ghcr\.io/v2/;"):
        asyncio.run(get())
    assert len(hosts.refused) == 2


def test_nothing_is_led_anywhere_at_first(registry_hosts: RegistryHosts) -> None:
    """The fixture alone refuses everything."""
    with pytest.raises(NetworkRefused, match=r"\(led there: none so far\)"):
        httpx.get("https://quay.io/v2/")


def test_this_machine_is_left_alone(fake_registry: FakeRegistry, hosts: RegistryHosts) -> None:
    """Sockets of the loopback and clients that were handed in work as ever."""
    port = fake_registry.url.rpartition(":")[2]
    for host in ("127.0.0.1", "localhost"):
        assert httpx.get(f"http://{host}:{port}/v2/").status_code == 200
        assert requests.get(f"http://{host}:{port}/v2/", timeout=10).status_code == 200
    assert fake_registry.client.get("https://anywhere.test/v2/").status_code == 200
    left, right = socket.socketpair()
    with left, right:
        left.send(b"x")
        assert right.recv(1) == b"x"
    assert hosts.refused == []


def test_routes_of_the_tests_own(hosts: RegistryHosts) -> None:
    """Another router of respx is asked for what isn't led to the fake."""
    with respx.mock(assert_all_called=False) as router:
        router.get("https://api.example/").respond(201)
        assert httpx.get("https://api.example/").status_code == 201
        assert httpx.get("https://quay.io/v2/").status_code == 200
