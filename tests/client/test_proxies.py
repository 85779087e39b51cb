"""Which proxy a request goes through, as the environment says it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
import trustme
from hypothesis import given
from hypothesis import strategies as st

from occystrap.client.build import TLS, create_client
from occystrap.client.proxies import proxies_from
from occystrap.client.registry import RegistryClient
from occystrap.errors import InvalidOption, TransportError
from occystrap.server.doors.listener import Listener, serve
from occystrap.server.registry import Registry
from tests.support.proxy import running_proxy
from tests.support.tls_server import tls_server


@pytest.fixture
def plain() -> Iterator[Listener]:
    """A registry that speaks HTTP/1.1."""
    with serve(Registry()) as listener:
        yield listener


def saying(text: str) -> httpx.MockTransport:
    """Make a transport that says which one it is."""
    return httpx.MockTransport(lambda _: httpx.Response(200, text=text))


@pytest.mark.parametrize(
    ("environ", "patterns"),
    [
        ({}, {}),
        ({"HTTP_PROXY": "http://p:1"}, {"http://": "http://p:1"}),
        ({"https_proxy": "p:1"}, {"https://": "http://p:1"}),
        ({"ALL_PROXY": "https://p:1"}, {"all://": "https://p:1"}),
        ({"http_proxy": "low:1", "HTTP_PROXY": "up:1"}, {"http://": "http://low:1"}),
        ({"http_proxy": "", "HTTP_PROXY": "up:1"}, {"http://": "http://up:1"}),
        ({"HTTP_PROXY": "p:1", "NO_PROXY": "*"}, {}),
        ({"HTTP_PROXY": "p:1", "NO_PROXY": "a.example, *"}, {}),
    ],
)
def test_the_variables_are_read(environ: dict[str, str], patterns: dict[str, str]) -> None:
    """Lower case comes first, a proxy without a scheme is an http one, `*` means none at all."""
    assert proxies_from(environ) == patterns


@pytest.mark.parametrize(
    ("no_proxy", "url", "direct"),
    [
        ("example.com", "http://example.com/", True),
        ("example.com", "https://registry.example.com:5000/", True),
        ("example.com", "http://notexample.com/", False),
        (".example.com", "http://registry.example.com/", True),
        ("*.example.com", "http://registry.example.com/", True),
        ("example.com:5000", "http://example.com:5000/", True),
        ("example.com:5000", "http://example.com/", False),
        ("localhost,127.0.0.1", "http://127.0.0.1:5000/", True),
        ("localhost 127.0.0.1", "http://localhost:5000/", True),
        ("localhost,127.0.0.1,::1", "http://[::1]:5000/", True),
        ("[::1]", "http://[::1]/", True),
        ("10.0.0.0/8", "http://10.0.0.1/", False),
        (",, ,http://x,\u00e9", "http://example.com/", False),
    ],
)
def test_no_proxy_covers_a_host_and_those_below_it(no_proxy: str, url: str, direct: bool) -> None:
    """Names with or without dots, ports, addresses of both kinds; what isn't understood is left."""
    proxies = proxies_from({"ALL_PROXY": "http://proxy.example:3128", "NO_PROXY": no_proxy})
    mounts = {pattern: saying("proxy") if proxy else None for pattern, proxy in proxies.items()}
    with httpx.Client(mounts=mounts, transport=saying("direct")) as client:
        assert client.get(url).text == ("direct" if direct else "proxy")


@given(st.text(max_size=60))
def test_any_no_proxy_makes_a_client(no_proxy: str) -> None:
    """Nothing in NO_PROXY stops a client from being made."""
    patterns = proxies_from({"NO_PROXY": no_proxy})
    httpx.Client(mounts=dict.fromkeys(patterns)).close()


def test_plain_http_goes_through_the_proxy(plain: Listener) -> None:
    """The proxy gets the whole URL, and the login that its own URL holds; no host is looked up."""
    with running_proxy(plain.host, "alice:p@ss") as proxy:
        proxies = proxies_from({"http_proxy": f"http://alice:p%40ss@{proxy.host}"})
        with create_client(proxies=proxies) as client:
            assert client.get("http://registry.invalid/v2/").status_code == 200
        assert proxy.seen == ["GET http://registry.invalid/v2/"]


def test_tls_goes_through_a_tunnel(tmp_path: Path) -> None:
    """The proxy sees a host and no more; HTTP/2 works through it."""
    authority, ca_file = trustme.CA(), tmp_path / "ca.pem"
    authority.cert_pem.write_to_path(str(ca_file))
    with (
        tls_server(Registry(), authority) as server,
        running_proxy(server.host.replace("localhost", "127.0.0.1")) as proxy,
    ):
        proxies = proxies_from({"HTTPS_PROXY": proxy.host})
        with create_client(tls=TLS(ca_file), proxies=proxies) as client:
            response = client.get("https://localhost:443/v2/")
            assert (response.status_code, response.http_version) == (200, "HTTP/2")
        assert proxy.seen == ["CONNECT localhost:443"]


def test_a_host_of_no_proxy_is_asked_directly(plain: Listener) -> None:
    """NO_PROXY wins, by name or address, with or without the port."""
    for exempt in ("127.0.0.1", plain.host, "*"):
        environ = {"ALL_PROXY": "http://127.0.0.1:1", "NO_PROXY": f"example.com,{exempt}"}
        with create_client(proxies=proxies_from(environ)) as client:
            assert client.get(f"{plain.url}/v2/").status_code == 200


def test_a_proxy_that_wants_a_login_is_an_error_and_not_asked_again(plain: Listener) -> None:
    """407 isn't the registry's answer; the password of the proxy isn't told."""
    with running_proxy(plain.host, "alice:other") as proxy:
        proxies = {"all://": f"http://alice:secret@{proxy.host}"}
        with (
            create_client(proxies=proxies) as http,
            RegistryClient("registry.invalid", client=http) as client,
            pytest.raises(TransportError, match="407 Proxy Authentication Required") as caught,
        ):
            client.find_manifest("a", "1")
        assert proxy.seen == ["CONNECT registry.invalid:443"]
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize(
    "proxy", ["socks5://user:secret@p:1", "ftp://user:secret@p", "http://user:secret@p:port"]
)
def test_a_proxy_that_can_t_be_used_is_said_to_be(proxy: str) -> None:
    """A kind of proxy that isn't spoken, or no URL, is one error with a hint."""
    with pytest.raises(InvalidOption, match="can't use the proxy") as caught:
        create_client(proxies={"all://": proxy})
    assert "secret" not in str(caught.value)
