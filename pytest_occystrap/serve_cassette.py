"""`occystrap registry serve --cassette`: recorded traffic at an address, for any client.

Rule: what is in the cassettes is all that is answered; whoever runs it is told what wasn't in them.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import click

from occystrap.commands.serving import Extension, Front, Serving
from occystrap.commands.variables import CommandOption
from occystrap.errors import InvalidOption
from pytest_occystrap.cassettes.finding import find_cassette, read_cassettes
from pytest_occystrap.cassettes.form import Cassette, Provenance
from pytest_occystrap.cassettes.mismatch import Unmatched
from pytest_occystrap.cassettes.replay import Replay
from pytest_occystrap.options import usual_cassettes

__all__ = ["ServeCassette"]

#: Below the name whose messages the command line shows.
_LOG: Final = logging.getLogger("occystrap.replay")


def _options() -> tuple[click.Option, ...]:
    """Make the options, anew for each command: click keeps them as its own."""
    return (
        CommandOption(
            ["--cassette"],
            metavar="PATH",
            multiple=True,
            help="Answer as recorded in this cassette: a file, or a name in ./cassettes such as"
            " quay/pull. Can be repeated.",
        ),
    )


class ServeCassette(Extension):
    """The option of `occystrap registry serve` that plays cassettes."""

    def __init__(self) -> None:
        self.options = _options()

    def front(self, serving: Serving, chosen: Mapping[str, Any]) -> Front | None:
        """Let cassettes answer in place of the registry.

        Raises:
            InvalidOption: something else is asked for that a cassette can't do.
            CassetteError: one isn't there, or can't be played.
        """
        names: tuple[str, ...] = chosen["cassette"]
        if not names:
            return None
        if serving.auth or serving.accounts or serving.anonymous_pull:
            raise InvalidOption(
                "with --cassette, who may do what is in the cassette: leave out --auth, --user and"
                " --anonymous-pull"
            )
        directory = usual_cassettes(Path())
        cassette = read_cassettes([find_cassette(name, directory) for name in names], directory)
        replay = Replay(cassette, remark=_tell)
        return Front(replay, http2=serving.http2 is not False, notes=_notes(cassette))


def _tell(unmatched: Unmatched) -> None:
    _LOG.warning("%s", "\n".join(["nothing is recorded for", *unmatched.lines]))


def _notes(cassette: Cassette) -> tuple[str, ...]:
    count = len(cassette.interactions)
    from_where = _described(cassette.provenance)
    return (f"Replayed: {count} exchanges{from_where}",)


def _described(provenance: Provenance) -> str:
    server = f" of {provenance.server}" if provenance.server else ""
    when = f", recorded {provenance.recorded}" if provenance.recorded else ""
    return f"{server}{when}"
