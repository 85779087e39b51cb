"""docs/resilience.md says of every sweep what came of it, and no run was a violation."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.sweeps import SKOPEO, SWEEPS, Sweep

PAGE = Path(__file__).parents[2] / "docs/resilience.md"
VIOLATIONS = 5


def rows(name: str) -> list[list[str]]:
    """Return the cells of the lines of a table, without its head."""
    _, _, rest = PAGE.read_text().partition(f"<!-- {name}: made by make sweep -->")
    part, _, _ = rest.partition(f"<!-- {name}: end -->")
    lines = [line for line in part.splitlines() if line.startswith("|")]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines[2:]]


def test_the_page_has_every_sweep() -> None:
    """A sweep that is added or renamed is run before the page is true again."""
    named = [(operation, *world.rsplit(", ", 1)) for operation, world, *_ in rows("occystrap")]
    assert [row[0] for row in named] == [sweep.name for sweep in SWEEPS]
    assert [row[-1] for row in named] == [sweep.door for sweep in SWEEPS]
    worlds = [set(row[1].split(", ")) for row in named]
    dialects = [str(sweep.options.get("dialect") or "bearer") for sweep in SWEEPS]
    assert all(dialect in world for dialect, world in zip(dialects, worlds, strict=True))


def test_no_run_was_a_violation() -> None:
    """Of occystrap's own sweeps, that is: the others are there to compare."""
    assert {row[VIOLATIONS] for row in rows("occystrap")} == {"0"}


@pytest.mark.parametrize("sweep", SKOPEO, ids=lambda sweep: sweep.name)
def test_the_page_has_the_peer(sweep: Sweep) -> None:
    """Each sweep of skopeo has a line that adds up, and says what its violations were."""
    (found,) = [row for row in rows("skopeo") if row[0] == sweep.name]
    runs, *counts = map(int, found[2:7])
    assert runs == sum(counts)
    assert bool(found[7]) == bool(counts[2])
