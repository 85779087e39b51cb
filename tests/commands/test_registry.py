"""`occystrap registry serve`, run as people run it."""

from __future__ import annotations

import json
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest
from click.testing import CliRunner

from occystrap.commands.registry import registry
from occystrap.main import cli
from occystrap.oci.digest import Digest
from occystrap.oci.media_types import OCI_INDEX, OCI_MANIFEST
from occystrap.server.doors.listener import serve
from occystrap.server.registry import Registry
from tests.support.serving import SERVE, running
from tests.support.wire import Wire

STOPS = [signal.SIGINT, signal.SIGTERM]


@contextmanager
def reached(url: str) -> Iterator[Wire]:
    """Reach a registry."""
    with httpx.Client(base_url=url, trust_env=False) as client:
        yield Wire(client)


@pytest.mark.parametrize("stop", STOPS)
def test_it_serves_until_it_is_told_to_stop(stop: signal.Signals) -> None:
    """Either signal ends it at once, cleanly, even with a connection open."""
    with running() as (process, url), httpx.Client(base_url=url, trust_env=False) as client:
        assert client.get("/v2/").status_code == 200
        process.send_signal(stop)
        output, errors = process.communicate(timeout=20)
        assert process.returncode == 0
        assert errors == ""
        assert "Traceback" not in output


def test_images_outlive_it_in_a_directory(tmp_path: Path) -> None:
    """What one run took, the next one has; the directory is made on the way."""
    directory = str(tmp_path / "new/images")
    with running("--dir", directory) as (_, url), reached(url) as wire:
        manifest = wire.put_image("a/b", "v1", b"layer")
    with running("--dir", directory) as (_, url), reached(url) as wire:
        assert wire.get_manifest("a/b", "v1").content == manifest
        assert wire.get_blob("a/b", Digest.of(b"layer")).content == b"layer"


@pytest.mark.parametrize(("options", "status"), [(["--sparse"], 201), ([], 404)])
def test_sparse_manifests_come_in_if_wanted(options: list[str], status: int) -> None:
    """An index whose only image isn't there."""
    absent = {"mediaType": OCI_MANIFEST, "digest": str(Digest.of(b"absent")), "size": 6}
    index = {"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": [absent]}
    with running(*options) as (_, url), reached(url) as wire:
        response = wire.put_manifest("a/b", "v1", json.dumps(index).encode(), OCI_INDEX)
        assert response.status_code == status


def test_it_says_where_images_are_kept(tmp_path: Path) -> None:
    """So that nobody loses them by surprise."""
    for options, where in (([], "in memory"), (["--dir", str(tmp_path)], f"in {tmp_path}")):
        with subprocess.Popen([*SERVE, *options], stdout=subprocess.PIPE, text=True) as process:
            assert process.stdout is not None
            assert where in process.stdout.readline()
            process.send_signal(signal.SIGINT)
            assert process.wait(20) == 0


def refused(*options: str) -> str:
    """Run it with options that it can't serve with; return the one line that it says."""
    result = CliRunner().invoke(cli, ["registry", "serve", *options])
    assert result.exit_code == 1, result.output
    (line,) = result.output.splitlines()
    assert line.startswith("Error: ")
    return line


def test_an_address_in_use_is_one_line() -> None:
    """It names the address, the reason and the way out."""
    with serve(Registry()) as listener:
        line = refused("--listen", listener.host)
    assert listener.host in line
    assert "Address already in use" in line
    assert "--listen" in line


@pytest.mark.parametrize("address", ["5000", "localhost", ":5000", "127.0.0.1:http", "::1:5000"])
def test_what_is_no_address_is_one_line(address: str) -> None:
    """It shows how an address is written."""
    line = refused("--listen", address)
    assert address in line
    assert "127.0.0.1:5000" in line


def test_a_host_that_does_not_exist_is_one_line() -> None:
    """Names under .invalid never do."""
    assert "host.invalid:5000" in refused("--listen", "host.invalid:5000")


def test_a_directory_that_can_not_be_is_one_line(tmp_path: Path) -> None:
    """Such as one inside a file."""
    (tmp_path / "file").touch()
    line = refused("--listen", "127.0.0.1:0", "--dir", str(tmp_path / "file/images"))
    assert "file/images" in line
    assert "Not a directory" in line


def test_the_help_has_an_example() -> None:
    """And every option."""
    result = CliRunner().invoke(registry, ["serve", "--help"])
    assert result.exit_code == 0
    for expected in ("--listen", "--dir", "127.0.0.1:5000", "occystrap registry serve"):
        assert expected in result.output
