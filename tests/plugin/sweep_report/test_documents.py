"""A report can be written down and read again, as JSON and from shard to shard."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_occystrap.sweep.report import read_reports, write_reports
from pytest_occystrap.sweep.results import CaseResult, Step, SweepReport
from tests.support.sweep_reports import hostile_report, small_report

SECONDS = st.floats(0, 1e6)
STEPS = st.lists(
    st.builds(Step, started=SECONDS, waited=st.none() | SECONDS, seconds=st.none() | SECONDS),
    max_size=3,
).map(tuple)
CASES = st.lists(st.builds(CaseResult, seconds=SECONDS, clock=SECONDS, steps=STEPS), max_size=3)


@given(st.builds(SweepReport, peace=STEPS, cases=CASES.map(tuple)))
def test_a_document_is_the_report(report: SweepReport) -> None:
    """Nothing is lost on the way from a worker to the controller."""
    document = json.loads(json.dumps(report.to_document()))
    assert SweepReport.from_document(document) == report


def test_a_file_holds_all_reports(tmp_path: Path) -> None:
    """In order, and its directory is made."""
    reports = [small_report(), hostile_report()]
    write_reports(tmp_path / "made/report.json", reports)
    assert read_reports(tmp_path / "made/report.json") == reports


def test_a_file_of_another_version_is_refused(tmp_path: Path) -> None:
    """It may mean something else."""
    (tmp_path / "report.json").write_text('{"version": 2, "sweeps": []}')
    with pytest.raises(ValueError, match="no report of version 1"):
        read_reports(tmp_path / "report.json")
