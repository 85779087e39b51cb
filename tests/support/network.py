"""A machine without a network."""

from __future__ import annotations

import socket
from typing import Any, NoReturn

import pytest

__all__ = ["refuse_network"]


def refuse_network(patch: pytest.MonkeyPatch) -> None:
    """Make every attempt to reach another host, or to look one up, a failure of the test."""

    def refuse(*arguments: Any, **options: Any) -> NoReturn:
        raise AssertionError(f"the network was used: {arguments[-1]!r}")

    for name in ("connect", "connect_ex", "sendto"):
        patch.setattr(socket.socket, name, refuse)
    for name in ("getaddrinfo", "create_connection", "gethostbyname"):
        patch.setattr(socket, name, refuse)
