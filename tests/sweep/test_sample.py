"""A sample of every sweep: nothing is done that no client may do, and what passes is recovered."""

from __future__ import annotations

import pytest

from pytest_occystrap.sweep import Verdict, fault_sweep
from tests.support.sweeps import SWEEPS, Sweep


@pytest.mark.parametrize("sweep", SWEEPS, ids=lambda sweep: f"{sweep.name}, {sweep.world}")
def test_a_sample(sweep: Sweep) -> None:
    """The same cases each time, drawn from all exchanges and all faults."""
    report = fault_sweep(sweep.operation, most=12, seed=0, **sweep.arguments)
    report.assert_clean()
    struck = [case for case in report.cases if case.verdict is not Verdict.UNSTRUCK]
    assert [c for c in struck if c.expected == "recovered" != c.verdict.value] == []
    assert struck
