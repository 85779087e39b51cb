"""Requests as a test expects them, held against those that came.

Rule: a failure says what is missing, what came closest to it and in what it differs.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from pytest_occystrap.exchange import Exchange, shorten

__all__ = ["Wanted", "WantedLike", "differences", "parse_wanted"]

#: `GET /v2/app/tags/list`, `GET /v2/* 200`, `* quay.io/v2/`; or its parts.
WantedLike = str | tuple[str, str] | tuple[str, str, int]

_GRAMMAR: Final = re.compile(r"(\S+)\s+(\S+)(?:\s+(?:->\s*)?(\d{3}))?")


@dataclass(frozen=True, slots=True)
class Wanted:
    """A request that a test expects; `*` stands for anything in method and target.

    A target that doesn't begin with a slash begins with the host. One without a question mark
    doesn't look at the query.
    """

    method: str
    target: str
    status: int | None = None

    def problems(self, exchange: Exchange) -> Iterator[str]:
        """Tell in what an exchange differs."""
        if not _matches(self.method, exchange.method):
            yield f"the method is {exchange.method}"
        found = exchange.path if self.target.startswith("/") else _with_host(exchange)
        if "?" in self.target:
            found += "?" + "&".join(f"{name}={value}" for name, value in exchange.query)
        if not _matches(self.target, found):
            yield f"the target is {exchange.target}"
        if self.status not in (None, exchange.status):
            yield f"the answer is {exchange.status or exchange.outcome.value}"

    def matches(self, exchange: Exchange) -> bool:
        """Tell whether an exchange is what is expected."""
        return next(self.problems(exchange), None) is None

    def likeness(self, exchange: Exchange) -> tuple[int, float]:
        """Rank how close an exchange comes."""
        texts = f"{self.method} {self.target}", f"{exchange.method} {exchange.target}"
        ratio = difflib.SequenceMatcher(None, *texts, autojunk=False).ratio()
        return -len(list(self.problems(exchange))), ratio

    def __str__(self) -> str:
        answer = "" if self.status is None else f" -> {self.status}"
        return f"{self.method} {self.target}{answer}"


def parse_wanted(wanted: WantedLike) -> Wanted:
    """Read what a test has written.

    Raises:
        ValueError: it says no method and target.
    """
    if not isinstance(wanted, str):
        return Wanted(wanted[0], wanted[1], wanted[2] if len(wanted) == 3 else None)  # noqa: PLR2004
    match = _GRAMMAR.fullmatch(wanted.strip())
    if match is None:
        raise ValueError(f"not 'METHOD TARGET' or 'METHOD TARGET STATUS': {wanted!r}")
    method, target, status = match.groups()
    return Wanted(method, target, None if status is None else int(status))


def differences(
    wanted: Sequence[Wanted], exchanges: Sequence[Exchange], *, in_order: bool, others: bool
) -> list[str]:
    """List what is missing and what is too much; nothing when all is as expected."""
    pairs = _in_order(wanted, exchanges) if in_order else _in_any_order(wanted, exchanges)
    found = set(pairs.values())
    rest = [exchange for n, exchange in enumerate(exchanges) if n not in found]
    lines: list[str] = []
    for number, expected in enumerate(wanted):
        if number not in pairs:
            lines += _missing(expected, rest)
    if not others:
        lines += [f"unexpected: #{exchange.number} {shorten(str(exchange))}" for exchange in rest]
    return lines


def _missing(wanted: Wanted, exchanges: Sequence[Exchange]) -> Iterator[str]:
    yield f"missing: {shorten(str(wanted))}"
    nearest = max(exchanges, key=wanted.likeness, default=None)
    if nearest is not None:
        problems = " and ".join(wanted.problems(nearest)) or "it came out of order"
        yield f"    nearest: #{nearest.number} {shorten(f'{nearest}, but {problems}')}"


def _in_order(wanted: Sequence[Wanted], exchanges: Sequence[Exchange]) -> dict[int, int]:
    """Pair as many as can be without crossing: the longest common subsequence."""
    rows, columns = len(wanted), len(exchanges)
    matches = [[one.matches(exchange) for exchange in exchanges] for one in wanted]
    best = [[0] * (columns + 1) for _ in range(rows + 1)]
    for row in reversed(range(rows)):
        for column in reversed(range(columns)):
            skipped = max(best[row + 1][column], best[row][column + 1])
            paired = best[row + 1][column + 1] + 1 if matches[row][column] else 0
            best[row][column] = max(skipped, paired)
    pairs: dict[int, int] = {}
    row = column = 0
    while row < rows and column < columns:
        if matches[row][column] and best[row][column] == best[row + 1][column + 1] + 1:
            pairs[row] = column
            row, column = row + 1, column + 1
        elif best[row + 1][column] >= best[row][column + 1]:
            row += 1
        else:
            column += 1
    return pairs


def _in_any_order(wanted: Sequence[Wanted], exchanges: Sequence[Exchange]) -> dict[int, int]:
    """Pair as many as can be: a wildcard takes nothing that another expectation needs."""
    taken: dict[int, int] = {}

    def take(row: int, seen: set[int]) -> bool:
        for column, exchange in enumerate(exchanges):
            if column not in seen and wanted[row].matches(exchange):
                seen.add(column)
                if column not in taken or take(taken[column], seen):
                    taken[column] = row
                    return True
        return False

    for row in range(len(wanted)):
        take(row, set())
    return {row: column for column, row in taken.items()}


def _with_host(exchange: Exchange) -> str:
    return f"{exchange.host}{exchange.path}"


def _matches(pattern: str, text: str) -> bool:
    return re.fullmatch(".*".join(map(re.escape, pattern.split("*"))), text) is not None
