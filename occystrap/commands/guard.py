"""Who is let in to what a command serves."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from occystrap.errors import InvalidOption
from occystrap.server.gate import BasicGate, BearerGate

if TYPE_CHECKING:
    from occystrap.server.message import Handler

__all__ = ["Guard"]


@dataclass(frozen=True, slots=True)
class Guard:
    """What `--auth`, `--user` and `--anonymous-pull` say; without `auth` everyone is let in."""

    auth: str | None = None
    accounts: Mapping[str, str] = field(default_factory=dict[str, str], repr=False)
    anonymous_pull: bool = False

    def check(self) -> None:
        """See that accounts and the way to ask for them fit together.

        Raises:
            InvalidOption: they don't.
        """
        if self.auth is None and self.accounts:
            raise InvalidOption("--user needs --auth basic or --auth bearer")
        if self.auth == "basic" and not self.accounts:
            raise InvalidOption("--auth basic needs at least one --user NAME:PASSWORD")
        if self.anonymous_pull and not (self.auth == "bearer" and self.accounts):
            raise InvalidOption("--anonymous-pull needs --auth bearer and --user NAME:PASSWORD")

    def around(self, handler: Handler) -> Handler:
        """Put the gate in front of a handler, if there is one."""
        if self.auth == "basic":
            return BasicGate(handler, self.accounts)
        if self.auth == "bearer":
            accounts = self.accounts or None
            return BearerGate(handler, accounts=accounts, anonymous_pull=self.anonymous_pull)
        return handler
