"""Where CI=true or OCCYSTRAP_REQUIRE_REAL=1, a skipped test is a failed test.

A skip on a laptop says "install this to run more"; in CI nobody reads it.
"""

from __future__ import annotations

from collections.abc import Generator, Mapping

import pytest

__all__ = ["NothingSkipped", "nothing_may_be_skipped"]


def nothing_may_be_skipped(environ: Mapping[str, str]) -> bool:
    """Say whether this run has to execute every test."""
    return environ.get("CI") == "true" or environ.get("OCCYSTRAP_REQUIRE_REAL") == "1"


class NothingSkipped:
    """A pytest plugin that fails what was skipped, tests and whole modules alike."""

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_runtest_makereport(
        self,
    ) -> Generator[None, pytest.TestReport, pytest.TestReport]:
        """Look at a test's report after pytest has marked the expected failures in it."""
        report = yield
        if not hasattr(report, "wasxfail"):
            _fail_if_skipped(report)
        return report

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_make_collect_report(
        self,
    ) -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
        """Look at the report of a module's collection."""
        report = yield
        _fail_if_skipped(report)
        return report


def _fail_if_skipped(report: pytest.TestReport | pytest.CollectReport) -> None:
    if report.skipped:
        reason = report.longrepr[2] if isinstance(report.longrepr, tuple) else report.longreprtext
        report.outcome = "failed"
        report.longrepr = f"Nothing may be skipped in this run. {reason}"
