"""What goes over httpx's own transport: what it alone can do, and all when it's intercepted."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator
from typing import Any
from unittest import mock

import httpcore
import httpx
import pytest

from occystrap.client.build import create_client
from occystrap.client.replaceable import Replaceable

METHODS = [
    (httpx.HTTPTransport, "handle_request"),
    (httpcore.ConnectionPool, "handle_request"),
    (httpcore.HTTPConnection, "handle_request"),
    (httpcore.HTTP11Connection, "handle_request"),
]


def said(by: str) -> httpx.MockTransport:
    """Make a transport that says who it is."""
    return httpx.MockTransport(lambda _: httpx.Response(200, text=by))


@pytest.fixture
def client() -> Iterator[httpx.Client]:
    """A client that tells which way it was asked."""
    with httpx.Client(transport=Replaceable(said("direct"), said("ordinary"))) as made:
        yield made


class Wrapper:
    """Pass for what is wrapped in every way but its type, as what wrapt makes does."""

    def __init__(self, wrapped: Callable[..., object]) -> None:
        self.wrapped = wrapped

    def __getattribute__(self, name: str) -> object:
        wrapped = object.__getattribute__(self, "wrapped")
        return wrapped if name == "wrapped" else getattr(wrapped, name)

    def __call__(self, *arguments: object) -> object:
        """Pass the call on."""
        return self.wrapped(*arguments)


def plain(_: Callable[..., object]) -> object:
    """Put a function in the place of another, as pytest-httpx does."""

    def replacement(self: object, request: Any) -> httpx.Response:
        return httpx.Response(200, text="replaced")

    return replacement


def copied(wrapped: Callable[..., object]) -> object:
    """Put a function there that took over its names, as vcrpy does."""

    @functools.wraps(wrapped)
    def replacement(self: object, request: Any) -> object:
        return wrapped(self, request)

    return replacement


@pytest.mark.parametrize("stand_in", [plain, copied, Wrapper, mock.Mock])
@pytest.mark.parametrize(("kind", "name"), METHODS)
def test_whoever_stands_in_the_way_of_httpx_is_asked(
    kind: type,
    name: str,
    stand_in: Callable[[object], object],
    client: httpx.Client,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Also who only looks on, as OpenTelemetry does. When they are gone, all is as before."""
    assert client.get("http://x").text == "direct"
    with monkeypatch.context() as patch:
        patch.setattr(kind, name, stand_in(getattr(kind, name)))
        assert client.get("http://x").text == "ordinary"
    assert client.get("http://x").text == "direct"


class Fake(httpx.BaseTransport):
    """Stands for the class, with methods of its own."""

    def __init__(self, **_: object) -> None:
        pass

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """Answer."""
        return httpx.Response(200, text="fake")

    def close(self) -> None:
        """Have nothing to close."""


def test_whatever_stands_for_the_class_is_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    """The client makes its transport of it."""
    monkeypatch.setattr(httpx, "HTTPTransport", Fake)
    with create_client(http2=False) as client:
        assert client.get("http://registry.invalid").text == "fake"


def test_a_mock_may_stand_for_the_class(
    client: httpx.Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It says nothing of its own methods."""
    monkeypatch.setattr(httpx, "HTTPTransport", mock.MagicMock())
    assert client.get("http://x").text == "ordinary"


@pytest.mark.parametrize(
    "request_",
    [
        httpx.Request("GET", "ws://x"),
        httpx.Request("GET", "wss://x"),
        httpx.Request("GET", "ftp://x"),
        httpx.Request("GET", "http:///x"),
        httpx.Request("CONNECT", "http://x"),
        httpx.Request("GET", "http://x", headers={"Upgrade": "websocket"}),
        httpx.Request("GET", "https://x", extensions={"sni_hostname": "y"}),
        httpx.Request("GET", "https://x", extensions={"trace": print}),
    ],
    ids=str,
)
def test_what_only_httpx_can_do_is_left_to_it(
    client: httpx.Client, request_: httpx.Request
) -> None:
    """Another protocol, a tunnel, another server name, and somebody who looks on."""
    assert client.send(request_).text == "ordinary"


@pytest.mark.parametrize("url", ["ftp://registry.invalid/", "http:///v2/", "/v2/"])
def test_a_url_that_is_not_of_the_web_is_an_error_of_httpx(url: str) -> None:
    """One that is known for what it is."""
    with create_client(http2=False) as client, pytest.raises(httpx.UnsupportedProtocol):
        client.get(url)
