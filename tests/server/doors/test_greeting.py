"""Connections that go wrong as they begin: by who greets them, or because a listener is down."""

from __future__ import annotations

import contextlib
import errno
import socket
import ssl
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest

from occystrap.server.doors.listener import Listener, serve
from occystrap.server.doors.tls import TestAuthority
from occystrap.server.message import (
    CloseConnection,
    FailHandshake,
    Handshake,
    Headers,
    RefuseConnection,
    Response,
    Stall,
)
from tests.server.doors.scripts import Script, echo
from tests.server.doors.ways import LEFT_BY_SSL, SOCKETS, Way, ask

SHORT = 0.2
REFUSED = (None, b"", "ConnectError", "[Errno 111] Connection refused")
ANSWERED = (200, b"", "", "")


class Greeter:
    """Somebody who greets connections, or doesn't."""

    def __init__(self) -> None:
        self.clients: list[str] = []
        self.signal: Exception | None = None

    def __call__(self, client: str) -> None:
        """Greet a client."""
        self.clients.append(client)
        if self.signal is not None:
            raise self.signal


@dataclass(frozen=True, slots=True)
class Case:
    """What is raised, the classes that a client may meet, and words in what it says."""

    signal: Exception
    tls: str
    plain: str
    words_of_tls: str = ""
    timeout: float = 20


CLOSED = "RemoteProtocolError"
#: The words for it differ between the versions of Python's `ssl`.
END = "EOF"
RESET = "ReadError RemoteProtocolError WriteError"
ANSWER = ""
UNVERIFIED = "CERTIFICATE_VERIFY_FAILED"

CASES = {
    "refused": Case(RefuseConnection(), "ConnectError", f"ConnectError {RESET}"),
    "closed": Case(CloseConnection(), "ConnectError", CLOSED, END),
    "silent": Case(
        FailHandshake(Handshake.SILENT, 60.0),
        "ConnectTimeout",
        "ReadTimeout",
        "handshake operation timed out",
        SHORT,
    ),
    "silent for a moment": Case(FailHandshake(Handshake.SILENT, 0.01), "ConnectError", CLOSED, END),
    "unknown authority": Case(
        FailHandshake(Handshake.UNKNOWN_AUTHORITY),
        "ConnectError",
        ANSWER,
        f"{UNVERIFIED}] certificate verify failed: unable to get local issuer",
    ),
    "wrong name": Case(
        FailHandshake(Handshake.WRONG_NAME),
        "ConnectError",
        ANSWER,
        f"{UNVERIFIED}] certificate verify failed: IP address mismatch",
    ),
    "expired": Case(
        FailHandshake(Handshake.EXPIRED),
        "ConnectError",
        ANSWER,
        f"{UNVERIFIED}] certificate verify failed: certificate has expired",
    ),
}


@pytest.fixture(params=SOCKETS, ids=lambda way: way.name)
def way(request: pytest.FixtureRequest) -> Way:
    """A door with a socket."""
    found: Way = request.param
    return found


@pytest.fixture
def greeter() -> Greeter:
    """Somebody who greets connections."""
    return Greeter()


@pytest.fixture
def listener(way: Way, greeter: Greeter, tmp_path: Path) -> Iterator[Listener]:
    """A listener whose connections are greeted."""
    with way.listen(Script(echo), tmp_path, greeter) as made:
        yield made


@LEFT_BY_SSL
@pytest.mark.parametrize("name", CASES)
def test_what_a_client_meets(way: Way, greeter: Greeter, listener: Listener, name: str) -> None:
    """And the next client is served."""
    case = CASES[name]
    greeter.signal = case.signal
    with way.client(listener) as client:
        _, _, error, words = ask(client, timeout=case.timeout)
    assert error in ([case.tls] if way.tls else case.plain.split(" "))
    assert not way.tls or case.words_of_tls in words
    greeter.signal = None
    with way.client(listener) as client:
        assert ask(client) == ANSWERED


def test_each_connection_is_greeted_once(way: Way, greeter: Greeter, listener: Listener) -> None:
    """With the address that its requests will have."""
    for _ in range(2):
        with way.client(listener) as client:
            assert [ask(client), ask(client)] == [ANSWERED] * 2
    assert len(greeter.clients) == 2
    expected = "unix" if way.unix else "127.0.0.1:"
    assert all(client.startswith(expected) for client in greeter.clients)


