"""The ways to a fake registry: clients in process, and sockets that open when they are asked for.

Rule: what isn't used isn't started, and what was started ends with `close`. The storage that blobs
are redirected to is another host on every way.
"""

from __future__ import annotations

import contextlib
import ssl
import tempfile
import threading
import time
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Final, Self, TypedDict

import httpx

from occystrap.server.doors.in_process import InProcessTransport
from occystrap.server.doors.listener import Listener, serve
from occystrap.server.doors.opening import Greet
from occystrap.server.doors.patience import Passed, Sleep, ignore
from occystrap.server.doors.tls import shared_authority
from occystrap.server.hosts import Hosts
from occystrap.server.message import Handler, Request
from pytest_occystrap.exchange import ANY_HOST, hostname

if TYPE_CHECKING:
    from occystrap.server.doors.in_process_async import AsyncInProcessTransport

__all__ = ["Reach", "Storage"]

#: Where clients come from that take every name to the same place.
_NO_ADDRESS: Final = frozenset({"", "unix"})
_BASE_URL: Final = f"https://{ANY_HOST}"


@dataclass(frozen=True, slots=True)
class Storage:
    """The host that a registry redirects to for blobs, and its name where every name leads here."""

    handler: Handler
    host: str
    #: Told of connections that begin with TLS.
    greet: Greet | None = None


class _Time(TypedDict):
    sleep: Sleep
    passed: Passed


class Reach:
    """A registry and its storage within reach, in process and over sockets."""

    def __init__(
        self,
        handler: Handler,
        storage: Storage | None,
        *,
        http2: bool = True,
        sleep: Sleep = time.sleep,
        passed: Passed = ignore,
        greet: Greet | None = None,
    ) -> None:
        self._handler = Hosts({storage.host: storage.handler}, handler) if storage else handler
        self._storage = storage
        self._http2 = http2
        #: What an answer in process waits by; sockets have but the time of this machine.
        self._time: _Time = {"sleep": sleep, "passed": passed}
        self._greet = greet
        self._open = contextlib.ExitStack()
        self._listeners: dict[str, Listener] = {}
        self._lock = threading.Lock()

    @property
    def handler(self) -> Handler:
        """What answers, for a door of one's own (`occystrap.server.doors`)."""
        return self._handler

    @cached_property
    def transport(self) -> InProcessTransport:
        """A transport for `httpx.Client(transport=...)` that needs no socket."""
        return InProcessTransport(self._handler, **self._time)

    @cached_property
    def async_transport(self) -> AsyncInProcessTransport:
        """A transport for `httpx.AsyncClient(transport=...)` that needs no socket."""
        from occystrap.server.doors.in_process_async import AsyncInProcessTransport

        return AsyncInProcessTransport(self._handler, **self._time)

    @cached_property
    def client(self) -> httpx.Client:
        """A client that reaches the registry under any host name, without a socket."""
        return self._open.enter_context(httpx.Client(transport=self.transport, base_url=_BASE_URL))

    @cached_property
    def async_client(self) -> httpx.AsyncClient:
        """An asynchronous client that reaches the registry under any host name."""
        return httpx.AsyncClient(transport=self.async_transport, base_url=_BASE_URL)

    @property
    def url(self) -> str:
        """Base URL of the plain socket, such as `http://127.0.0.1:41234`; opened on first use."""
        return self._listener("http", self._handler).url

    @property
    def host(self) -> str:
        """Where the plain socket listens, as in the name of an image: `127.0.0.1:41234`."""
        return self._listener("http", self._handler).host

    @property
    def https_url(self) -> str:
        """Base URL of the TLS socket, which offers HTTP/2, too; opened on first use."""
        return self._listener("https", self._handler).url

    @property
    def https_host(self) -> str:
        """Where the TLS socket listens, as in the name of an image."""
        return self._listener("https", self._handler).host

    @property
    def socket_path(self) -> Path:
        """Path of a unix socket; opened on first use."""
        path = self._listener("unix", self._handler).socket_path
        assert path is not None  # noqa: S101 - narrows the type
        return path

    @property
    def ca_file(self) -> Path:
        """The authority to trust on the TLS socket, as a file of PEM."""
        return shared_authority().ca_file

    @property
    def cert_dir(self) -> Path:
        """A directory with that file alone, as skopeo, podman and Docker want it."""
        return shared_authority().cert_dir

    @property
    def ssl_context(self) -> ssl.SSLContext:
        """The context of a client that trusts the TLS socket."""
        return shared_authority().client_context()

    def _listener(self, kind: str, handler: Handler) -> Listener:
        """Open a socket once; `kind` says what kind, and for what."""
        with self._lock:
            if kind not in self._listeners:
                self._listeners[kind] = self._open.enter_context(self._serve(kind, handler))
            return self._listeners[kind]

    def _serve(self, kind: str, handler: Handler) -> Listener:
        if kind == "unix":
            # Not in tmp_path: the paths of sockets have at most 107 characters.
            directory = self._open.enter_context(tempfile.TemporaryDirectory(prefix="registry-"))
            return serve(handler, Path(directory) / "socket", http2=self._http2)
        if not kind.startswith("https"):
            return serve(handler, http2=self._http2)
        tls = shared_authority().server_context(http2=self._http2)
        greet = self._greet
        if kind != "https":
            greet = None if self._storage is None else self._storage.greet
        return serve(handler, tls=tls, http2=self._http2, greet=greet)

    def _storage_url(self, request: Request, path: str) -> str:
        """Make the URL of something on the storage host, for the client that has asked.

        Over TCP it has a port and a name of its own: some clients compare the one to see whether
        a redirect leads elsewhere, some the other.
        """
        assert self._storage is not None  # noqa: S101 - else nothing is redirected
        if request.client in _NO_ADDRESS:
            return f"{request.scheme}://{self._storage.host}{path}"
        listener = self._listener(f"{request.scheme} storage", self._storage.handler)
        name = "127.0.0.1" if hostname(request.host) == "localhost" else "localhost"
        return f"{request.scheme}://{name}:{listener.host.rpartition(':')[2]}{path}"

    def close(self) -> None:
        """End every socket and client."""
        self._open.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()
