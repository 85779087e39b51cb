"""Nothing leaves the machine: what would is refused with a message that says what was tried.

Rule: sockets and look-ups of this process are refused where they begin, and the processes that it
starts find a proxy that refuses. Loopback addresses and unix sockets stay as they are.
"""

from __future__ import annotations

import contextlib
import inspect
import ipaddress
import os
import socket
import subprocess
import threading
from collections.abc import Callable, Iterator
from typing import Any, Final, final

import pytest

from occystrap.oci.redaction import redact_url
from occystrap.server.doors.listener import serve
from occystrap.server.message import Handler, Headers, Request, Response
from pytest_occystrap.exchange import hostname

__all__ = ["Guard", "NetworkRefused", "stays_here"]

_PROXY_NAMES: Final = ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY")
_DIRECT: Final = "localhost,127.0.0.1,::1,127.0.0.0/8"
_LOOK_UPS: Final = ("getaddrinfo", "gethostbyname", "gethostbyname_ex", "gethostbyaddr")
_INTERNET: Final = frozenset({socket.AF_INET, socket.AF_INET6})


class NetworkRefused(AssertionError):
    """Code under test wanted to leave the machine."""


@final
class Guard:
    """Refuses what would leave the machine; `attempts` lists what was tried.

    `explain` adds to a message what can be done about a host; `near` answers for hosts that stay
    here in the place of a proxy.
    """

    def __init__(
        self, explain: Callable[[str], str], near: Callable[[str], Handler | None]
    ) -> None:
        self.attempts: list[str] = []
        self._explain = explain
        self._near = near
        self._lock = threading.Lock()

    @contextlib.contextmanager
    def active(self) -> Iterator[None]:
        """Refuse, as long as the block lasts."""
        with serve(self) as proxy, pytest.MonkeyPatch.context() as patch:
            for name in _LOOK_UPS:
                patch.setattr(socket, name, self._checked_look_up(getattr(socket, name)))
            for name in ("connect", "connect_ex", "sendto", "sendmsg"):
                patch.setattr(socket.socket, name, self._checked_send(name))
            patch.setattr(subprocess.Popen, "__init__", _with_proxy(proxy.url))
            yield

    def refusal(self, what: str, host: str) -> str:
        """Write down an attempt, and say what is wrong with it."""
        with self._lock:
            self.attempts.append(what)
        return f"the test wanted to leave the machine: {what}; {self._explain(host)}"

    def _checked_look_up(self, function: Callable[..., Any]) -> Callable[..., Any]:
        def look_up(host: str | bytes | None, *args: Any, **kwargs: Any) -> Any:
            name = host.decode("ascii", "replace") if isinstance(host, bytes) else host or ""
            if not stays_here(name) and not _is_address(name):
                raise NetworkRefused(self.refusal(f"look up {name}", name))
            return function(host, *args, **kwargs)

        return look_up

    def _checked_send(self, name: str) -> Callable[..., Any]:
        function = getattr(socket.socket, name)

        def send(connection: socket.socket, *args: Any) -> Any:
            address = args[-1] if args else None
            if connection.family in _INTERNET and isinstance(address, tuple):
                host, port = str(address[0]), address[1]
                if not stays_here(host):
                    verb = "connect to" if name.startswith("connect") else "send to"
                    raise NetworkRefused(self.refusal(f"{verb} {host} port {port}", host))
            return function(connection, *args)

        return send

    def handle(self, request: Request) -> Response:
        """Answer a process that takes this for its proxy."""
        host = request.path if request.method == "CONNECT" else request.host
        near = self._near(hostname(host))
        if near is not None and request.method != "CONNECT":
            return near.handle(request)
        path = "" if request.method == "CONNECT" else request.path
        url = redact_url(f"http://{host}{path}")
        shown = url if path else url.removeprefix("http://")
        what = f"{request.method} {shown} by another process"
        body = f"{self.refusal(what, hostname(host))}\n".encode()
        fields = {"Content-Type": "text/plain; charset=utf-8", "Content-Length": str(len(body))}
        return Response(403, Headers({**fields, "Connection": "close"}), (body,))


def stays_here(host: str) -> bool:
    """Tell whether a host is this machine."""
    if host in ("", "localhost", socket.gethostname()) or host.endswith(".localhost"):
        return True
    if not _is_address(host):
        return False
    address = ipaddress.ip_address(host.partition("%")[0])
    mapped = getattr(address, "ipv4_mapped", None) or address
    return bool(mapped.is_loopback or mapped.is_unspecified)


def _is_address(host: str) -> bool:
    try:
        ipaddress.ip_address(host.partition("%")[0])
    except ValueError:
        return False
    return True


def _with_proxy(url: str) -> Callable[..., None]:
    """Make a constructor of Popen that puts the proxy into every environment."""
    function = subprocess.Popen.__init__
    signature = inspect.signature(function)
    variables = {
        **{name: url for upper in _PROXY_NAMES for name in (upper, upper.lower())},
        "NO_PROXY": _DIRECT,
        "no_proxy": _DIRECT,
    }

    def construct(*args: Any, **kwargs: Any) -> None:
        call = signature.bind(*args, **kwargs)
        given = call.arguments.get("env")
        call.arguments["env"] = {**(os.environ if given is None else given), **variables}
        function(*call.args, **call.kwargs)

    return construct
