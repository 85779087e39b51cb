"""W-30: the clients that are made because none was given are closed, however a run ends."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click
import httpx
import pytest

from occystrap import util
from occystrap.main import cli
from occystrap.quay import resolve_quay_uri
from occystrap.server.doors.in_process import InProcessTransport
from tests.support.archives import docker_save
from tests.support.console import Shelf
from tests.support.fake_daemon import FakeDaemon, running_fake
from tests.support.images import file, layer, make_image
from tests.support.network import refuse_network
from tests.support.quay import Quay
from tests.support.schemes import SOURCES, TARGETS

IMAGE = make_image(*(layer(file(f"file-{n}", bytes([n]) * 1000)) for n in range(3)))


@pytest.fixture(autouse=True)
def no_network(monkeypatch: pytest.MonkeyPatch) -> None:
    """Refuse every socket but those of this machine: they are the daemon's."""
    refuse_network(monkeypatch, but_itself=True)


@pytest.fixture(autouse=True)
def daemon(monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeDaemon]:
    """A daemon that has the image, where DOCKER_HOST says."""
    daemon = FakeDaemon()
    daemon.add("demo/image:1", IMAGE)
    with running_fake(daemon) as socket:
        monkeypatch.setenv("DOCKER_HOST", f"unix://{socket}")
        yield daemon


@pytest.fixture
def shelf() -> Shelf:
    """A registry that has an image, and an index of it."""
    shelf = Shelf()
    shelf.put("demo/image", "1", IMAGE)
    shelf.put_all("demo/image", "all", {"linux/amd64": IMAGE})
    return shelf


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A directory with a tarball in it."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "source.tar").write_bytes(docker_save(IMAGE))
    return tmp_path


ENDINGS: dict[str, tuple[BaseException, type[BaseException]]] = {
    "a broken connection": (httpx.ReadError("reset"), click.ClickException),
    "a bug": (ZeroDivisionError(), click.ClickException),
    "Ctrl-C": (KeyboardInterrupt(), click.Abort),
    "SIGTERM": (SystemExit(143), SystemExit),
}


@pytest.fixture
def own_clients(monkeypatch: pytest.MonkeyPatch) -> list[httpx.Client]:
    """The clients that are made because none was given."""
    made: list[httpx.Client] = []
    create = util.create_client

    def make(*arguments: Any, **options: Any) -> httpx.Client:
        made.append(create(*arguments, **options))
        return made[-1]

    monkeypatch.setattr("occystrap.client.session.create_client", make)
    monkeypatch.setattr(util, "create_client", make)
    return made


@pytest.mark.parametrize(("raised", "ending"), ENDINGS.values(), ids=ENDINGS)
@pytest.mark.parametrize("target", TARGETS.values(), ids=TARGETS)
def test_our_own_clients_are_closed_however_it_ends(
    own_clients: list[httpx.Client],
    monkeypatch: pytest.MonkeyPatch,
    target: str,
    raised: BaseException,
    ending: type[BaseException],
) -> None:
    """W-30: an error of the wire, a bug, Ctrl-C and SIGTERM alike."""

    def end(*arguments: Any) -> httpx.Response:
        raise raised

    monkeypatch.setattr(httpx.HTTPTransport, "handle_request", end)
    arguments = ["--retries", "0", "process", SOURCES["registry"], target]
    with pytest.raises(ending):
        cli.main(arguments, prog_name="occystrap", standalone_mode=False)
    assert own_clients
    assert all(client.is_closed for client in own_clients)


def test_our_own_clients_are_closed_when_all_went_well(
    own_clients: list[httpx.Client], monkeypatch: pytest.MonkeyPatch, shelf: Shelf
) -> None:
    """W-30: a move, a look at a Quay and a single request."""
    transport = InProcessTransport(shelf.registry)
    monkeypatch.setattr(
        httpx.HTTPTransport, "handle_request", lambda _, request: transport.handle_request(request)
    )
    arguments = ["process", SOURCES["registry"], f"{TARGETS['registry']}?skip_verify=true"]
    cli.main(arguments, prog_name="occystrap", standalone_mode=False)
    assert len(own_clients) == 2  # the two ends trust different certificates
    util.request_url("GET", "https://registry.example/v2/")
    quay = Quay({"app": {"latest": 1}})
    monkeypatch.setattr(httpx.HTTPTransport, "handle_request", lambda _, request: quay(request))
    assert resolve_quay_uri("quay://acme", max_workers=2)
    assert len(own_clients) == 4
    assert all(client.is_closed for client in own_clients)
