"""The fault sweeps of a session, and what was chosen for it.

Rule: every run of pytest loads this, so it imports nothing that a run without sweeps doesn't need.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Final

import pytest

__all__ = ["SWEPT", "SessionSweeps", "chosen_setting"]

#: The property of a test's report that takes its sweeps from a worker to the controller.
SWEPT: Final = "occystrap_sweep"


def chosen_setting(config: pytest.Config, name: str) -> str:
    """Return a setting of the command line, or else of the ini file."""
    flag: str | None = config.getoption(f"occystrap_{name}")
    ini: str = config.getini(f"occystrap_{name}")
    return ini if flag is None else flag


class SessionSweeps:
    """The sweeps of a session: collects them of all workers, writes them down, tells of them."""

    def __init__(self, config: pytest.Config) -> None:
        self._config = config
        self._documents: list[str] = []
        self._lines: list[str] = []

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Take what a test has swept, before JUnit's XML gets to have megabytes of it."""
        properties = report.user_properties
        self._documents += [str(value) for name, value in properties if name == SWEPT]
        properties[:] = [pair for pair in properties if pair[0] != SWEPT]

    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        """Put the parts together, and write the file that was asked for."""
        chosen = chosen_setting(self._config, "report")
        if not self._documents:
            self._lines = [f"no sweep has run, so {chosen} isn't written"] if chosen else []
            return
        from pytest_occystrap.sweep.merging import merge_reports, summary_table
        from pytest_occystrap.sweep.report import write_reports
        from pytest_occystrap.sweep.results import SweepReport

        documents = map(json.loads, self._documents)
        reports = merge_reports(map(SweepReport.from_document, documents))
        self._lines = summary_table(reports)
        if not chosen:
            return
        try:
            write_reports(self._base / chosen, reports)
        except OSError as error:
            session.exitstatus = pytest.ExitCode.USAGE_ERROR
            self._lines.append(f"{chosen} can't be written: {error}")
        else:
            self._lines.append(f"written to {chosen}")

    @property
    def _base(self) -> Path:
        """The directory that the name of the file starts from, as it does for pytest's own."""
        is_flag = self._config.getoption("occystrap_report") is not None
        return self._config.invocation_params.dir if is_flag else self._config.rootpath

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        """Show what came of each sweep."""
        if self._lines:
            terminalreporter.section("fault sweeps")
        for line in self._lines:
            terminalreporter.line(line)
