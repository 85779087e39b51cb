"""Each option of a command is read from the environment, too."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import click
import pytest
from click.testing import CliRunner

from occystrap.commands.variables import CommandOption
from occystrap.main import cli
from tests.support.archives import docker_save
from tests.support.console import Console, error_of
from tests.support.images import SampleImage


def every_option(
    group: click.Group, ctx: click.Context
) -> Iterator[tuple[click.Context, click.Option]]:
    """List the options of all commands below a group, with the context of the command."""
    for name in group.list_commands(ctx):
        command = group.get_command(ctx, name)
        assert command is not None
        below = click.Context(command, ctx, info_name=name)
        if isinstance(command, click.Group):
            yield from every_option(command, below)
            continue
        below.resilient_parsing = True  # those of extensions, too
        for param in command.get_params(below):
            if isinstance(param, click.Option) and "--help" not in param.opts:
                yield below, param


OPTIONS = list(every_option(cli, click.Context(cli, info_name="occystrap", **cli.context_settings)))


@pytest.mark.parametrize(
    ("ctx", "option"), OPTIONS, ids=lambda each: getattr(each, "command_path", None) or each.name
)
def test_an_option_has_a_variable(ctx: click.Context, option: click.Option) -> None:
    """Its name is that of the command and the option, and the help tells it."""
    assert isinstance(option, CommandOption)
    words = ctx.command_path.split()[1:]
    long = max(option.opts, key=len)
    expected = "_".join(["OCCYSTRAP", *words, long.strip("-")]).upper().replace("-", "_")
    assert option.variable(ctx) == (option.envvar or expected)
    record = option.get_help_record(ctx)
    assert record is None or f"env var: {option.variable(ctx)}" in record[1]


def test_no_two_options_share_a_variable() -> None:
    """Nor with a global option."""
    names = [option.variable(ctx) for ctx, option in OPTIONS if isinstance(option, CommandOption)]
    names += [str(option.envvar) for option in cli.params if option.envvar]
    assert len(set(names)) == len(names) > 40


@click.command()
@click.option("--many", cls=CommandOption, multiple=True)
@click.option("--flag", cls=CommandOption, is_flag=True)
@click.option("--one", cls=CommandOption, type=int, required=True)
def probe(**chosen: Any) -> None:
    """Print what was read."""
    click.echo(json.dumps(chosen))


@click.group()
def tool() -> None:
    """Stand where occystrap does."""


tool.add_command(probe)


def read(*words: str, **environ: str) -> dict[str, Any]:
    """Run the probe, and return what it has read."""
    obj = {"ENVIRON": {f"OCCYSTRAP_PROBE_{name}": value for name, value in environ.items()}}
    result = CliRunner().invoke(tool, ["probe", *words], obj=obj, catch_exceptions=False)
    return json.loads(result.stdout) if result.exit_code == 0 else {"said": result.stderr}


def test_what_variables_say() -> None:
    """A switch is on with 1; values of what can be repeated are quoted as in a shell."""
    found = read(ONE="7", FLAG="1", MANY="a 'b c'  d\\ e")
    assert found == {"one": 7, "flag": True, "many": ["a", "b c", "d e"]}


def test_what_is_typed_goes_before_the_variable() -> None:
    """And an empty variable is none."""
    found = read("--one", "1", "--many", "x", ONE="7", FLAG="", MANY="a b")
    assert found == {"one": 1, "flag": False, "many": ["x"]}
    assert "Missing option '--one'" in read(ONE="")["said"]


def test_a_variable_that_can_not_be_read() -> None:
    """The error names it, and doesn't repeat what it holds."""
    said = read(ONE="1", MANY="'hush")["said"]
    assert "OCCYSTRAP_PROBE_MANY: a quotation mark is missing" in said
    assert "hush" not in said
    assert "OCCYSTRAP_PROBE_ONE" in read(ONE="many")["said"]


def test_filters_from_the_environment(console: Console, image: SampleImage) -> None:
    """They are used as if they were typed, one after the other."""
    (console.directory / "old.tar").write_bytes(docker_save(image))
    environ = {"OCCYSTRAP_PROCESS_FILTER": "inspect:file=a.jsonl 'inspect:file=b c.jsonl'"}
    console.succeed("process", "tar://old.tar", "tar://new.tar", environ=environ)
    assert console.files() == {"old.tar", "new.tar", "a.jsonl", "b c.jsonl"}


def test_an_option_of_an_extension_from_the_environment(console: Console) -> None:
    """The extension is imported, though nothing of it is typed."""
    environ = {"OCCYSTRAP_REGISTRY_SERVE_DIALECT": "nonsense"}
    said = error_of(console.run("registry", "serve", environ=environ), 2)
    assert "there is no dialect 'nonsense'" in said
