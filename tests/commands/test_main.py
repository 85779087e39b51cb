"""The door of the command line: help, mistyped commands, faults of our own."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

import occystrap
from occystrap.main import cli
from occystrap.server.message import Request, Response
from tests.support.archives import docker_save
from tests.support.console import Console, error_of
from tests.support.images import SampleImage, file, layer, make_image

COMMANDS = set(cli.list_commands(click.Context(cli, **cli.context_settings)))
PULL = ("process", "registry://r.example/demo/image:1", "tar://new.tar")
OCCYSTRAP = (sys.executable, "-m", "occystrap")
#: What takes longer to import than anything that is only looked up should take.
HEAVY = {"httpx", "requests", "rich", "ssl", "zstandard", "isal", "h11"}


def imported_by(*arguments: str) -> set[str]:
    """Run the command and list the modules that it imports."""
    command = [sys.executable, "-X", "importtime", *OCCYSTRAP[1:], *arguments]
    ended = subprocess.run(command, capture_output=True, text=True, check=True)
    lines = ended.stderr.splitlines()
    return {line.rpartition("|")[2].strip() for line in lines if line.startswith("import time:")}


@pytest.mark.parametrize(
    "arguments", [["--version"], ["--help"], ["process", "--help"]], ids=" ".join
)
def test_looking_something_up_is_cheap(arguments: list[str]) -> None:
    """Neither HTTP nor bars nor what moves images is imported."""
    modules = imported_by(*arguments)
    assert "occystrap.main" in modules
    assert modules & (HEAVY | {"occystrap.pipeline", "occystrap.move", "occystrap.client"}) == set()
    if "process" not in arguments:
        assert not any(name.startswith("occystrap.commands.process") for name in modules)


def test_moving_an_image_imports_no_second_command_line(tmp_path: Path) -> None:
    """Neither that of httpx, with all of rich and pygments, nor the daemons' client."""
    archive = tmp_path / "image.tar"
    archive.write_bytes(docker_save(make_image(layer(file("a")))))
    modules = imported_by("process", f"tar://{archive}", f"ocidir://{tmp_path / 'layout'}")
    assert "httpx._client" in modules
    assert modules & {"rich", "pygments", "requests"} == set()


def test_the_version(console: Console) -> None:
    """It is that of the package."""
    assert console.succeed("--version").stdout == f"occystrap, version {occystrap.__version__}\n"


@pytest.mark.parametrize("flag", ["--help", "-h"])
def test_the_help_lists_all_commands(console: Console, flag: str) -> None:
    """Each with what it does, and the whole has examples."""
    shown = console.succeed(flag).stdout
    with click.Context(cli) as ctx:
        for name in cli.list_commands(ctx):
            command = cli.get_command(ctx, name)
            assert command is not None
            assert f"\n  {name} " in shown
            assert f"Usage: occystrap {name} " in console.succeed(name, flag).stdout
    assert (
        "occystrap process registry://docker.io/library/busybox:latest tar://busybox.tar" in shown
    )


def test_the_help_of_process_tells_the_grammar(console: Console) -> None:
    """Schemes, the options of each side, and examples that can be typed."""
    shown = console.succeed("process", "--help").stdout
    for piece in (
        "registry://",
        "tar://",
        "docker://",
        "dockerpush://",
        "socket=",
        "platform=all",
        "compression=",
        "insecure=true",
        "docker load",
    ):
        assert piece in shown


def test_no_command_shows_the_help(console: Console) -> None:
    """On standard error, as a usage error."""
    result = console.run()
    assert result.exit_code == 2
    assert result.stdout == ""
    assert "Commands:" in result.stderr


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["proces", "a", "b"], "no such command 'proces'; did you mean 'process'?"),
        (["fly"], f"no such command; there is: {', '.join(sorted(COMMANDS))}"),
        (["registry://alice:hush@r.example/demo", "tar://a.tar"], "the name of a command"),
        (["registry:alice:hush@r.example/demo", "tar://a.tar"], "the name of a command"),
        (["tar:a.tar", "tar:b.tar"], "the name of a command"),
        (["hush-hush-hush"], f"no such command; there is: {', '.join(sorted(COMMANDS))}"),
        ([*PULL, "registry://alice:hush@r.example/demo"], "process takes SOURCE and DESTINATION"),
        (["process", *PULL[1:], "--retries"], "Option '--retries' requires an argument"),
        (["process", *PULL[1:], "-j"], "Option '-j' requires an argument"),
        (["process", "--colour", *PULL[1:]], "No such option '--colour'"),
        (["process", "--retrys", "5", *PULL[1:]], "'--retries'"),
        (["--colour", *PULL], "No such option '--colour'"),
        (["process"], "Missing argument 'SOURCE'"),
        (["process", "tar://a.tar"], "Missing argument 'DESTINATION'"),
    ],
)
def test_a_mistyped_command_line(console: Console, arguments: list[str], said: str) -> None:
    """Exit code 2, what would have been right, and nothing that may be a password."""
    result = console.run(*arguments)
    assert said in error_of(result, 2).replace("No such option:", "No such option")
    assert "hush" not in result.output


