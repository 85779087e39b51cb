"""Every example of the documentation runs, and shows what it says that it shows."""

from __future__ import annotations

import contextlib
import inspect
import io
import itertools
import re
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click
import httpx
import pytest

from occystrap.commands.global_options import GLOBAL_OPTIONS
from occystrap.main import cli
from occystrap.options import Options
from occystrap.server.doors.in_process import InProcessTransport
from occystrap.server.message import Handler, Request, Response
from occystrap.uri import URIParseError, check_options, parse_uri
from occystrap.uri.schemes import Role
from pytest_occystrap import FakeRegistry
from tests.support.console import Shelf
from tests.support.examples import Command, blocks, commands, matches, run
from tests.support.fake_daemon import FakeDaemon, running_fake
from tests.support.handlers import BasicGate
from tests.support.images import file, layer, make_image
from tests.support.network import refuse_network

ROOT = Path(__file__).resolve().parent.parent
#: They show files of a project and runs of pytest: tests/plugin/test_guide.py has them.
GUIDES = ("plugin.md", "faults.md", "retry-recipe.md", "sweep.md", "cassettes.md")
PAGES = [
    ROOT / "README.md",
    *(page for page in sorted((ROOT / "docs").glob("*.md")) if page.name not in GUIDES),
]
LANGUAGES = {"", "console", "python", "sh", "text", "yaml"}


BUSYBOX = {
    name: make_image(
        layer(file("bin/busybox", name.encode() * 1000)),
        layer(file("etc/passwd")),
        architecture=name.split("/")[1],
    )
    for name in ("linux/amd64", "linux/arm64/v8")
}
QUAY = ("projectquay/clair", "projectquay/quay")


