"""Global options may stand anywhere, and count as if they stood before the command."""

from __future__ import annotations

from typing import Any

import click
import pytest
from click.core import ParameterSource
from hypothesis import given, reject
from hypothesis import strategies as st

from occystrap.commands.anywhere import before_the_command
from occystrap.commands.global_options import GLOBAL_OPTIONS, GlobalOption
from occystrap.commands.group import CommandGroup, LateCommand
from occystrap.main import cli
from tests.support.console import Console, error_of

NOWHERE = ("process", "none://", "none://")


def arranged(*words: str) -> list[str]:
    """Return the command line as it is read."""
    with click.Context(cli, info_name="occystrap", **cli.context_settings) as ctx:
        return before_the_command(ctx, words, GLOBAL_OPTIONS)


@pytest.mark.parametrize(
    ("typed", "read"),
    [
        ("process --insecure a b", "--insecure process a b"),
        ("process a b --retries 5", "--retries 5 process a b"),
        ("process a --retries=5 b -j 8", "--retries=5 -j 8 process a b"),
        ("-O text tags a -Ojson --match x", "-O text -Ojson tags a --match x"),
        ("process -f --insecure a b", "process -f --insecure a b"),
        ("process -f--insecure a b", "process -f--insecure a b"),
        ("process --filter --debug a b --debug", "--debug process --filter --debug a b"),
        ("process -- --insecure b", "process -- --insecure b"),
        ("process --username -- a b", "--username -- process a b"),
        ("--username --debug process a b", "--username --debug process a b"),
        ("registry --debug serve --verbose", "--debug --verbose registry serve"),
        ("registry serve --dialect --debug", "registry serve --dialect --debug"),
        ("registry serve --tls --debug", "--debug registry serve --tls"),
        (
            "cassette record --ca-file a name --from url --key b -- pull --insecure",
            "--ca-file a --key b cassette record name --from url -- pull --insecure",
        ),
        (
            "cassette record --key b name --from url pull --insecure",
            "--key b cassette record name --from url pull --insecure",
        ),
        ("fly --insecure", "fly --insecure"),
        ("process --colour --insecure a", "--insecure process --colour a"),
        ("--colour process --insecure a", "--colour --insecure process a"),
        ("process --no-verify - b", "--no-verify process - b"),
        ("-- process --insecure a", "-- process --insecure a"),
        ("--insecure", "--insecure"),
        ("process --version", "process --version"),
    ],
)
def test_what_is_moved(typed: str, read: str) -> None:
    """Options with their values, wherever they stand; no value, and nothing behind `--`."""
    assert arranged(*typed.split()) == read.split()


WORDS = st.sampled_from(
    ["process", "tags", "-O", "-Ojson", "--retries=1", "--retries", "--insecure", "-f", "--", "-"]
)


@given(st.lists(WORDS, max_size=8))
def test_no_word_is_lost(words: list[str]) -> None:
    """Whatever is typed: the same words are read, and moved once."""
    try:
        read = arranged(*words)
    except click.BadOptionUsage:
        reject()
    assert sorted(read) == sorted(words)
    assert arranged(*read) == read


@pytest.mark.parametrize("option", GLOBAL_OPTIONS, ids=lambda option: option.name)
def test_each_option_is_moved(option: GlobalOption) -> None:
    """All its names, with a value if it has one."""
    for name in (*option.opts, *option.secondary_opts):
        words = [name] if option.is_flag else [name, "3"]
        assert arranged("info", "a", *words) == [*words, "info", "a"]


def test_what_is_behind_the_command_counts(console: Console) -> None:
    """As what is before it does; of two values the last one counts."""
    console.run("--retries", "1", "-j", "2", *NOWHERE, "--retries", "7", "--no-verify")
    found = console.obj
    assert (found["RETRIES"], found["MAX_WORKERS"], found["VERIFY"]) == (7, 2, False)


def test_a_variable_comes_after_what_is_typed(console: Console) -> None:
    """Wherever it is typed."""
    environ = {"OCCYSTRAP_RETRIES": "9", "OCCYSTRAP_INSECURE": "1"}
    console.run(*NOWHERE, "--retries", "7", environ=environ)
    assert (console.obj["RETRIES"], console.obj["INSECURE"]) == (7, True)


def made_up(name: str) -> tuple[CommandGroup, list[Any]]:
    """Make a group with a command that has an option of its own by the name of a global one."""
    seen: list[Any] = []

    @click.command()
    @click.option(name)
    @click.pass_context
    def own(ctx: click.Context, /, **chosen: Any) -> None:
        root = ctx.find_root()
        seen.extend((chosen, root.params["retries"], root.get_parameter_source("retries")))

    group = CommandGroup(
        late={"own": LateCommand("tests:own", "")}, find=dict, params=list(GLOBAL_OPTIONS)
    )
    group.get_command = lambda ctx, cmd_name: own  # type: ignore[method-assign]
    return group, seen


def test_an_option_of_the_command_is_the_command_s() -> None:
    """The global one of that name can be given before it."""
    group, seen = made_up("--retries")
    group.main(["own", "--retries", "x"], standalone_mode=False, obj={"ENVIRON": {}})
    assert seen == [{"retries": "x"}, 3, ParameterSource.DEFAULT]


def test_where_a_value_comes_from_is_known() -> None:
    """From the command line, though it was behind the command."""
    group, seen = made_up("--own")
    group.main(["own", "--retries", "4"], standalone_mode=False, obj={"ENVIRON": {}})
    assert seen == [{"own": None}, 4, ParameterSource.COMMANDLINE]


def test_a_value_that_can_not_be_behind_the_command(console: Console) -> None:
    """It is a usage error that names the option."""
    said = error_of(console.run(*NOWHERE, "--retries", "many"), 2)
    assert said.startswith("Invalid value for '--retries'")


@pytest.mark.parametrize("words", [["--password"], ["--password-stdin=hush"]], ids=" ".join)
def test_an_option_that_can_not_be_read(console: Console, words: list[str]) -> None:
    """It is a usage error, and neither the command nor what is behind it becomes a password."""
    result = console.run("process", "registry://a:hush@r.example/i", "tar://a.tar", *words)
    assert error_of(result, 2).startswith(f"Option '{words[0].partition('=')[0]}' ")
    assert "hush" not in result.output


def test_a_password_is_read_behind_the_command(console: Console) -> None:
    """From standard input, and not twice."""
    console.run(*NOWHERE, "--password-stdin", typed="secret\n")
    assert console.obj["PASSWORD"] == "secret"
    both = console.run("--password", "a", *NOWHERE, "--password-stdin", typed="secret\n")
    assert error_of(both, 2) == "give --password or --password-stdin, not both"


def test_results_as_json_behind_the_command(console: Console) -> None:
    """As it is most often typed."""
    result = console.succeed("tags", "registry://r.example/demo/image", "-O", "json")
    assert result.stdout == '[\n  "1"\n]\n'