class Broken:
    """A handler with a bug, whose error holds a secret."""

    def handle(self, request: Request) -> Response:
        """Break down."""
        raise LookupError("hush")


def test_a_fault_of_our_own_is_one_line(console: Console) -> None:
    """It says what and where, for the report; not the text, which may hold anything."""
    console.handler = Broken()
    result = console.run(*PULL)
    said = error_of(result)
    assert said.startswith("internal error: LookupError in tests.commands.test_main, line ")
    assert "--debug" in said
    assert "hush" not in result.output
    assert console.files() == set()


def test_a_fault_of_our_own_with_debug(console: Console) -> None:
    """Whoever asks for it gets the whole error, and nothing half-written all the same."""
    console.handler = Broken()
    with pytest.raises(AssertionError, match="LookupError"):
        console.run("--debug", *PULL)
    assert console.files() == set()


def test_an_error_of_the_system_is_one_line(console: Console) -> None:
    """With the name of the file, without a number."""

    class Full(Broken):
        def handle(self, request: Request) -> Response:
            raise OSError(28, "No space left on device", "/some/file")

    console.handler = Full()
    assert error_of(console.run(*PULL)) == "/some/file: No space left on device"


def test_an_error_is_one_line_whatever_a_registry_says(console: Console) -> None:
    """Line breaks and control characters of the other side don't reach the terminal."""

    class Talkative(Broken):
        def handle(self, request: Request) -> Response:
            body = b'{"errors":[{"code":"DENIED","message":"no\\n\\u001b[31mway\\r\\nError: ha"}]}'
            return Response(403, body=[body])

    console.handler = Talkative()
    said = error_of(console.run(*PULL))
    assert "403 Forbidden" in said
    assert said.isprintable()


@pytest.mark.parametrize(
    "arguments",
    [["--help"], ["--no-verify", "-O", "json", "process", "tar://old.tar", "tar://new.tar"]],
    ids=" ".join,
)
def test_a_reader_that_has_seen_enough(
    console: Console, image: SampleImage, arguments: list[str]
) -> None:
    """Output into a pipe that nobody reads ends quietly."""
    (console.directory / "old.tar").write_bytes(docker_save(image))
    reading, writing = os.pipe()
    os.close(reading)
    try:
        ended = subprocess.run(
            [*OCCYSTRAP, *arguments], stdout=writing, stderr=subprocess.PIPE, text=True, check=False
        )
    finally:
        os.close(writing)
    assert ended.returncode == 1
    assert all(": starting (" in line for line in ended.stderr.splitlines())


@pytest.mark.parametrize(
    ("typed", "offered"),
    [
        ("occystrap proc", {"process"}),
        ("occystrap --ret", {"--retries"}),
        ("occystrap process --ret", {"--retries"}),
        ("occystrap tags --ma", {"--match"}),
        ("occystrap tags -O j", {"json"}),
        ("occystrap registry ser", {"serve"}),
        ("occystrap registry serve --temp", {"--temp-dir"}),
        ("occystrap registry serve --dial", {"--dialect"}),
        ("occystrap cassette verify --ins", {"--insecure"}),
        ("occystrap ", COMMANDS),
    ],
)
def test_a_shell_completes_what_is_typed(typed: str, offered: set[str]) -> None:
    """Commands and options, as docs/command-line.md tells how to switch on."""
    *words, _ = typed.split(" ")
    environ = {"_OCCYSTRAP_COMPLETE": "bash_complete", "COMP_WORDS": typed}
    environ["COMP_CWORD"] = str(len(words))
    result = CliRunner().invoke(cli, [], prog_name="occystrap", env=environ)
    assert {line.partition(",")[2] for line in result.stdout.splitlines()} == offered


def test_it_is_a_module_too() -> None:
    """`python -m occystrap` is the same command."""
    ended = subprocess.run([*OCCYSTRAP, "--help"], capture_output=True, text=True, check=True)
    assert ended.stdout.startswith("Usage: python -m occystrap [OPTIONS]")
