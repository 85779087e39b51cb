"""Recordings at a fake registry: played in its place, or their images put into it.

Rule: faults, the clock and the ledger are the fake's, whoever answers.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from occystrap.server.message import Request, Response
from pytest_occystrap.observed import Observed

if TYPE_CHECKING:
    from pathlib import Path

    from occystrap.server.message import Handler
    from pytest_occystrap.cassettes.finding import CassetteLike
    from pytest_occystrap.cassettes.replay import Replay

__all__ = ["Replaying", "Switch"]


@dataclass(slots=True)
class Switch:
    """A Handler in whose place another can be put while clients have it."""

    current: Handler

    def handle(self, request: Request) -> Response:
        """Let the one answer whose turn it is."""
        return self.current.handle(request)


class Replaying(Observed):
    """Whoever can let a recording answer."""

    #: What answers, as soon as something is replayed.
    _replay: Replay | None = None

    def _directory(self) -> Path:
        """Say where cassettes are that are called by name."""
        raise NotImplementedError

    def _stand_in(self, replay: Replay) -> None:
        """Let it answer from now on."""
        raise NotImplementedError

    def replay(self, *cassettes: CassetteLike, allow_unmatched: bool = False) -> Replay:
        """Let cassettes answer from now on, in place of the fake, on every way that leads here.

        registry.replay("quay/pull")
        registry.replay(tmp_path / "mine.yaml", allow_unmatched=True)

        A test fails that asks for what isn't in them, unless that is allowed.

        Raises:
            occystrap.errors.CassetteError: one isn't there, or can't be played.
        """
        from pytest_occystrap.cassettes.finding import read_cassettes
        from pytest_occystrap.cassettes.replay import Replay

        cassette = read_cassettes(cassettes, self._directory())
        replay = Replay(cassette, allow_unmatched=allow_unmatched)
        self._stand_in(replay)
        self._replay = replay
        return replay

    def assert_all_matched(self) -> None:
        """Check that whatever was asked for was in the cassettes that are replayed.

        Raises:
            AssertionError: something wasn't, shown with the nearest recorded exchanges.
        """
        __tracebackhide__ = True
        replay = self._replay
        if replay is None or replay.allow_unmatched:
            return
        lines: Sequence[str] = [line for each in replay.unmatched for line in each.lines]
        if lines:
            self._fail("nothing is recorded for", lines)
