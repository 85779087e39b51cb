"""What clients did at a registry: the exchanges, and assertions about them.

Rule: a failure says what is missing and what came closest. All of the traffic stands beside it in
the report of the test.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import NoReturn

from pytest_occystrap.exchange import Exchange, shorten
from pytest_occystrap.expectations import WantedLike, differences, parse_wanted
from pytest_occystrap.leaks import find_leaks
from pytest_occystrap.ledger import Ledger
from pytest_occystrap.report import traffic_table

__all__ = ["Observed"]


class Observed:
    """Whoever keeps a ledger."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger

    @property
    def requests(self) -> list[Exchange]:
        """Every exchange so far, in the order in which they began."""
        return self._ledger.exchanges

    def clear_requests(self) -> None:
        """Forget all exchanges so far, such as those of a preparation."""
        self._ledger.clear()

    def settle(self) -> None:
        """Wait until no exchange is under way, such as one that its client has abandoned.

        Raises:
            TimeoutError: one still is after some seconds.
        """
        self._ledger.settle()

    @property
    def leaks(self) -> dict[int, str]:
        """What was sent to where it doesn't belong, by the number of the exchange."""
        return find_leaks(self.requests, self._secrets())

    def _secrets(self) -> Collection[str]:
        """Passwords and tokens that no URL may hold."""
        return ()

    @property
    def traffic(self) -> str:
        """The exchanges as a table, the odd ones marked."""
        exchanges = self.requests
        notes = {one.number: f"fault: {', '.join(one.faults)}" for one in exchanges if one.faults}
        for number, leak in self.leaks.items():
            notes[number] = f"{leak}; {notes[number]}" if number in notes else leak
        return traffic_table(exchanges, notes)

    def assert_requests(
        self, wanted: Sequence[WantedLike], *, in_order: bool = True, others: bool = False
    ) -> None:
        """Check that these requests came: `METHOD /path`, or `METHOD /path STATUS`.

        `*` stands for anything. The query counts when the path has one, the host when the path
        doesn't begin with a slash. Without `in_order` they may come in any order, as those of
        parallel layers do; with `others` more may have come.

        Raises:
            AssertionError: one is missing, shown with the nearest that came, or is too much.
        """
        __tracebackhide__ = True
        parsed = [parse_wanted(one) for one in wanted]
        lines = differences(parsed, self.requests, in_order=in_order, others=others)
        if lines:
            self._fail("the requests are not those that were expected", lines)

    def assert_no_credentials_leaked(self) -> None:
        """Check that credentials went only where they belong.

        Not to the storage host that a redirect leads to, not in a URL, and no token to another host
        than the one it was used for first.

        Raises:
            AssertionError: they went elsewhere.
        """
        __tracebackhide__ = True
        exchanges = {exchange.number: str(exchange) for exchange in self.requests}
        lines = [
            f"#{number} {shorten(exchanges[number])}: {leak}" for number, leak in self.leaks.items()
        ]
        if lines:
            self._fail("credentials were sent to where they don't belong", lines)

    @staticmethod
    def _fail(message: str, lines: Sequence[str]) -> NoReturn:
        __tracebackhide__ = True
        listed = "\n".join(f"  {line}" for line in lines)
        raise AssertionError(f"{message}\n{listed}")
