"""What other packages add to the command line."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from importlib.metadata import distribution
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from occystrap.commands.additions import MissingNeed, added_commands, added_options
from occystrap.commands.group import CommandGroup, LateCommand
from tests.commands.test_main import imported_by

ENTRY_POINTS = """
[occystrap.commands]
sing = a_singing_package.commands:sing
mutter = a_singing_package.nowhere:mutter
registry.serve.song = a_singing_package.commands:Song
process.song = a_singing_package.commands:Song
"""
MODULE = """
import click

@click.command()
def sing():
    "Sing a song."
    click.echo("la la la")

class Song:
    options = ()
"""


@pytest.fixture
def singing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A package is installed that sings."""
    package, metadata = tmp_path / "a_singing_package", tmp_path / "a_singing-1.0.dist-info"
    package.mkdir()
    metadata.mkdir()
    (package / "__init__.py").touch()
    (package / "commands.py").write_text(MODULE)
    (metadata / "METADATA").write_text("Metadata-Version: 2.1\nName: a-singing\nVersion: 1.0\n")
    (metadata / "entry_points.txt").write_text(ENTRY_POINTS)
    monkeypatch.syspath_prepend(str(tmp_path))
    yield
    for name in [name for name in sys.modules if name.startswith("a_singing_package")]:
        del sys.modules[name]


@pytest.fixture
def group() -> CommandGroup:
    """A group with one command of its own."""
    return CommandGroup(
        "tool", late={"registry": LateCommand("occystrap.commands.registry:registry", "Run one.")}
    )


@pytest.mark.usefixtures("singing")
def test_a_package_adds_commands(group: CommandGroup) -> None:
    """They are in the help, without being imported, and can be called."""
    result = CliRunner().invoke(group, ["--help"])
    assert "  registry  Run one.\n  sing      Added by a-singing.\n" in result.output
    assert not any(name.startswith("a_singing_package") for name in sys.modules)
    assert CliRunner().invoke(group, ["sing"]).output == "la la la\n"
    assert "did you mean 'sing'?" in CliRunner().invoke(group, ["sin"]).output
    assert group.get_command(click.Context(group), "song") is None


@pytest.mark.usefixtures("singing")
def test_a_command_whose_needs_are_missing_says_so(group: CommandGroup) -> None:
    """In one line, with what installs them."""
    result = CliRunner().invoke(group, ["mutter"])
    assert result.exit_code == 1
    assert result.output == (
        "Error: mutter needs a_singing_package.nowhere, which isn't installed;"
        " install it with: pip install 'a-singing'\n"
    )


@pytest.mark.usefixtures("singing")
def test_a_shell_completes_without_a_command_whose_needs_are_missing(group: CommandGroup) -> None:
    """The others are offered."""
    environ = {"_TOOL_COMPLETE": "bash_complete", "COMP_WORDS": "tool ", "COMP_CWORD": "1"}
    result = CliRunner().invoke(group, [], prog_name="tool", env=environ)
    assert {line.partition(",")[2] for line in result.stdout.splitlines()} == {
        "cassette",
        "registry",
        "sing",
    }


@pytest.mark.usefixtures("singing")
def test_options_are_added_to_the_command_that_is_named() -> None:
    """By the name of the entry point, which is all that is looked at."""
    assert [each.name for each in added_options("process")] == ["song"]
    assert [each.name for each in added_options("registry.serve")] == [
        "cassette",
        "dialect",
        "fault",
        "song",
    ]
    assert added_options("registry") == ()
    assert {"sing", "mutter"} <= added_commands().keys()
    assert not any("." in name for name in added_commands())
    assert not any(name.startswith("a_singing_package") for name in sys.modules)


def test_our_own_is_installed_as_an_extra() -> None:
    """The plugin's package is there in any case; what it needs is not."""
    (dialect,) = (each for each in added_options("registry.serve") if each.name == "dialect")
    assert dialect.package == distribution("occystrap").name


def without_pytest(*arguments: str) -> subprocess.CompletedProcess[str]:
    """Run the command where pytest isn't installed."""
    script = "import sys; sys.modules['pytest'] = None\nfrom occystrap.main import main; main()"
    command = [sys.executable, "-c", script, *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def test_a_dialect_without_the_extra() -> None:
    """The option is answered with what to install, and stands in the help like that."""
    ended = without_pytest("registry", "serve", "--dialect", "quay")
    assert ended.returncode == 2
    assert ended.stderr.splitlines()[-1] == (
        "Error: --dialect needs pytest, which isn't installed;"
        " install it with: pip install 'occystrap[pytest]'"
    )
    shown = without_pytest("registry", "serve", "--help").stdout
    assert "--dialect comes with: pip install 'occystrap[pytest]'" in shown


def test_a_need_that_is_missing_is_an_error_of_ours() -> None:
    """Others than the command line may catch it, too."""
    error = MissingNeed("--x", "y", "pip install z")
    assert (error.need, error.cure) == ("y", "pip install z")


@pytest.mark.parametrize("arguments", [["--version"], ["--help"], ["process", "--help"]])
def test_nothing_that_is_added_is_imported_to_look_something_up(arguments: list[str]) -> None:
    """Neither the plugin nor pytest; for the version, not even their names are looked for."""
    modules = imported_by(*arguments)
    assert not any(name.startswith("pytest") for name in modules)
    if "--help" not in arguments:
        assert "importlib.metadata" not in modules
