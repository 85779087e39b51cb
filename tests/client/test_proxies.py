"""Which proxy a request goes through, as the environment says it."""

from __future__ import annotations

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from occystrap.client.proxies import proxies_from


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
