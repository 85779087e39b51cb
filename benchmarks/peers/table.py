"""What came out, for people: one table in Markdown.

Rule: ratios are taken within a round, below 1 is better than the peer; the median counts, and the
extremes stand beside it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, final

from benchmarks.peers.runs import Run, Spread
from benchmarks.peers.works import WORKS

__all__ = ["GOALS", "OURS", "Ratio", "markdown", "memory_table", "ratios", "ratios_table"]

OURS: Final = "occystrap"
#: What is aimed at: the most that wall seconds may be of a peer's.
GOALS: Final[Mapping[tuple[str, str], float]] = {
    ("pull", "skopeo"): 0.35,
    ("push", "skopeo"): 0.35,
    ("copy", "crane"): 1.0,
    ("layout", "crane"): 1.2,
    ("small", "crane"): 2.0,
}
_HEADINGS: Final = (
    "work",
    "peer",
    "wall s",
    "peer's",
    "wall ratio",
    "CPU ratio",
    "peak MiB",
    "peer's",
    "goal",
)


@final
@dataclass(frozen=True, slots=True)
class Ratio:
    """One kind of work beside one peer."""

    key: str
    title: str
    peer: str
    ours: tuple[Run, ...]
    theirs: tuple[Run, ...]

    @property
    def wall(self) -> Spread:
        """Seconds on the clock, ours by theirs."""
        return Spread.of([a.wall / b.wall for a, b in zip(self.ours, self.theirs, strict=True)])

    @property
    def cpu(self) -> Spread:
        """Seconds of the processors, ours by theirs; a tick of the clock is the least there is."""
        pairs = zip(self.ours, self.theirs, strict=True)
        return Spread.of([max(a.cpu, 0.001) / max(b.cpu, 0.001) for a, b in pairs])

    @property
    def row(self) -> tuple[str, ...]:
        """The cells of its line."""
        goal = GOALS.get((self.key, self.peer))
        return (
            self.title,
            self.peer,
            Spread.of([run.wall for run in self.ours]).text(),
            Spread.of([run.wall for run in self.theirs]).text(),
            self.wall.text(),
            self.cpu.text(),
            f"{max(run.peak for run in self.ours):.0f}",
            f"{max(run.peak for run in self.theirs):.0f}",
            "" if goal is None else f"{goal:.2f}",
        )


def ratios(works: Mapping[str, Mapping[str, Any]]) -> list[Ratio]:
    """Put ours beside each peer's, from the file of results, by kinds of work in their order."""
    return [
        Ratio(work.key, work.title, peer, _runs(works[work.key][OURS]), _runs(theirs))
        for work in WORKS
        for peer, theirs in works.get(work.key, {}).items()
        if peer != OURS
    ]


def _runs(listed: Iterable[Mapping[str, float]]) -> tuple[Run, ...]:
    return tuple(Run(**each) for each in listed)


def markdown(headings: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Write a table."""
    lines = [headings, ["---"] * len(headings), *rows]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


def ratios_table(found: Iterable[Ratio]) -> str:
    """Write the table of all kinds of work."""
    return markdown(_HEADINGS, (each.row for each in found))


def memory_table(peaks: Mapping[str, Mapping[str, Any]]) -> str:
    """Write the table of peaks."""
    titles = {work.key: work.title for work in WORKS}
    names = list(next(iter(peaks.values())))
    rows = ((titles[key], *(f"{each[name]:.0f}" for name in names)) for key, each in peaks.items())
    return markdown(("work", *(f"{name}, MiB" for name in names)), rows)
