"""The commands of older versions do what the command lines of today do."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

from occystrap.commands.deprecated import TABLE
from occystrap.main import cli
from tests.support.archives import docker_save
from tests.support.console import Console, error_of
from tests.support.fake_daemon import FakeDaemon, running_fake
from tests.support.images import SampleImage

#: A command line of older versions, and that of today which does the same.
ROWS = [
    (
        "fetch-to-extracted r.example demo/image 1 new",
        "registry://r.example/demo/image:1 dir://new",
    ),
    (
        "fetch-to-extracted r.example demo/image 1 new --use-unique-names --expand",
        "registry://r.example/demo/image:1 'dir://new?unique_names=true&expand=true'",
    ),
    ("fetch-to-oci r.example demo/image 1 new", "registry://r.example/demo/image:1 oci://new"),
    (
        "fetch-to-mounts r.example demo/image 1 new",
        "registry://r.example/demo/image:1 mounts://new",
    ),
    ("fetch-to-tarfile r.example demo/image 1 new", "registry://r.example/demo/image:1 tar://new"),
    (
        "fetch-to-tarfile --normalize-timestamps r.example demo/image 1 new",
        "-f normalize-timestamps registry://r.example/demo/image:1 tar://new",
    ),
    (
        "fetch-to-tarfile --normalize-timestamps --timestamp 7 r.example demo/image 1 new",
        "-f normalize-timestamps:ts=7 registry://r.example/demo/image:1 tar://new",
    ),
    (
        "recreate-image ../shared demo/image 1 new",
        "dir://../shared?image=r.example/demo/image:1 tar://new",
    ),
    ("tarfile-to-extracted '../my image.tar' new", "'tar://../my image.tar' dir://new"),
    (
        "tarfile-to-extracted '../my image.tar' new --expand",
        "'tar://../my image.tar' dir://new?expand=true",
    ),
    ("docker-to-tarfile demo/image 1 new", "docker://demo/image:1 tar://new"),
    (
        "docker-to-tarfile --normalize-timestamps demo/image 1 new",
        "-f normalize-timestamps docker://demo/image:1 tar://new",
    ),
    ("docker-to-extracted demo/image 1 new", "docker://demo/image:1 dir://new"),
    ("docker-to-oci demo/image 1 new", "docker://demo/image:1 oci://new"),
    ("search-layers r.example demo/image 1 file*", "registry://r.example/demo/image:1 file*"),
    ("search-layers-docker demo/image 1 file-1", "docker://demo/image:1 file-1"),
    (
        "search-layers-tarfile --regex --script-friendly '../my image.tar' ^file",
        "--regex --script-friendly 'tar://../my image.tar' ^file",
    ),
]


@pytest.fixture
def environ(console: Console, image: SampleImage) -> Iterator[dict[str, str]]:
    """A machine that has the image in a tarball, a directory and a daemon."""
    around = console.directory.parent
    (around / "my image.tar").write_bytes(docker_save(image))
    console.succeed("process", "registry://r.example/demo/image:1", f"dir://{around}/shared")
    daemon = FakeDaemon()
    daemon.add("demo/image:1", image)
    with running_fake(daemon) as socket:
        yield {"DOCKER_HOST": f"unix://{socket}"}


def everything(directory: Path) -> dict[str, bytes | None]:
    """Read all files of a directory."""
    return {
        str(path.relative_to(directory)): path.read_bytes() if path.is_file() else None
        for path in directory.rglob("*")
    }


@pytest.mark.parametrize(("old", "today"), ROWS, ids=[old for old, _ in ROWS])
def test_it_is_the_command_line_of_today(
    console: Console,
    environ: dict[str, str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    old: str,
    today: str,
) -> None:
    """What is written and what is printed are the same; a warning is on standard error."""
    words = shlex.split(old)
    result = console.succeed(*words, environ=environ)
    warning, *said = result.stderr.splitlines()
    assert warning == f"DeprecationWarning: The command {words[0]!r} is deprecated."
    command = TABLE[words[0]].today.split()[0]
    assert command == "search" or "verified OK" in said[-1]
    (tmp_path / "other").mkdir()
    monkeypatch.chdir(tmp_path / "other")
    now = console.succeed(command, *shlex.split(today), environ=environ)
    assert result.stdout == now.stdout
    assert bool(result.stdout) == (command == "search")
    assert everything(console.directory) == everything(tmp_path / "other")


def test_the_table_is_whole() -> None:
    """Each command is tried here, is in the help, and isn't offered by a shell."""
    assert {old.split()[0] for old, _ in ROWS} == TABLE.keys()
    with click.Context(cli, info_name="occystrap", **cli.context_settings) as ctx:
        offered = set(cli.list_commands(ctx))
        text = cli.get_help(ctx).partition("\nDeprecated:\n")[2]
    assert offered.isdisjoint(TABLE)
    for name, deprecated in TABLE.items():
        assert f"  {name} " in text
        assert deprecated.today in text


def test_the_page_has_the_table() -> None:
    """docs/command-line.md has a row for each, and no other."""
    page = Path(__file__).resolve().parents[2] / "docs/command-line.md"
    section = page.read_text().partition("\n## Deprecated commands\n")[2].partition("\n## ")[0]
    rows = dict(re.findall(r"^\| `([a-z].*)` \| `(.*)` \|$", section, re.MULTILINE))
    assert rows == {f"{name} {old.arguments}": old.today for name, old in TABLE.items()}


def test_a_socket_and_global_options(console: Console, image: SampleImage) -> None:
    """The socket of a daemon is named as it was; all global options are known."""
    daemon = FakeDaemon()
    daemon.add("localhost:5000/demo/image:1", image)
    words = ["docker-to-tarfile", "localhost:5000/demo/image", "1", "localhost/new.tar"]
    (console.directory / "localhost").mkdir()
    with running_fake(daemon) as socket:
        assert console.report(*words, "--socket", str(socket), "--no-verify")["verify"] is None
    assert "localhost/new.tar" in console.files()


def test_an_image_by_digest(console: Console, environ: dict[str, str]) -> None:
    """In place of the tag, as the public tool took it."""
    found = console.succeed("digest", "registry://r.example/demo/image:1").stdout.strip()
    console.succeed("fetch-to-tarfile", "r.example", "demo/image", found, "new.tar")
    assert console.files() == {"new.tar"}


def test_what_goes_wrong(console: Console) -> None:
    """It is an error as with the command of today, without what may be a password."""
    words = ["fetch-to-oci", "alice:hush@r.example", "demo/image", "2", "new"]
    result = console.run(*words)
    assert "404 Not Found" in error_of(result)
    assert "hush" not in result.output
    assert console.files() == set()
    assert "takes REGISTRY and IMAGE and TAG and PATH" in error_of(console.run(*words, "x"), 2)
