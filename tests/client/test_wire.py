"""A wire: who can't be reached, and who is gone at once."""

from __future__ import annotations

import socket
import struct

import httpx
import pytest

from occystrap.client.connection import Connection
from occystrap.client.wire import connect


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


def test_a_connection_that_was_reset_at_once_is_an_error_of_its_first_request(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Nobody is at its other end any more, so there is no address of theirs to log."""
    really_connect = socket.create_connection
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def connect_to_be_reset(address: tuple[str, int], timeout: float) -> socket.socket:
            wire = really_connect(address, timeout)
            theirs, _ = listener.accept()
            theirs.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            theirs.close()
            return wire

        monkeypatch.setattr(socket, "create_connection", connect_to_be_reset)
        port = listener.getsockname()[1]
        wire = connect(httpx.URL(f"http://127.0.0.1:{port}/"), None, 5)
        with pytest.raises(httpx.TransportError):
            Connection(wire).ask(httpx.Request("GET", "http://registry.example/"))
        wire.close()