class Internet:
    """Every registry there is, each with the same few images; one asks for a login."""

    def __init__(self) -> None:
        self._hosts: dict[str, Handler] = {}
        self._lock = threading.Lock()
        self._quay = FakeRegistry(dialect="quay", images=[f"{name}:latest" for name in QUAY])

    def handle(self, request: Request) -> Response:
        """Answer as the registry that is asked, or as the API of Quay."""
        if request.path.startswith("/api/v1/"):
            return self._quay.handler.handle(request)
        with self._lock:
            if request.host not in self._hosts:
                self._hosts[request.host] = self._make(request.host)
        return self._hosts[request.host].handle(request)

    def _make(self, host: str) -> Handler:
        shelf = Shelf()
        shelf.put_all("library/busybox", "latest", BUSYBOX)
        shelf.put("org/app", "2", BUSYBOX["linux/amd64"])
        for name in QUAY:
            shelf.put(name, "latest", BUSYBOX["linux/amd64"])
        is_private = host == "private.example"
        return BasicGate(shelf.registry, "secret") if is_private else shelf.registry


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty directory on a machine whose only network is that one."""
    refuse_network(monkeypatch, but_itself=True)
    transport = InProcessTransport(Internet())

    def handle(self: object, request: httpx.Request) -> httpx.Response:
        return transport.handle_request(request)

    monkeypatch.setattr(httpx.HTTPTransport, "handle_request", handle)
    monkeypatch.chdir(tmp_path)
    (tmp_path / "password.txt").write_text("secret\n")
    return tmp_path


@pytest.fixture
def environ() -> Iterator[dict[str, str]]:
    """The environment of a machine with a daemon, which has an image."""
    daemon = FakeDaemon()
    daemon.add("busybox:latest", BUSYBOX["linux/amd64"])
    with running_fake(daemon) as socket:
        yield {"DOCKER_HOST": f"unix://{socket}"}


def check(command: Command, line: int, environ: dict[str, str]) -> None:
    """Run a command, and compare what it prints, if the page shows that."""
    exit_code, output = run(command, environ)
    told = f"line {line}: $ {command.words}\n{output}"
    assert exit_code == 0 or "Error: " in command.output, told
    if command.output:
        assert matches(command.output, output), told


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_the_commands_of_a_page(page: Path, here: Path, environ: dict[str, str]) -> None:
    """One after the other, in one directory; what is shown below a command is what it prints."""
    for block in blocks(page):
        if block.language == "console":
            for command in commands(block):
                check(command, block.line, environ)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_the_python_of_a_page(page: Path, here: Path, request: pytest.FixtureRequest) -> None:
    """One block after the other, tests included; a `text` block behind one is what it prints."""
    names: dict[str, Any] = {"__name__": "example"}
    found = blocks(page)
    for block, following in itertools.zip_longest(found, found[1:]):
        if block.language != "python":
            continue
        printed = io.StringIO()
        with contextlib.redirect_stdout(printed):
            exec(compile(block.text, f"{page.name}:{block.line}", "exec"), names)  # noqa: S102
            for test in re.findall(r"^def (test_\w+)\(", block.text, re.MULTILINE):
                wanted = inspect.signature(names[test]).parameters
                names[test](**{name: request.getfixturevalue(name) for name in wanted})
        if following is not None and following.language == "text":
            assert matches(following.text, printed.getvalue()), printed.getvalue()


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_no_example_gets_around_the_tests(page: Path) -> None:
    """Blocks have a language that is known here, and occystrap is run in `console` blocks only."""
    for block in blocks(page):
        assert block.language in LANGUAGES, (page, block.line)
        if block.language == "sh":
            assert not re.search(r"^(\$ )?occystrap ", block.text, re.MULTILINE), block.line


def test_the_table_of_global_options() -> None:
    """Each option is there with its variable and its default, and no other."""
    rows = re.findall(
        r"^\| (`-.*?`) \|(.*?)\|(.*?)\|.*\|$",
        (ROOT / "docs/command-line.md").read_text(),
        re.MULTILINE,
    )
    table = {
        re.search(r"--[\w-]+", names)[0]: (variable.strip(" `"), default.strip(" `"))  # type: ignore[index]
        for names, variable, default in rows
    }
    assert table.keys() - {"--listen", "--dir"} == {
        next(name for name in option.opts if name.startswith("--"))
        for option in cli.get_params(click.Context(cli, **cli.context_settings))
    }
    words = {None: "", False: "off", True: "on"}
    for option in GLOBAL_OPTIONS:
        variable, default = table[next(name for name in option.opts if name.startswith("--"))]
        assert variable == (option.envvar or "")
        if option.name in ("verbose", "debug"):
            assert default == "off"
        elif option.name not in ("password_stdin", "temp_dir"):
            expected = getattr(Options(), option.name or "")
            assert default == words.get(expected, str(expected))


def options_of(role: Role) -> set[str]:
    """List the options of registry://, as the error of a wrong one does."""
    with pytest.raises(URIParseError) as error:
        check_options(parse_uri("registry://r.example/a?nonsense=1"), role)
    return set(str(error.value).partition("it knows: ")[2].split(", "))


def test_the_table_of_uri_options() -> None:
    """Each option of registry:// is there with its side, and no other."""
    rows = re.findall(
        r"^\| (`\w+`.*?) \| (both|source|destination) \|",
        (ROOT / "docs/command-line.md").read_text(),
        re.MULTILINE,
    )
    sides = {name: side for names, side in rows for name in re.findall(r"`(\w+)`", names)}
    pull, push = options_of("input"), options_of("output")
    expected = dict.fromkeys(pull, "source") | dict.fromkeys(push, "destination")
    assert sides == expected | dict.fromkeys(pull & push, "both")


@pytest.mark.parametrize(
    ("expected", "output", "same"),
    [
        ("a\n", "a\n", True),
        ("a\n", "b\n", False),
        ("a...c\n", "abc\n", True),
        ("...\nc\n", "a\nb\nc\n", True),
        ("...\nc\n", "c\n", True),
        ("a\n", "a\nb\n", False),
        ("a.\n", "ab\n", False),
    ],
)
def test_how_output_is_compared(expected: str, output: str, same: bool) -> None:
    """Three dots are anything, all else is itself."""
    assert matches(expected, output) is same