def test_a_bug_of_who_greets_ends_the_connection(
    way: Way, greeter: Greeter, listener: Listener, caplog: pytest.LogCaptureFixture
) -> None:
    """The log says why."""
    greeter.signal = ZeroDivisionError()
    with way.client(listener) as client:
        assert ask(client)[0] is None
    listener.close()
    assert "ZeroDivisionError" in caplog.text


def test_a_client_that_verifies_nothing_is_served() -> None:
    """A bad certificate is the client's business."""

    def greet(_client: str) -> None:
        raise FailHandshake(Handshake.EXPIRED)

    authority = TestAuthority("127.0.0.1")
    tls, careless = authority.server_context(), authority.client_context()
    careless.check_hostname, careless.verify_mode = False, ssl.CERT_NONE
    with serve(Script(echo), tls=tls, greet=greet, authority=authority) as listener:
        assert httpx.get(listener.url, verify=careless, trust_env=False).status_code == 200
        with pytest.raises(httpx.ConnectError, match="certificate has expired"):
            httpx.get(listener.url, verify=authority.client_context(), trust_env=False)


def test_silence_ends_with_the_listener() -> None:
    """Nobody waits for it."""

    def greet(_client: str) -> None:
        raise FailHandshake(Handshake.SILENT, 3600.0)

    listener = serve(Script(echo), greet=greet)
    host, _, port = listener.host.rpartition(":")
    with socket.create_connection((host, int(port)), timeout=20) as connection:
        connection.sendall(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
        listener.close()
        # What was sent was never read, so the end may be a reset.
        with contextlib.suppress(ConnectionResetError):
            assert connection.recv(1) == b""
    assert f"listen {listener.host}" not in {thread.name for thread in threading.enumerate()}


def refuses(way: Way, listener: Listener) -> bool:
    """Say whether a client is refused; httpx forgets to close a socket of unix when it is."""
    if not way.unix:
        with way.client(listener) as client:
            return ask(client) == REFUSED
    with socket.socket(socket.AF_UNIX) as connection:
        return connection.connect_ex(str(listener.socket_path)) == errno.ECONNREFUSED


def test_a_listener_that_is_down_refuses(way: Way, listener: Listener) -> None:
    """And listens again at the same place, however often."""
    host = listener.host
    for _ in range(3):
        with listener.down():
            assert refuses(way, listener)
        with way.client(listener) as client:
            assert ask(client) == ANSWERED
    assert listener.host == host


def test_a_listener_that_is_down_has_no_connections(way: Way, listener: Listener) -> None:
    """A client that has one already is refused when it asks again, and served afterwards."""
    with way.client(listener) as client:
        assert ask(client) == ANSWERED
        with listener.down():
            assert refuses(way, listener)
            assert way.unix or ask(client) == REFUSED
        if way.unix and way.http2:
            # There httpx doesn't look whether a connection that it has kept still stands.
            assert ask(client)[2] == "WriteError"
        assert ask(client) == ANSWERED


def test_going_down_breaks_an_answer_off(way: Way, tmp_path: Path) -> None:
    """Whoever is in the middle of one loses it."""
    length = Headers({"Content-Length": "2"})
    script = Script(lambda _: Response(200, length, (b"a", Stall(3600.0), b"b")))
    with (
        way.listen(script, tmp_path) as listener,
        way.client(listener) as client,
        client.stream("GET", "/") as response,
    ):
        pieces = response.iter_raw()
        assert next(pieces) == b"a"
        with listener.down(), pytest.raises(httpx.TransportError):
            next(pieces)


def test_the_address_stays_taken(tmp_path: Path) -> None:
    """Nobody else gets it by chance while a listener is down."""
    with serve(Script(echo)) as listener, listener.down():
        others = [serve(Script(echo)) for _ in range(50)]
        assert listener.host not in {other.host for other in others}
        for other in others:
            other.close()
    with serve(Script(echo), tmp_path / "socket") as listener, listener.down():
        assert (tmp_path / "socket").is_socket()


def test_a_listener_may_be_closed_while_it_is_down(way: Way, tmp_path: Path) -> None:
    """It stays so."""
    listener = way.listen(Script(echo), tmp_path)
    with listener.down():
        listener.close()
    assert not (tmp_path / "socket").exists()
    if not way.unix:
        assert refuses(way, listener)
