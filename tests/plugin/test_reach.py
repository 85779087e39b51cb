"""Every way to a fake registry: TCP, TLS, HTTP/2, a unix socket, with clients of several kinds."""

from __future__ import annotations

import http.client
import socket
import time
import urllib.request
from collections.abc import Callable

import httpx
import pytest
import requests

from pytest_occystrap.fake import FakeRegistry
from pytest_occystrap.plugin import MakeRegistry


def with_httpx(registry: FakeRegistry, url: str) -> bytes:
    """Get a URL with httpx."""
    with httpx.Client(verify=registry.ssl_context) as client:
        return client.get(url).content


def with_http2(registry: FakeRegistry, url: str) -> bytes:
    """Get a URL with httpx over HTTP/2, by ALPN or by knowing beforehand."""
    known = url.startswith("http:")
    with httpx.Client(verify=registry.ssl_context, http2=True, http1=not known) as client:
        response = client.get(url)
        assert response.http_version == "HTTP/2"
        return response.content


def with_requests(registry: FakeRegistry, url: str) -> bytes:
    """Get a URL with requests."""
    return requests.get(url, verify=str(registry.ca_file), timeout=10).content


def with_urllib(registry: FakeRegistry, url: str) -> bytes:
    """Get a URL with the standard library."""
    context = registry.ssl_context if url.startswith("https") else None
    with urllib.request.urlopen(url, context=context, timeout=10) as response:  # noqa: S310
        content: bytes = response.read()
        return content


Get = Callable[[FakeRegistry, str], bytes]


@pytest.mark.parametrize("get", [with_httpx, with_http2, with_requests, with_urllib])
@pytest.mark.parametrize("scheme", ["http", "https"])
def test_a_client_over_tcp(make: MakeRegistry, scheme: str, get: Get) -> None:
    """It gets the bytes, and the ledger tells how."""
    registry = make()
    image = registry.add_random_image("app:1", size=300_000)
    base = registry.url if scheme == "http" else registry.https_url
    assert base == f"{scheme}://{registry.host if scheme == 'http' else registry.https_host}"
    assert get(registry, f"{base}/v2/app/manifests/1") == image.manifest.raw
    assert get(registry, f"{base}/v2/app/blobs/{image.layers[0].digest}") == image.layers[0].content
    first = registry.requests[0]
    assert first.scheme == scheme
    assert first.client.startswith("127.0.0.1:")
    assert first.protocol == ("HTTP/2" if get is with_http2 else "HTTP/1.1")


def test_localhost_is_a_name_of_it(make: MakeRegistry) -> None:
    """The certificate is good for the name as for the address."""
    registry = make()
    url = registry.https_url.replace("127.0.0.1", "localhost")
    assert with_httpx(registry, f"{url}/v2/") == b"{}"


def test_nobody_else_trusts_it(make: MakeRegistry) -> None:
    """The authority is one of the test's own."""
    with pytest.raises(httpx.ConnectError, match="certificate verify failed"):
        httpx.get(f"{make().https_url}/v2/")


def test_the_directory_that_skopeo_wants(make: MakeRegistry) -> None:
    """It holds the authority, and nothing that is secret."""
    registry = make()
    assert [path.read_bytes() for path in registry.cert_dir.iterdir()] == [
        registry.ca_file.read_bytes()
    ]


@pytest.mark.parametrize(("http2", "spoken"), [(True, "HTTP/2"), (False, "HTTP/1.1")])
def test_http2_can_be_turned_off(make: MakeRegistry, http2: bool, spoken: str) -> None:
    """Some registries have none."""
    registry = make(http2=http2)
    with httpx.Client(verify=registry.ssl_context, http2=True) as client:
        assert client.get(f"{registry.https_url}/v2/").http_version == spoken
    assert registry.requests[0].protocol == spoken


def test_a_client_over_a_unix_socket(make: MakeRegistry) -> None:
    """Under any name, and to the storage as well."""
    registry = make(redirects=True, images=["app:1"])
    image = registry.image("app:1")
    path = str(registry.socket_path)
    assert len(path) < 100
    with httpx.Client(transport=httpx.HTTPTransport(uds=path), follow_redirects=True) as client:
        assert client.get("http://quay.io/v2/app/manifests/1").json() == image.manifest
        for digest, content in image.blobs.items():
            assert client.get(f"http://quay.io/v2/app/blobs/{digest}").content == content
    registry.assert_pulled("app:1")
    assert registry.requests[0].client == "unix"


@pytest.mark.parametrize("get", [with_httpx, with_requests, with_urllib])
@pytest.mark.parametrize("scheme", ["http", "https"])
def test_storage_is_another_host_of_the_same_scheme(
    make: MakeRegistry, scheme: str, get: Get
) -> None:
    """A client that follows redirects gets there over TLS if it came over TLS."""
    registry = make(auth="basic", redirects=True, images=["app:1"])
    (login,) = registry.accounts.items()
    base = registry.url if scheme == "http" else registry.https_url
    url = f"{base}/v2/app/blobs/{registry.image('app:1').config.digest}"
    with httpx.Client(auth=login, verify=registry.ssl_context) as client:
        elsewhere = client.get(url).headers["Location"]
    assert elsewhere.startswith(f"{scheme}://localhost:")
    assert get(registry, elsewhere) == registry.image("app:1").config.raw


def test_all_ways_lead_to_one_registry(make: MakeRegistry) -> None:
    """What is pushed over one can be pulled over the others."""
    registry = make()
    content = b"of one way"
    digest = registry.add_image("other:1").config.digest
    started = httpx.post(f"{registry.url}/v2/app/blobs/uploads/?mount={digest}&from=other")
    assert (started.status_code, content) == (201, content)
    path = f"/v2/app/blobs/{digest}"
    expected = registry.image("other:1").config.raw
    assert registry.client.get(path).content == expected
    assert with_http2(registry, f"{registry.https_url}{path}") == expected
    connection = http.client.HTTPConnection("localhost")
    connection.sock = socket.socket(socket.AF_UNIX)
    connection.sock.connect(str(registry.socket_path))
    connection.request("GET", path)
    assert connection.getresponse().read() == expected
    connection.close()
    doors = [(exchange.door, exchange.client.partition(":")[0]) for exchange in registry.requests]
    assert doors == [
        ("http/1.1", "127.0.0.1"),
        ("in-process", ""),
        ("http/2", "127.0.0.1"),
        ("http/1.1", "unix"),
    ]


def test_nothing_is_left_behind() -> None:
    """Sockets, their files and their threads end with the registry."""
    with FakeRegistry() as registry:
        path, url = registry.socket_path, registry.https_url
        assert path.is_socket()
    assert not path.parent.exists()
    with pytest.raises(httpx.ConnectError):
        httpx.get(f"{url}/v2/", verify=registry.ssl_context)


def test_starting_and_stopping_costs_little() -> None:
    """A hundred registries with a plain socket each: well under ten milliseconds each."""
    with FakeRegistry() as warm:
        assert warm.url
    begun = time.process_time()
    for _ in range(100):
        with FakeRegistry() as registry:
            assert registry.url
    assert time.process_time() - begun < 1.0
