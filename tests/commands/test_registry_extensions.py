"""Options of `occystrap registry serve` that other packages bring."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from importlib.metadata import EntryPoint
from typing import Any

import click
from click.testing import CliRunner, Result

from occystrap.commands.additions import GROUP, Addition
from occystrap.commands.extensible import ExtensibleCommand
from occystrap.commands.serving import Extension, Front, Serving
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
class Shouter(Extension):
    """Brings `--NAME WORD`, which answers in place of the registry."""

    name: str = "shout"
    options: Sequence[click.Option] = field(default=())
    seen: list[Serving] = field(default_factory=list[Serving])

    def __post_init__(self) -> None:
        self.options = [click.Option([f"--{self.name}"], metavar="WORD", help="Shout it.")]

    def front(self, serving: Serving, chosen: Mapping[str, Any]) -> Front | None:
        """Shout, if there is anything to shout."""
        assert list(chosen) == [self.name]
        self.seen.append(serving)
        word = chosen[self.name]
        return None if word is None else Front(serving.guarded(Shouting(word)))


def whisperer() -> Shouter:
    """Bring `--whisper WORD`."""
    return Shouter("whisper")


@dataclass(frozen=True)
class Doubling:
    """Sends every body twice."""

    inner: Handler

    def handle(self, request: Request) -> Response:
        """Answer."""
        answer = self.inner.handle(request)
        return content(answer.status, 2 * b"".join(answer.body), "text/plain")


class Doubler(Extension):
    """Brings `--double`, which stands around what answers."""

    def __init__(self, name: str = "double") -> None:
        self.name = name
        self.options = [click.Option([f"--{name}"], is_flag=True)]

    def around(self, handler: Handler, serving: Serving, chosen: Mapping[str, Any]) -> Handler:
        """Double, if that is wanted."""
        return Doubling(handler) if chosen[self.name] else handler


def again() -> Doubler:
    """Bring `--again`."""
    return Doubler("again")


def addition(name: str, place: str = "") -> Addition:
    """Make what an entry point says; by default, of this module."""
    return Addition(name, EntryPoint(name, place or f"{__name__}:{name}", GROUP))


SHOUT = addition("shout", f"{__name__}:Shouter")
WHISPER = addition("whisper", f"{__name__}:whisperer")
DOUBLE = addition("double", f"{__name__}:Doubler")
AGAIN = addition("again")
GONE = addition("gone", "occystrap_has_no_such_module.inner:make")


def serve_with(*additions: Addition) -> ExtensibleCommand:
    """Make a command that tells what it would serve."""
    places = []

    def find(place: str) -> Sequence[Addition]:
        places.append(place)
        assert places == ["test.serve"]  # once
        return additions

    @click.command(cls=ExtensibleCommand, place="test.serve", find=find)
    @click.option("--own")
    @click.pass_context
    def serve(ctx: click.Context, /, own: str | None, **chosen: Any) -> None:
        """Serve."""
        assert isinstance(ctx.command, ExtensibleCommand)
        accounts = {} if own is None else {"alice": own}
        plan = Serving(Registry(), "basic" if accounts else None, accounts)
        front = ctx.command.front(plan, chosen)
        response = front.handler.handle(Request("GET", "/v2/"))
        click.echo(f"{response.status} {b''.join(response.body).decode()}")

    assert isinstance(serve, ExtensibleCommand)
    return serve


def run(command: click.Command, *arguments: str) -> Result:
    """Run a command."""
    return CliRunner().invoke(command, arguments)


def test_an_extension_has_its_say() -> None:
    """Its options are in the help, and what it makes is served, behind the gate if it likes."""
    command = serve_with(SHOUT)
    assert "--shout WORD  Shout it." in run(command, "--help").output
    assert run(command, "--shout", "hey").output == "200 hey\n"
    assert run(command, "--shout", "hey", "--own", "secret").output.startswith("401")


def test_an_extension_sees_what_was_said() -> None:
    """The accounts are among it, and no repr shows their passwords."""
    shouter = Shouter()
    serving = Serving(Registry(), "basic", {"alice": "secret"})
    shouter.front(serving, {"shout": None})
    assert shouter.seen == [serving]
    assert "secret" not in repr(serving)


def test_an_extension_that_is_not_asked_changes_nothing() -> None:
    """The registry is served, behind its gate, and the extension isn't even imported."""
    command = serve_with(GONE, SHOUT, DOUBLE)
    assert run(command).output == "200 {}\n"
    assert run(command, "--own", "secret").output.startswith("401")
    options = [each for each in command.get_params(click.Context(command)) if each.name != "own"]
    assert [each.opts for each in options] == [["--help"]]


def test_one_of_several_is_asked() -> None:
    """The others leave things as they are."""
    command = serve_with(SHOUT, WHISPER, DOUBLE)
    assert run(command, "--whisper", "hey").output == "200 hey\n"
    assert run(command, "--double").output == "200 {}{}\n"
    assert run(command).output == "200 {}\n"


def test_two_extensions_can_t_both_answer() -> None:
    """Neither knows of the other."""
    result = run(serve_with(SHOUT, WHISPER), "--shout=a", "--whisper=b")
    assert "choose one of them" in str(result.exception)


def test_any_number_may_stand_around_what_answers() -> None:
    """One around the other, the gate inside."""
    command = serve_with(AGAIN, DOUBLE, SHOUT)
    assert run(command, "--double", "--shout=a", "--again").output == "200 aaaa\n"
    refused = run(command, "--double", "--own", "secret").output
    assert refused.startswith("401")
    assert refused.count("UNAUTHORIZED") == 2


def test_an_option_whose_needs_are_missing_says_so() -> None:
    """What is missing, what installs it, and nothing of it to who asks for something else."""
    command = serve_with(GONE, SHOUT)
    result = run(command, "--gone", "fishing")
    assert result.exit_code == 2
    assert (
        "Error: --gone needs occystrap_has_no_such_module, which isn't installed; install it with:"
        " pip install 'occystrap_has_no_such_module'\n" in result.output
    )
    assert run(command, "--shout=a").output == "200 a\n"


def test_an_option_that_there_is_not_may_be_had() -> None:
    """Only where something is missing; the help says so, too."""
    command = serve_with(GONE)
    assert "(more options come with: pip install" in run(command, "--nonsense").output
    assert "--gone comes with: pip install" in run(command, "--help").output
    whole = serve_with(SHOUT)
    assert "pip install" not in run(whole, "--nonsense").output
    assert "pip install" not in run(whole, "--help").output


def test_a_gate_is_only_put_where_one_is_wanted() -> None:
    """Without --auth the handler is served as it is."""
    inner = Shouting("x")
    assert Serving(Registry()).guarded(inner) is inner
    assert isinstance(Serving(Registry(), "basic", {"a": "b"}).guarded(inner), BasicGate)
