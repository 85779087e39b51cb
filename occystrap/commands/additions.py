"""What other packages add to the command line: commands of their own, and options of commands.

Rule: the tool knows no package that adds anything. A package makes itself known by entry points of
the group `occystrap.commands`: `NAME` is a command, `COMMAND.NAME`, such as
`registry.serve.dialect`, brings options to a command. Their names are all that is looked at until
that command is used; then they are imported, and whose needs aren't installed says so.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from occystrap.errors import InvalidOption

if TYPE_CHECKING:
    from importlib.metadata import EntryPoint

__all__ = ["Addition", "MissingNeed", "added_commands", "added_options"]

GROUP: Final = "occystrap.commands"

#: Packages whose needs are an extra of their own.
_INSTALLED_AS: Final = {"occystrap": "occystrap[pytest]"}


class MissingNeed(InvalidOption):
    """An addition needs a module that isn't installed; `need` names it, `cure` installs it."""

    def __init__(self, name: str, need: str, cure: str) -> None:
        super().__init__(f"{name} needs {need}, which isn't installed; install it with: {cure}")
        self.need = need
        self.cure = cure


@dataclass(frozen=True, slots=True)
class Addition:
    """What an entry point stands for: `name` is that of the command, or of some of its options."""

    name: str
    entry_point: EntryPoint

    @property
    def package(self) -> str:
        """Who brings it, as pip calls it."""
        distribution = self.entry_point.dist
        return _top(self.entry_point.module) if distribution is None else distribution.name

    def load(self) -> Any:
        """Import it.

        Raises:
            MissingNeed: the package has an extra that isn't installed, or lacks a dependency.
        """
        try:
            return self.entry_point.load()
        except ModuleNotFoundError as error:
            package = _INSTALLED_AS.get(self.package, self.package)
            need, cure = error.name or "a module", f"pip install '{package}'"
            raise MissingNeed(self.name, need, cure) from error


def added_commands() -> Mapping[str, Addition]:
    """Find the commands that packages bring, by name."""
    return {point.name: Addition(point.name, point) for point in _points() if "." not in point.name}


def added_options(command: str) -> tuple[Addition, ...]:
    """Find what packages bring to a command, which is named with dots: `registry.serve`."""
    return tuple(
        Addition(point.name.removeprefix(f"{command}."), point)
        for point in _points()
        if point.name.rpartition(".")[0] == command
    )


def _points() -> list[EntryPoint]:
    from importlib.metadata import entry_points  # noqa: PLC0415 - dear, and seldom needed

    return sorted(entry_points(group=GROUP), key=lambda point: point.name)


def _top(module: str) -> str:
    return module.partition(".")[0]
