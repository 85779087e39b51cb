"""Getting hold of a daemon: its socket, and what keeps one from it."""

from __future__ import annotations

import os
import socket
from pathlib import Path
from typing import Any

import pytest
import requests_unixsocket

from occystrap.daemon import Daemon
from occystrap.errors import DaemonError
from occystrap.server.doors.listener import serve
from occystrap.server.message import Headers, Request, Response
from tests.support.fake_daemon import FakeDaemon, running_fake
from tests.support.images import SampleImage

NAME = "example/app:1"


def test_no_socket(tmp_path: Path) -> None:
    """The error says what to do, and names other sockets."""
    with pytest.raises(DaemonError) as error:
        Daemon(tmp_path / "none").find(NAME)
    assert error.value.status == 0
    for piece in (str(tmp_path / "none"), "No such file", "is the daemon running?", "DOCKER_HOST"):
        assert piece in str(error.value)


def test_nobody_listens() -> None:
    """A daemon that has ended leaves its socket behind."""
    with running_fake(FakeDaemon()) as path:
        left = f"{path}.left"
        with socket.socket(socket.AF_UNIX) as bound:
            bound.bind(left)
        with pytest.raises(DaemonError, match=r"Connection refused \(the daemon has gone"):
            Daemon(left).find(NAME)


def test_a_daemon_that_has_gone(fake: FakeDaemon) -> None:
    """It is missed at the next request, and no socket is left open for it."""
    with running_fake(fake) as path:
        daemon = Daemon(path)
        assert daemon.find(NAME) is not None
    with pytest.raises(DaemonError, match="can't reach a container daemon") as error:
        daemon.find(NAME)
    assert error.value.status == 0
    daemon.close()


def test_no_permission(monkeypatch: pytest.MonkeyPatch) -> None:
    """The error says who may use a socket."""

    def refuse(self: object, path: object) -> None:
        raise PermissionError(13, os.strerror(13))

    monkeypatch.setattr(socket.socket, "connect", refuse)
    with pytest.raises(DaemonError, match=r"Permission denied \(.*join the group"):
        Daemon("/var/run/docker.sock").find(NAME)


def test_a_path_that_no_socket_can_have() -> None:
    """It is too long for the system."""
    with pytest.raises(DaemonError, match="AF_UNIX path too long"):
        Daemon("/" + "x" * 200).find(NAME)


def test_a_daemon_that_is_silent(fake: FakeDaemon) -> None:
    """What needs no work is waited for so long, and no longer."""

    def silent(request: Request, act: Any) -> Response:
        return Response(200, Headers({"Content-Length": "2"}), [b"{}"], delay=30)

    fake.tricks["find"] = [silent]
    with running_fake(fake) as path:
        daemon = Daemon(path, patience=0.05)
        with pytest.raises(DaemonError, match=r"broke off .*timed out"):
            daemon.find(NAME)
        daemon.close()


def test_a_session_that_was_handed_in_stays_open(fake: FakeDaemon, tmp_path: Path) -> None:
    """Everything goes through it."""
    asked: list[str] = []

    class Session(requests_unixsocket.Session):  # type: ignore[misc]
        def request(self, method: str, url: str, *args: Any, **options: Any) -> Any:
            asked.append(method)
            return super().request(method, url, *args, **options)

        def close(self) -> None:
            asked.append("close")
            super().close()

    with running_fake(fake) as path, Session() as session:
        daemon = Daemon(path, session=session)
        assert daemon.find(NAME) is not None
        daemon.close()
        assert asked == ["GET"]


def test_proxies_have_no_say(
    fake: FakeDaemon, monkeypatch: pytest.MonkeyPatch, image: SampleImage
) -> None:
    """A socket is on this machine, whatever the environment says of a network."""
    for name in ("http_proxy", "all_proxy", "http+unix_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    with running_fake(fake) as path:
        daemon = Daemon(path)
        assert daemon.find(NAME) is not None
        daemon.close()


def test_paths_of_sockets_may_hold_anything(fake: FakeDaemon, tmp_path: Path) -> None:
    """Spaces, and what means something in a URL."""
    with running_fake(fake) as path:
        odd = Path(path).with_name("a b%2F?c#d")
        with serve(fake, odd, http2=False):
            daemon = Daemon(odd)
            assert daemon.find(NAME) is not None
            daemon.close()
