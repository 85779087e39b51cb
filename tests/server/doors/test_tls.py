"""TLS: certificates, what is agreed on, and clients that expect something else."""

from __future__ import annotations

import logging
import re
import socket
import ssl
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TypeVar

import httpx
import pytest

from occystrap.errors import InvalidOption
from occystrap.server.doors import certificates, tls
from occystrap.server.doors.certificates import Issued
from occystrap.server.doors.handshakes import refusal
from occystrap.server.doors.listener import Listener, serve
from occystrap.server.doors.tls import TestAuthority, shared_authority
from occystrap.server.message import Handshake, Headers, ResetConnection, Response
from tests.server.doors.scripts import Script, body_then, echo
from tests.support.components import real_component

Result = TypeVar("Result")


def connect(listener: Listener) -> socket.socket:
    """Connect to a listener."""
    host, _, port = listener.host.rpartition(":")
    return socket.create_connection((host, int(port)), timeout=20)


def read_all(receive: Callable[[int], bytes]) -> bytes:
    """Read until the server ends the connection."""
    return b"".join(iter(lambda: receive(65536), b""))


@pytest.mark.parametrize(
    ("server", "client", "agreed"),
    [
        (True, ["h2", "http/1.1"], "h2"),
        (True, ["http/1.1"], "http/1.1"),
        (True, [], None),
        (False, ["h2", "http/1.1"], "http/1.1"),
    ],
)
def test_what_is_agreed_on(*, server: bool, client: list[str], agreed: str | None) -> None:
    """HTTP/2 if both want it."""
    context = shared_authority().client_context()
    if client:
        context.set_alpn_protocols(client)
    tls = shared_authority().server_context(http2=server)
    with (
        serve(Script(echo), tls=tls) as listener,
        connect(listener) as plain,
        context.wrap_socket(plain, server_hostname="localhost") as wrapped,
    ):
        assert wrapped.selected_alpn_protocol() == agreed


def test_a_listener_says_that_it_speaks_tls() -> None:
    """So does the request."""
    script = Script(echo)
    with serve(script, tls=shared_authority().server_context()) as listener:
        assert listener.url == f"https://{listener.host}"
        verify = shared_authority().client_context()
        assert httpx.get(listener.url, verify=verify, trust_env=False).status_code == 200
    assert script.requests[0].scheme == "https"


def test_a_client_that_knows_another_authority() -> None:
    """It refuses, and the next one is served."""
    with serve(Script(echo), tls=shared_authority().server_context()) as listener:
        with pytest.raises(httpx.ConnectError, match="CERTIFICATE_VERIFY_FAILED"):
            httpx.get(listener.url, verify=TestAuthority().client_context(), trust_env=False)
        verify = shared_authority().client_context()
        assert httpx.get(listener.url, verify=verify, trust_env=False).status_code == 200


def test_a_client_that_speaks_no_tls_is_told(caplog: pytest.LogCaptureFixture) -> None:
    """In HTTP, which it understands."""
    caplog.set_level(logging.DEBUG, "occystrap.server.doors.opening")
    with serve(Script(echo), tls=shared_authority().server_context()) as listener:
        answer = httpx.get(f"http://{listener.host}/", trust_env=False)
    assert answer.status_code == 400
    assert "https" in answer.text
    assert "speaks no TLS to a port of TLS" in caplog.text


@pytest.mark.parametrize("sent", [b"", b"\x16", b"\x16\x03\x01\x00\x05hello", b"\x16" * 1000])
def test_a_client_that_leaves_in_the_handshake(sent: bytes) -> None:
    """Nothing but an alert comes back, and the next one is served."""
    with serve(Script(echo), tls=shared_authority().server_context()) as listener:
        with connect(listener) as connection:
            connection.sendall(sent)
            connection.shutdown(socket.SHUT_WR)
            answer = read_all(connection.recv)
        assert answer == b"" or answer.startswith(b"\x15\x03")
        verify = shared_authority().client_context()
        assert httpx.get(listener.url, verify=verify, trust_env=False).status_code == 200


def wrapped_bytes(listener: Listener, request: bytes) -> bytes:
    """Talk TLS that minds whether it is ended properly."""
    context = shared_authority().client_context()
    with (
        connect(listener) as plain,
        context.wrap_socket(
            plain, server_hostname="localhost", suppress_ragged_eofs=False
        ) as wrapped,
    ):
        wrapped.sendall(request)
        return read_all(wrapped.recv)


def test_tls_ends_in_its_own_words() -> None:
    """A body that lasts until the end of the connection can be told from one that is cut."""
    with serve(
        Script(lambda _: Response(200, body=(b"abc",))), tls=shared_authority().server_context()
    ) as listener:
        answer = wrapped_bytes(listener, b"GET / HTTP/1.0\r\n\r\n")
    assert answer.endswith(b"\r\n\r\nabc")


