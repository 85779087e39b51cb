"""The group `occystrap cassette`, an entry point of the group `occystrap.commands`.

Rule: a command's module is imported when it runs; a new one is a row of the table.
"""

from __future__ import annotations

from typing import Final, final

import click

from occystrap.commands.additions import MissingNeed
from occystrap.commands.group import LateCommand

__all__ = ["cassette"]

_HERE: Final = "pytest_occystrap.cassette_commands"
_COMMANDS: Final = {
    "check": LateCommand(f"{_HERE}.check:check", "Look for what no cassette should hold."),
    "record": LateCommand(f"{_HERE}.record:record", "Keep what a command asks a registry."),
    "scrub": LateCommand(f"{_HERE}.scrub:scrub", "Replace the secrets in cassettes."),
    "verify": LateCommand(f"{_HERE}.verify:verify_command", "Ask again, and show what differs."),
}


@final
class _Commands(click.Group):
    """The commands of the table."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - of click
        """Return their names."""
        return sorted(_COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002
        """Import one.

        Raises:
            MissingNeed: the extra isn't installed.
        """
        late = _COMMANDS.get(cmd_name)
        try:
            return None if late is None else late.load()
        except ModuleNotFoundError as error:
            need, cure = error.name or "a module", "pip install 'occystrap[pytest]'"
            raise MissingNeed(f"cassette {cmd_name}", need, cure) from error

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002
        """Write their lines of help, without importing any."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, late.help) for name, late in sorted(_COMMANDS.items())])


@click.group(cls=_Commands)
def cassette() -> None:
    """Keep recorded traffic of registries."""
