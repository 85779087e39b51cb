"""Options of `occystrap registry serve` that other packages bring."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from importlib.metadata import EntryPoint, EntryPoints
from typing import Any

import click
import pytest
from click.testing import CliRunner, Result

from occystrap.commands import serving
from occystrap.commands.registry import registry
from occystrap.commands.serving import ExtensibleCommand, Serving, installed_extensions
from occystrap.main import cli
from occystrap.server.answers import content
from occystrap.server.gate import BasicGate
from occystrap.server.message import Handler, Request, Response
from occystrap.server.registry import Registry


@dataclass(frozen=True)
class Shouting:
    """Answers everything with a word."""

    word: str

    def handle(self, request: Request) -> Response:
        """Answer."""
        return content(200, self.word.encode(), "text/plain")


@dataclass
class Shouter:
    """Brings `--NAME WORD`."""

    name: str = "shout"
    options: Sequence[click.Option] = field(default=())
    serving: Serving | None = None

    def __post_init__(self) -> None:
        self.options = [click.Option([f"--{self.name}"], metavar="WORD", help="Shout it.")]

    def front(self, serving: Serving, chosen: Mapping[str, Any]) -> Handler | None:
        """Shout, if there is anything to shout."""
        assert list(chosen) == [self.name]
        self.serving = serving
        word = chosen[self.name]
        return None if word is None else serving.guarded(Shouting(word))


def whisperer() -> Shouter:
    """Bring `--whisper WORD`."""
    return Shouter("whisper")


def serve_with(*extensions: Shouter) -> ExtensibleCommand:
    """Make a command that tells what it would serve."""

    @click.command(cls=ExtensibleCommand, extensions=lambda: list(extensions))
    @click.option("--own")
    @click.pass_context
    def serve(ctx: click.Context, /, own: str | None, **chosen: Any) -> None:
        """Serve."""
        assert isinstance(ctx.command, ExtensibleCommand)
        accounts = {} if own is None else {"alice": own}
        plan = Serving(Registry(), "basic" if accounts else None, accounts)
        handler = ctx.command.front(plan, chosen)
        response = handler.handle(Request("GET", "/v2/"))
        click.echo(f"{response.status} {b''.join(response.body).decode()}")

    assert isinstance(serve, ExtensibleCommand)
    return serve


def run(command: click.Command, *arguments: str) -> Result:
    """Run a command."""
    return CliRunner().invoke(command, arguments)


def test_an_extension_has_its_say() -> None:
    """Its options are in the help, and what it makes is served, behind the gate if it likes."""
    shouter = Shouter()
    command = serve_with(shouter)
    assert "--shout WORD  Shout it." in run(command, "--help").output
    assert run(command, "--shout", "hey").output == "200 hey\n"
    assert run(command, "--shout", "hey", "--own", "secret").output.startswith("401")
    assert shouter.serving is not None
    assert shouter.serving.accounts == {"alice": "secret"}
    assert "secret" not in repr(shouter.serving)


def test_an_extension_that_is_not_asked_changes_nothing() -> None:
    """The registry is served, behind its gate."""
    command = serve_with(Shouter(), Shouter("whisper"))
    assert run(command).output == "200 {}\n"
    assert run(command, "--own", "secret").output.startswith("401")
    assert run(command, "--whisper", "hey").output == "200 hey\n"


def test_two_extensions_can_t_both_be_in_front() -> None:
    """Neither knows of the other."""
    result = run(serve_with(Shouter(), Shouter("whisper")), "--shout=a", "--whisper=b")
    assert "choose one of them" in str(result.exception)


def test_an_option_that_is_not_there_may_be_had(monkeypatch: pytest.MonkeyPatch) -> None:
    """The error says what to install, while nothing else is there."""
    monkeypatch.setattr(serving, "entry_points", lambda group: EntryPoints())
    command = registry.commands["serve"]
    assert isinstance(command, ExtensibleCommand)
    monkeypatch.setattr(command, "_found", None)
    result = run(cli, "registry", "serve", "--dialect", "quay")
    assert result.exit_code == 2
    assert "No such option '--dialect'" in result.output
    assert "pip install 'occystrap[pytest]'" in result.output
    hint = run(serve_with(Shouter()), "--dialect", "quay").output
    assert "pip install" not in hint


def test_extensions_are_entry_points(monkeypatch: pytest.MonkeyPatch) -> None:
    """By name; one that can't be imported is left out, for its extra isn't installed."""
    places = {
        "two": f"{__name__}:Shouter",
        "gone": "occystrap_has_no_such_module:make",
        "one": f"{__name__}:whisperer",
    }
    points = EntryPoints(EntryPoint(name, place, serving.GROUP) for name, place in places.items())
    monkeypatch.setattr(serving, "entry_points", lambda group: points.select(group=group))
    found = installed_extensions()
    assert [[option.name for option in each.options] for each in found] == [["whisper"], ["shout"]]


def test_a_gate_is_only_put_where_one_is_wanted() -> None:
    """Without --auth the handler is served as it is."""
    inner = Shouting("x")
    assert Serving(Registry()).guarded(inner) is inner
    assert isinstance(Serving(Registry(), "basic", {"a": "b"}).guarded(inner), BasicGate)
