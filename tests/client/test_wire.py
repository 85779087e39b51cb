"""A wire: who can't be reached, and who is gone at once."""

from __future__ import annotations

import socket
import struct
from collections.abc import Iterator

import httpx
import pytest

from occystrap.client.connection import Connection
from occystrap.client.wire import connect
from occystrap.server.doors.tls import shared_authority
from tests.support.descriptors import open_files


def test_whoever_can_not_be_reached_is_told_of() -> None:
    """In the words of the system, with its error behind."""
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))
        port = nobody.getsockname()[1]
        with pytest.raises(httpx.ConnectError, match="refused") as caught:
            connect(httpx.URL(f"http://127.0.0.1:{port}/"), None, 5)
    assert isinstance(caught.value.__cause__, ConnectionRefusedError)
    with pytest.raises(httpx.ConnectError) as caught:
        connect(httpx.URL("http://nowhere.invalid/"), None, 5)
    assert isinstance(caught.value.__cause__, socket.gaierror)


@pytest.mark.parametrize("host", ["a..b", f"{'x' * 64}.example"])
def test_a_name_that_no_host_can_have_is_an_error_like_others(host: str) -> None:
    """Names that httpx lets pass, and the system doesn't."""
    with pytest.raises(httpx.ConnectError, match="idna"):
        connect(httpx.URL(f"http://{host}/"), None, 5)


@pytest.fixture
def reset_at_once(monkeypatch: pytest.MonkeyPatch) -> Iterator[httpx.URL]:
    """The URL of somebody who resets connections before anything is done with them."""
    really_connect = socket.create_connection
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def connect_to_be_reset(address: tuple[str, int], timeout: float) -> socket.socket:
            wire = really_connect(address, timeout)
            theirs, _ = listener.accept()
            theirs.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            theirs.close()
            return wire

        monkeypatch.setattr(socket, "create_connection", connect_to_be_reset)
        yield httpx.URL(f"http://127.0.0.1:{listener.getsockname()[1]}/")


def test_a_connection_that_was_reset_at_once_is_an_error_of_its_first_request(
    reset_at_once: httpx.URL,
) -> None:
    """Nobody is at its other end any more, so there is no address of theirs to log."""
    wire = connect(reset_at_once, None, 5)
    with pytest.raises(httpx.TransportError):
        Connection(wire).ask(httpx.Request("GET", "http://registry.example/"))
    wire.close()


def test_a_connection_that_was_reset_before_tls_is_none(reset_at_once: httpx.URL) -> None:
    """Nor does it stay open, as the ssl of Python would have it."""
    before = open_files()
    with pytest.raises(httpx.ConnectError):
        connect(reset_at_once, shared_authority().client_context(), 5)
    assert open_files() == before
