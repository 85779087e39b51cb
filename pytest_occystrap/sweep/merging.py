"""Putting the parts of a sweep together again, and saying in a few lines what came of it.

Rule: parts are of one sweep when operation and world have the same names. A case is known by its
exchange and its fault; of two that are the same the later one counts.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Final

from pytest_occystrap.sweep.results import CaseResult, Step, SweepReport, Verdict

__all__ = ["merge_reports", "summary_table"]

_NUMBER: Final = re.compile(r"(?:^|(?<= \+ ))#(\d+)(?= )")
#: What is another in every run: ports, and the names of uploads.
_PASSING: Final = re.compile(r"(?<=:)\d{2,5}(?=/)|(?<=uploads/)[0-9a-f]{8}(?=…)")
_HEADINGS: Final = (
    "operation",
    "world",
    "cases",
    "recovered",
    "refused",
    "violations",
    "unstruck",
)


def merge_reports(reports: Iterable[SweepReport]) -> list[SweepReport]:
    """Put reports of the same operation in the same kind of world together, in order."""
    merged: dict[tuple[str, str], SweepReport] = {}
    for report in reports:
        key = report.operation, report.world
        merged[key] = _join(merged[key], report) if key in merged else report
    return list(merged.values())


def _join(first: SweepReport, second: SweepReport) -> SweepReport:
    numbers = _numbers_in(first.peace, second.peace)
    cases = {(case.exchange, case.fault): case for case in first.cases}
    for case in second.cases:
        same = replace(case, exchange=_renumbered(case.exchange, numbers))
        cases[same.exchange, same.fault] = same
    return replace(first, cases=tuple(sorted(cases.values(), key=_place)))


def _numbers_in(first: Sequence[Step], second: Sequence[Step]) -> Mapping[str, str]:
    """Say which number of the first run an exchange of the second has there.

    Parallel requests come in any order, so that the same one may be the third here and the fourth
    there.
    """
    names = {name: number for number, name in _names(first)}
    return {str(number): str(names.get(name, number)) for number, name in _names(second)}


def _names(steps: Sequence[Step]) -> Iterable[tuple[int, tuple[str, int]]]:
    counts: Counter[str] = Counter()
    for step in steps:
        request = _PASSING.sub("", step.request)
        counts[request] += 1
        yield step.number, (request, counts[request])


def _renumbered(exchange: str, numbers: Mapping[str, str]) -> str:
    return _NUMBER.sub(lambda found: f"#{numbers.get(found[1], found[1])}", exchange)


def _place(case: CaseResult) -> tuple[int, ...]:
    """Order cases by their exchanges, pairs last; what is equal stays as it came."""
    numbers = [int(number) for number in _NUMBER.findall(case.exchange)]
    return len(numbers), *numbers


def summary_table(reports: Sequence[SweepReport]) -> list[str]:
    """Write a line for each sweep, under one of headings."""
    rows = [_HEADINGS, *map(_row, reports)]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return ["  ".join(_aligned(row, widths)).rstrip() for row in rows]


def _row(report: SweepReport) -> tuple[str, ...]:
    counts = [str(report.count(verdict)) for verdict in Verdict]
    return (report.operation, report.world, str(len(report.cases)), *counts)


def _aligned(row: Sequence[str], widths: Sequence[int]) -> Iterable[str]:
    """Put names to the left and numbers to the right."""
    for column, (text, width) in enumerate(zip(row, widths, strict=True)):
        yield text.ljust(width) if column < 2 else text.rjust(width)  # noqa: PLR2004 - two names
