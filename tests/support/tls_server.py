"""A TLS server that speaks HTTP/2 or HTTP/1.1, whichever ALPN agrees on."""

from __future__ import annotations

import contextlib
import socketserver
import ssl
import threading
from collections.abc import Callable, Iterator
from typing import Any

import h2.config
import h2.connection
import h2.events
import h11
import trustme

from occystrap.server.message import Handler, Headers, Request, Response, split_target

__all__ = ["TlsServer", "tls_server"]

_RECEIVE = 65536


class TlsServer(socketserver.ThreadingTCPServer):
    """Puts a handler behind TLS; `seen` lists protocol, method and path of each request.

    `connections` counts them by protocol. Bodies fit into the first window of HTTP/2.
    """

    daemon_threads = True

    def __init__(self, handler: Handler, context: ssl.SSLContext) -> None:
        super().__init__(("127.0.0.1", 0), _Connection)
        self.handler = handler
        self.context = context
        self.lock = threading.Lock()
        self.seen: list[tuple[str, str, str]] = []
        self.connections: dict[str, int] = {}

    @property
    def host(self) -> str:
        """Where it listens, by a name that its certificate has."""
        return f"localhost:{self.server_address[1]}"

    def answer(self, protocol: str, request: Request) -> Response:
        """Note a request and answer it."""
        with self.lock:
            self.seen.append((protocol, request.method, request.path))
        return self.handler.handle(request)


class _Connection(socketserver.BaseRequestHandler):
    @property
    def _tls_server(self) -> TlsServer:
        assert isinstance(self.server, TlsServer)
        return self.server

    def handle(self) -> None:
        """Agree on a protocol, and speak it to the end."""
        with (
            contextlib.suppress(OSError),
            self._tls_server.context.wrap_socket(self.request, server_side=True) as tls,
        ):
            protocol = tls.selected_alpn_protocol() or "none"
            with self._tls_server.lock:
                count = self._tls_server.connections.get(protocol, 0)
                self._tls_server.connections[protocol] = count + 1
            (self._http2 if protocol == "h2" else self._http1)(tls)

    def _http2(self, tls: ssl.SSLSocket) -> None:
        config = h2.config.H2Configuration(client_side=False, header_encoding="utf-8")
        connection = h2.connection.H2Connection(config)
        connection.initiate_connection()
        heads: dict[int, dict[str, str]] = {}
        tls.sendall(connection.data_to_send())
        while data := tls.recv(_RECEIVE):
            for event in connection.receive_data(data):
                if isinstance(event, h2.events.RequestReceived):
                    heads[event.stream_id] = {str(k): str(v) for k, v in event.headers}
                elif isinstance(event, h2.events.StreamEnded):
                    self._answer_http2(connection, event.stream_id, heads.pop(event.stream_id))
            tls.sendall(connection.data_to_send())

    def _answer_http2(
        self, connection: h2.connection.H2Connection, stream: int, head: dict[str, str]
    ) -> None:
        fields = [(name, value) for name, value in head.items() if not name.startswith(":")]
        path, query = split_target(head[":path"])
        request = Request(head[":method"], path, query, Headers(fields), host=head[":authority"])
        with contextlib.closing(self._tls_server.answer("h2", request)) as response:
            body = b"" if request.method == "HEAD" else b"".join(response.body)
        pairs = [(name.lower(), value) for name, value in response.headers]
        connection.send_headers(stream, [(":status", str(response.status)), *pairs])
        connection.send_data(stream, body, end_stream=True)

    def _http1(self, tls: ssl.SSLSocket) -> None:
        connection = h11.Connection(h11.SERVER)
        while True:
            event = self._next(connection, tls)
            if not isinstance(event, h11.Request):
                return
            body = bytearray()
            while isinstance(data := self._next(connection, tls), h11.Data):
                body += data.data
            self._answer_http1(connection, tls, event, bytes(body))
            if connection.our_state is not h11.DONE:
                return
            connection.start_next_cycle()

    def _next(self, connection: h11.Connection, tls: ssl.SSLSocket) -> Any:
        while (event := connection.next_event()) is h11.NEED_DATA:
            connection.receive_data(tls.recv(_RECEIVE))
        return event

    def _answer_http1(
        self, connection: h11.Connection, tls: ssl.SSLSocket, head: h11.Request, body: bytes
    ) -> None:
        fields = Headers([(name.decode(), value.decode()) for name, value in head.headers])
        path, query = split_target(head.target.decode())
        method, host = head.method.decode(), fields.get("Host") or ""
        request = Request(method, path, query, fields, [body], host=host)
        with contextlib.closing(self._tls_server.answer("http/1.1", request)) as response:
            content = b"" if method == "HEAD" else b"".join(response.body)
        for event in (
            h11.Response(status_code=response.status, headers=list(response.headers)),
            h11.Data(data=content),
            h11.EndOfMessage(),
        ):
            tls.sendall(connection.send(event) or b"")


@contextlib.contextmanager
def tls_server(
    handler: Handler,
    authority: trustme.CA,
    *,
    protocols: tuple[str, ...] = ("h2", "http/1.1"),
    prepare: Callable[[ssl.SSLContext], None] = lambda _: None,
) -> Iterator[TlsServer]:
    """Serve a handler at a free port of the loopback, as `localhost`."""
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    authority.issue_cert("localhost").configure_cert(context)
    context.set_alpn_protocols(list(protocols))
    prepare(context)
    with TlsServer(handler, context) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.02,))
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()
            thread.join()
