"""Leaving to httpx what only httpx's own transport can do.

Rule: a program that uses us sees no other httpx than it knows. What intercepts httpx intercepts us.
"""

from __future__ import annotations

import sys
from types import FunctionType
from typing import Final, final

import httpx

__all__ = ["Replaceable"]

#: Whose methods are replaced or wrapped: by respx, pytest-httpx, vcrpy, by instruments that
#: measure, and by whoever tests with a mock.
_REPLACED: Final = {
    "httpx": ("HTTPTransport",),
    "httpcore": ("ConnectionPool", "HTTPConnection", "HTTP11Connection"),
}
#: Extensions of httpx that only httpcore understands.
_OF_HTTPCORE: Final = ("sni_hostname", "trace")


@final
class Replaceable(httpx.BaseTransport):
    """Send requests one way, but through httpx's transport where nothing else will do.

    respx, pytest-httpx and vcrpy answer, record and refuse requests by replacing methods of
    `httpx.HTTPTransport` and of httpcore, and OpenTelemetry wraps them. Whoever tests a program
    that uses us with them must not reach the network instead.
    """

    def __init__(self, direct: httpx.BaseTransport, ordinary: httpx.BaseTransport) -> None:
        self._direct = direct
        self._ordinary = ordinary

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """Pass the request on."""
        way = self._ordinary if _needs_httpx(request) or _httpx_is_replaced() else self._direct
        return way.handle_request(request)

    def close(self) -> None:
        """Close both."""
        self._direct.close()
        self._ordinary.close()


def _needs_httpx(request: httpx.Request) -> bool:
    """Whether it isn't just a question: a tunnel, another protocol, another server name."""
    return (
        request.url.scheme not in ("http", "https")
        or not request.url.host
        or request.method == "CONNECT"
        or "Upgrade" in request.headers
        or any(extension in request.extensions for extension in _OF_HTTPCORE)
    )


def _httpx_is_replaced() -> bool:
    return any(
        _is_replaced(package, getattr(sys.modules[package], name))
        for package, names in _REPLACED.items()
        if package in sys.modules
        for name in names
    )


def _is_replaced(package: str, kind: type) -> bool:
    """Whether this stands for a class, or for its method, that the package brought along."""
    if kind.__module__.partition(".")[0] != package:
        return True
    return _file_of(kind, "handle_request") != _file_of(kind, "close")


def _file_of(kind: type, name: str) -> str | None:
    """Tell where a method was written, which a replacement can't copy from what it replaces.

    None if it's no plain function; a wrapper may pass for one, but for its type.
    """
    method = getattr(kind, name)
    return method.__code__.co_filename if type(method) is FunctionType else None
