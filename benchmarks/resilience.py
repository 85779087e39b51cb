"""Sweep occystrap whole, and skopeo beside it, and write what came of it into docs/resilience.md.

Each exchange of each operation, in each kind of world, with each fault that fits, and some with
two. Exits with 1 when occystrap did what no client may, or didn't recover from what passes by
itself.
"""

from __future__ import annotations

import argparse
import datetime as dt
import os
import shutil
import subprocess
import sys
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from pytest_occystrap.sweep import SweepReport, Verdict, fault_sweep
from tests.support.sweeps import SKOPEO, SWEEPS, Sweep

ROOT: Final = Path(__file__).resolve().parent.parent
_PAGE: Final = ROOT / "docs/resilience.md"
_MARKS: Final = ("<!-- {}: made by make sweep -->\n", "<!-- {}: end -->\n")
#: Runs with two faults each, drawn by a seed, in each sweep.
_PAIRS: Final = 100
#: Operation and world.
_Key = tuple[str, str]
_HEADINGS: Final = ("operation", "world", "runs", "recovered", "refused", "violations", "unstruck")


@dataclass(frozen=True, slots=True)
class Result:
    """The figures of a sweep, and what is wrong in words."""

    operation: str
    world: str
    counts: tuple[int, ...]
    offences: tuple[str, ...]
    failures: tuple[str, ...]

    @property
    def row(self) -> tuple[str, ...]:
        """The cells of its line."""
        return (self.operation, self.world, str(sum(self.counts)), *map(str, self.counts))


def sweep(each: Sweep, most: int | None) -> Result:
    """Run a sweep; called in a process of its own."""
    report = fault_sweep(each.operation, most=most, pairs=_PAIRS, **each.arguments)
    counts = tuple(report.count(verdict) for verdict in Verdict)
    return Result(each.name, report.world, counts, _offences(report), _failures(report))


def _offences(report: SweepReport) -> tuple[str, ...]:
    """Say what kinds of violations there were, and of how many runs."""
    kinds = Counter(case.why.split(":")[0] for case in report.violations)
    return tuple(f"{kind} ({count})" for kind, count in kinds.most_common())


def _failures(report: SweepReport) -> tuple[str, ...]:
    """List what was not as it has to be."""
    return tuple(
        f"{report.operation} ({report.world}): {case.exchange} | {case.fault}: {case.why}"
        for case in report.cases
        if case.verdict is Verdict.VIOLATION
        or (case.expected == "recovered" and case.verdict is Verdict.REFUSED)
    )


def _run_all(sweeps: Sequence[Sweep], most: int | None) -> list[Result]:
    results = []
    with ProcessPoolExecutor(os.cpu_count()) as pool:
        for result in pool.map(sweep, sweeps, [most] * len(sweeps)):
            print("  ".join(result.row), flush=True)
            results.append(result)
    return results


def _table(headings: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [headings, ["---"] * len(headings), *rows]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


def _put(name: str, text: str) -> None:
    """Replace a part of the page."""
    page = _PAGE.read_text()
    begin, end = (mark.format(name) for mark in _MARKS)
    before, _, rest = page.partition(begin)
    _, _, after = rest.partition(end)
    _PAGE.write_text(f"{before}{begin}\n{text}\n{end}{after}")


def _rows() -> dict[_Key, tuple[str, ...]]:
    """Read the rows of the page, of which only some are made anew."""
    begin, end = (mark.format("occystrap") for mark in _MARKS)
    part = _PAGE.read_text().partition(begin)[2].partition(end)[0]
    lines = [line.strip("| ").split(" | ") for line in part.splitlines() if line.startswith("|")]
    return {(cells[0], cells[1]): tuple(cells) for cells in lines[2:]}


def _in_order(rows: Mapping[_Key, tuple[str, ...]]) -> dict[_Key, tuple[str, ...]]:
    """Sort rows as the sweeps are."""

    def place(key: _Key) -> int:
        operation, (*world, door) = key[0], key[1].split(", ")
        return next(
            number
            for number, each in enumerate(SWEEPS)
            if (each.name, each.door) == (operation, door)
            and each.options.get("dialect", "bearer") in world
        )

    return {key: rows[key] for key in sorted(rows, key=place)}


def _skopeo_version() -> str:
    done = subprocess.run(
        [str(shutil.which("skopeo")), "--version"], capture_output=True, text=True, check=True
    )
    return done.stdout.strip()


def main() -> int:
    """Run what was asked for."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0] if __doc__ else "")
    parser.add_argument("--most", type=int, help="so many runs of each sweep, drawn by a seed")
    parser.add_argument(
        "--only", default="", help="make the rows anew whose name or world holds this text"
    )
    parser.add_argument("--skopeo", type=int, default=0, metavar="RUNS", help="of each of skopeo's")
    arguments: Any = parser.parse_args()
    today = dt.datetime.now(dt.UTC).date()
    chosen = [each for each in SWEEPS if arguments.only in f"{each.name}, {each.world}"]
    results = _run_all(chosen, arguments.most)
    failures = [line for result in results for line in result.failures]
    total = sum(sum(result.counts) for result in results)
    if arguments.most is None:
        rows = {(each.operation, each.world): each.row for each in results}
        rows = _in_order(_rows() | rows if arguments.only else rows)
        runs = sum(int(row[_HEADINGS.index("runs")]) for row in rows.values())
        said = f"{runs} runs, the last of them on {today}.\n\n"
        _put("occystrap", said + _table(_HEADINGS, rows.values()))
    if arguments.skopeo:
        peers = _run_all(SKOPEO, arguments.skopeo)
        lines = [(*each.row, "; ".join(each.offences)) for each in peers]
        said = f"{_skopeo_version()}, on {today}; {arguments.skopeo} runs of each, by a seed.\n\n"
        _put("skopeo", said + _table((*_HEADINGS, "which"), lines))
    print(*failures, sep="\n")
    print(f"{total} runs, {len(failures)} not as they have to be")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
