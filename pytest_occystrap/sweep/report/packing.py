"""Packing reports for a page: every string once, runs and requests as arrays.

Rule: what an element of an array is, is said here and in the first lines of model.js.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Sequence
from typing import Any, Final

from pytest_occystrap.sweep.report.columns import PAIR, Column, columns_of
from pytest_occystrap.sweep.results import CaseResult, Step, SweepReport, Verdict

__all__ = ["pack"]

_VERDICTS: Final = tuple(Verdict)
#: A port is another in every world: without it lines are the same, and are kept once.
_PORT: Final = re.compile(r"\b(127\.0\.0\.1|localhost):\d{2,5}\b")


def pack(reports: Sequence[SweepReport]) -> dict[str, Any]:
    """Return what model.js unpacks."""
    strings = _Strings()
    sweeps = [_sweep(report, strings) for report in reports]
    return {"verdicts": [one.value for one in _VERDICTS], "sweeps": sweeps, "strings": strings.all}


class _Strings:
    """Gives each string a number."""

    def __init__(self) -> None:
        self._numbers: dict[str, int] = {}
        self._same = functools.cache(lambda text: _PORT.sub(r"\1", text))

    def __call__(self, text: str) -> int:
        return self._numbers.setdefault(self._same(text), len(self._numbers))

    @property
    def all(self) -> list[str]:
        return list(self._numbers)


def _sweep(report: SweepReport, strings: _Strings) -> dict[str, Any]:
    single = [case for case in report.cases if PAIR not in case.exchange]
    rows = {name: place for place, name in enumerate(dict.fromkeys(c.exchange for c in single))}
    by_fault = columns_of(case.fault for case in single)
    columns = {column: place for place, column in enumerate(dict.fromkeys(by_fault.values()))}
    return {
        "operation": strings(report.operation),
        "world": strings(report.world),
        "counts": [report.count(verdict) for verdict in _VERDICTS],
        "rows": [strings(name) for name in rows],
        "columns": [[strings(column.label), strings(column.kind)] for column in columns],
        "peace": [_step(step, strings) for step in report.peace],
        "cases": [
            _case(case, rows.get(case.exchange), columns.get(_column(case, by_fault)), strings)
            for case in report.cases
        ],
    }


def _column(case: CaseResult, by_fault: dict[str, Column]) -> Column:
    return by_fault.get(case.fault, Column("", ""))


def _case(case: CaseResult, row: int | None, column: int | None, strings: _Strings) -> list[Any]:
    """Make an array of a run; one of two faults has neither row nor column."""
    return [
        strings(case.exchange),
        strings(case.fault),
        row,
        None if row is None else column,
        _VERDICTS.index(case.verdict),
        strings(case.expected),
        strings(case.why),
        case.seconds,
        case.clock,
        [_step(step, strings) for step in case.steps],
        [strings(line) for line in case.log],
    ]


def _step(step: Step, strings: _Strings) -> list[Any]:
    return [
        step.number,
        strings(step.request),
        step.status,
        strings(step.outcome),
        strings(step.door),
        _brief(step.started),
        _brief(step.waited),
        _brief(step.seconds),
        step.sent,
        step.received,
        [strings(fault) for fault in step.faults],
    ]


def _brief(seconds: float | None) -> float | None:
    """Keep a hundredth of a millisecond."""
    return None if seconds is None else round(seconds, 5)
