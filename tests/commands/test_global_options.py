"""Every global option is read, from the command line and from the environment, into ctx.obj."""

from __future__ import annotations

from typing import Any

import click
import pytest

from occystrap.commands.global_options import GLOBAL_OPTIONS, GlobalOption
from occystrap.main import cli
from occystrap.options import Options
from tests.support.console import Console, Shelf, error_of
from tests.support.handlers import Front

#: Option, value, key of ctx.obj, what is there by default, and what is there then.
TABLE = [
    ("--os", "windows", "OS", "linux", "windows"),
    ("--architecture", "arm64", "ARCHITECTURE", "amd64", "arm64"),
    ("--variant", "v8", "VARIANT", "", "v8"),
    ("--username", "alice", "USERNAME", None, "alice"),
    ("--password", "open sesame", "PASSWORD", None, "open sesame"),
    ("--authfile", "auth.json", "AUTHFILE", None, "auth.json"),
    ("--insecure", None, "INSECURE", False, True),
    ("--ca-file", "ca.pem", "CA_FILE", None, "ca.pem"),
    ("--cert", "me.pem", "CERT", None, "me.pem"),
    ("--skip-verify", None, "SKIP_VERIFY", False, True),
    ("--compression", "zstd", "COMPRESSION", None, "zstd"),
    ("--compression-level", "7", "COMPRESSION_LEVEL", None, 7),
    ("--parallel", "9", "MAX_WORKERS", 4, 9),
    ("--temp-dir", "temp", "TEMP_DIR", None, "temp"),
    ("--layer-cache", "cache.json", "LAYER_CACHE", None, "cache.json"),
    ("--output-format", "json", "OUTPUT_FORMAT", "text", "json"),
    ("--retries", "0", "RETRIES", 3, 0),
    ("--rate-limit", "2.5", "RATE_LIMIT", None, 2.5),
    ("--image-parallel", "8", "IMAGE_PARALLEL", 3, 8),
    ("--verify-full", None, "VERIFY_FULL", False, True),
]
OTHERWISE_TESTED = {"--key", "--verify", "--verbose", "--debug", "--password-stdin"}


def chosen(console: Console, *arguments: str, environ: dict[str, str] | None = None) -> Any:
    """Return ctx.obj of a run that fails as soon as it can."""
    console.run(*arguments, "process", "none://", "none://", environ=environ)
    return console.obj


def test_the_table_is_whole() -> None:
    """No option is forgotten here."""
    options = {next(name for name in option.opts if name[:2] == "--") for option in GLOBAL_OPTIONS}
    assert {name for name, *_ in TABLE} | OTHERWISE_TESTED == options


@pytest.mark.parametrize(("name", "value", "key", "default", "expected"), TABLE)
def test_an_option_is_in_the_context(
    console: Console, name: str, value: str | None, key: str, default: object, expected: object
) -> None:
    """Under the key that PipelineBuilder, and scripts, look for."""
    words = [name] if value is None else [name, value]
    assert chosen(console)[key] == default
    assert chosen(console, *words)[key] == expected


@pytest.mark.parametrize(("name", "value", "key", "default", "expected"), TABLE)
def test_an_option_is_read_from_the_environment(
    console: Console, name: str, value: str | None, key: str, default: object, expected: object
) -> None:
    """As OCCYSTRAP_ and its name; an empty variable is none, and what is typed goes first."""
    variable = "OCCYSTRAP_" + name.removeprefix("--").upper().replace("-", "_")
    assert chosen(console, environ={variable: value or "1"})[key] == expected
    assert chosen(console, environ={variable: ""})[key] == default
    if value is not None:
        assert chosen(console, name, value, environ={variable: "other"})[key] == expected


def test_the_defaults_are_those_of_the_library(console: Console) -> None:
    """PipelineBuilder(None) does what the command line does without options."""
    with click.Context(cli, obj=chosen(console)) as ctx:
        assert Options.from_context(ctx) == Options() == Options.from_context(None)


def test_short_names(console: Console) -> None:
    """The letters that the public tool has."""
    obj = chosen(console, "-j", "7", "-J", "6", "-O", "json")
    assert (obj["MAX_WORKERS"], obj["IMAGE_PARALLEL"], obj["OUTPUT_FORMAT"]) == (7, 6, "json")


def test_verify_has_two_sides(console: Console) -> None:
    """On by default; off by option or variable; and on again by option."""
    assert chosen(console)["VERIFY"] is True
    assert chosen(console, "--no-verify")["VERIFY"] is False
    off = {"OCCYSTRAP_VERIFY": "false"}
    assert chosen(console, environ=off)["VERIFY"] is False
    assert chosen(console, "--verify", environ=off)["VERIFY"] is True


def test_the_context_is_what_options_are_read_from(console: Console) -> None:
    """Options survive the way through ctx.obj, the environment included."""
    obj = chosen(console, "--retries", "1", environ={"HOME": "/none"})
    with click.Context(cli, obj=obj) as ctx:
        assert Options.from_context(ctx) == Options(retries=1, environ={"HOME": "/none"})


@pytest.mark.parametrize(
    "words",
    [
        ["--retries", "x"],
        ["--retries", "-1"],
        ["--rate-limit", "0"],
        ["--rate-limit", "-1"],
        ["--parallel", "0"],
        ["--image-parallel", "0"],
        ["--compression", "lz4"],
        ["--compression-level", "99"],
        ["--output-format", "yaml"],
    ],
    ids=" ".join,
)
def test_a_value_that_can_not_be(console: Console, words: list[str]) -> None:
    """It is a usage error that names the option, and nothing is asked."""
    console.handler = front = Front(console.handler or Shelf().registry)
    source = "registry://r.example/demo/image:1"
    said = error_of(console.run(*words, "process", source, "tar://new.tar"), 2)
    assert said.startswith("Invalid value for ")
    assert f"'{words[0]}'" in said
    assert front.seen == []


def test_an_environment_that_can_not_be(console: Console) -> None:
    """The error names the variable."""
    environ = {"OCCYSTRAP_RETRIES": "many"}
    said = error_of(console.run("process", "none://", "none://", environ=environ), 2)
    assert "OCCYSTRAP_RETRIES" in said


@pytest.mark.parametrize("option", GLOBAL_OPTIONS, ids=lambda option: option.name)
def test_the_help_of_an_option(console: Console, option: GlobalOption) -> None:
    """It says what the option does, and which variable stands for it."""
    with click.Context(cli) as ctx:
        record = option.get_help_record(ctx)
    assert record is not None
    assert len(record[1].partition("[")[0]) > 15
    shown = " ".join(console.succeed("--help").stdout.split())
    assert " ".join(record[0].split()) in shown
    variable = f"OCCYSTRAP_{max(option.opts, key=len).removeprefix('--').upper().replace('-', '_')}"
    assert (variable in shown) == (option.name != "password_stdin")
