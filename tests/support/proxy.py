"""A proxy on the loopback: CONNECT for TLS, absolute URLs for plain HTTP."""

from __future__ import annotations

import base64
import contextlib
import select
import socket
import socketserver
import threading
from collections.abc import Iterator

__all__ = ["Proxy", "running_proxy"]


class Proxy(socketserver.ThreadingTCPServer):
    """Takes everything to one place, whatever host is asked for; `seen` lists what was asked.

    With a `login` (`user:password`) it lets in only who has it.
    """

    daemon_threads = True

    def __init__(self, target: tuple[str, int], login: str = "") -> None:
        super().__init__(("127.0.0.1", 0), _Connection)
        self.target = target
        self.login = base64.b64encode(login.encode()).decode()
        self.seen: list[str] = []

    @property
    def host(self) -> str:
        """Where it listens."""
        return f"127.0.0.1:{self.server_address[1]}"


class _Connection(socketserver.BaseRequestHandler):
    @property
    def _proxy(self) -> Proxy:
        assert isinstance(self.server, Proxy)
        return self.server

    def handle(self) -> None:
        """Read the head of the first request, and connect the two ends."""
        with contextlib.suppress(OSError):
            head = self._head()
            line = head.partition(b"\r\n")[0].decode()
            self._proxy.seen.append(line.rpartition(" ")[0])
            if self._proxy.login and self._proxy.login.encode() not in head:
                self.request.sendall(b"HTTP/1.1 407 Proxy Authentication Required\r\n\r\n")
                return
            with socket.create_connection(self._proxy.target) as there:
                if line.startswith("CONNECT "):
                    self.request.sendall(b"HTTP/1.1 200 Connection established\r\n\r\n")
                else:
                    there.sendall(head)
                self._carry(there)

    def _head(self) -> bytes:
        head = b""
        while b"\r\n\r\n" not in head:
            head += self.request.recv(65536)
        return head

    def _carry(self, there: socket.socket) -> None:
        other = {self.request: there, there: self.request}
        while True:
            for ready in select.select(list(other), [], [])[0]:
                data = ready.recv(65536)
                if not data:
                    return
                other[ready].sendall(data)


@contextlib.contextmanager
def running_proxy(target: str, login: str = "") -> Iterator[Proxy]:
    """Run a proxy that takes everything to `host:port`."""
    host, _, port = target.rpartition(":")
    with Proxy((host, int(port)), login) as proxy:
        thread = threading.Thread(target=proxy.serve_forever, args=(0.02,))
        thread.start()
        try:
            yield proxy
        finally:
            proxy.shutdown()
            thread.join()
