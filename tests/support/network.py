"""A machine without a network."""

from __future__ import annotations

import socket
from collections.abc import Callable
from typing import Any

import pytest

__all__ = ["refuse_network"]


def refuse_network(patch: pytest.MonkeyPatch, *, but_itself: bool = False) -> None:
    """Make every attempt to reach another host, or to look one up, a failure of the test.

    It reaches `but_itself` by unix sockets and 127.0.0.1, if it may.
    """

    def guarded(original: Callable[..., Any]) -> Callable[..., Any]:
        def call(*arguments: Any, **options: Any) -> Any:
            if but_itself and any(map(_is_here, arguments)):
                return original(*arguments, **options)
            raise AssertionError(f"the network was used: {arguments[-1]!r}")

        return call

    for name in ("connect", "connect_ex", "sendto"):
        patch.setattr(socket.socket, name, guarded(getattr(socket.socket, name)))
    for name in ("getaddrinfo", "create_connection", "gethostbyname"):
        patch.setattr(socket, name, guarded(getattr(socket, name)))


def _is_here(argument: object) -> bool:
    host = argument[0] if isinstance(argument, tuple) else argument
    return isinstance(host, str) and (host == "127.0.0.1" or host.startswith("/"))