class Answer:
    """The answer to a GET over TLS that leaves the errors of the socket as they are."""

    def __init__(self, connection: socket.socket) -> None:
        self.received = b""
        self._socket = connection
        self._incoming, self._outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        context = shared_authority().client_context()
        self._tls = context.wrap_bio(self._incoming, self._outgoing, server_hostname="localhost")
        self._patiently(self._tls.do_handshake)
        self._tls.write(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")

    def read(self) -> None:
        """Read until the end."""
        while piece := self._patiently(lambda: self._tls.read(65536)):
            self.received += piece

    def _patiently(self, step: Callable[[], Result]) -> Result:
        while True:
            try:
                return step()
            except ssl.SSLWantReadError:
                self._socket.sendall(self._outgoing.read())
                self._incoming.write(self._socket.recv(65536))


def test_a_reset_is_one_of_tcp() -> None:
    """Whatever the client's TLS makes of it: below it, the connection is reset."""
    length = Headers({"Content-Length": "9"})
    script = Script(lambda _: Response(200, length, body_then((b"abc",), ResetConnection())))
    with (
        serve(script, tls=shared_authority().server_context()) as listener,
        connect(listener) as connection,
    ):
        answer = Answer(connection)
        with pytest.raises(ConnectionResetError):
            answer.read()
    assert answer.received.endswith(b"\r\n\r\nabc")


def test_an_authority_is_made_once_and_kept() -> None:
    """Every context of it fits the others, and so do its files."""
    authority = TestAuthority("registry.test", "192.0.2.1")
    assert authority.ca_file.read_bytes().startswith(b"-----BEGIN CERTIFICATE-----")
    assert [path.name for path in authority.cert_dir.iterdir()] == ["ca.crt"]
    assert b"PRIVATE KEY" not in authority.ca_file.read_bytes()
    assert authority.ca_file.read_bytes() == authority.ca_file.read_bytes()
    assert shared_authority() is shared_authority()


def test_what_an_authority_has_made_goes_with_it() -> None:
    """Keys don't outlive their use."""
    authority = TestAuthority()
    directory = authority.cert_dir.parent
    assert directory.stat().st_mode & 0o077 == 0
    del authority
    assert not directory.exists()


@pytest.mark.parametrize("name", ["registry.test", "192.0.2.1", "::1"])
@pytest.mark.parametrize("with_trustme", [True, False])
def test_certificates_are_good_for_their_names(
    name: str, *, with_trustme: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whichever of the two has made them; and for no other."""
    if not with_trustme:
        real_component("openssl")
        monkeypatch.setitem(sys.modules, "trustme", None)
    authority = TestAuthority(name)
    with serve(Script(echo), tls=authority.server_context()) as listener:
        context = authority.client_context()
        with connect(listener) as plain, context.wrap_socket(plain, server_hostname=name):
            pass
        with connect(listener) as plain, pytest.raises(ssl.SSLCertVerificationError):
            context.wrap_socket(plain, server_hostname="other.test")


def test_nothing_that_makes_certificates(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """The message says what to install, and the way without."""
    monkeypatch.setitem(sys.modules, "trustme", None)
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(InvalidOption, match=r"trustme.*openssl.*of your own"):
        TestAuthority().server_context()


def test_an_openssl_that_fails_is_told(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """In its own words."""
    monkeypatch.setitem(sys.modules, "trustme", None)
    program = tmp_path / "openssl"
    program.write_text("#!/bin/sh\necho no entropy >&2\nexit 1\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(InvalidOption, match="no entropy"):
        TestAuthority().server_context()


MISFITS = {
    Handshake.UNKNOWN_AUTHORITY: "self-signed certificate|unable to get local issuer",
    Handshake.WRONG_NAME: "certificate is not valid for 'registry.test'",
    Handshake.EXPIRED: "certificate has expired",
}


@pytest.mark.parametrize("kind", MISFITS)
def test_certificates_that_clients_refuse(kind: Handshake, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each for its own fault, also by an authority of one's own; made once, and on no disk."""
    made: list[Handshake] = []

    def counting(names: tuple[str, ...]) -> Issued:
        issued = certificates.make(names)

        def misfit(kind: Handshake) -> bytes:
            made.append(kind)
            return issued.misfit(kind)

        return replace(issued, misfit=misfit)

    monkeypatch.setattr(tls, "make", counting)
    authority = TestAuthority("registry.test")
    assert re.search(MISFITS[kind], str(refusal(kind, "registry.test", authority)))
    refusal(kind, "registry.test", authority)
    assert made == [kind]
    files = [path for path in authority.cert_dir.parent.rglob("*") if path.is_file()]
    assert files == [authority.ca_file]


def test_no_certificate_has_the_wrong_name_for_its_own_host() -> None:
    """That host can't be refused, and is told so."""
    with pytest.raises(InvalidOption, match=r"another-host\.invalid is the name"):
        refusal(Handshake.WRONG_NAME, "another-host.invalid")


def test_openssl_makes_no_certificate_with_a_fault(monkeypatch: pytest.MonkeyPatch) -> None:
    """But one of another authority; what makes the rest is said."""
    real_component("openssl")
    monkeypatch.setitem(sys.modules, "trustme", None)
    authority = TestAuthority("registry.test")
    unknown = refusal(Handshake.UNKNOWN_AUTHORITY, "registry.test", authority)
    assert re.search(MISFITS[Handshake.UNKNOWN_AUTHORITY], str(unknown))
    for kind in (Handshake.WRONG_NAME, Handshake.EXPIRED):
        with pytest.raises(InvalidOption, match=f"{kind.value}.*trustme"):
            refusal(kind, "registry.test", authority)
