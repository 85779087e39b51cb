"""Runs of pytest with the plugin, and what their reports hold."""

from __future__ import annotations

import re

import pytest

__all__ = ["run_suite", "section"]


def run_suite(pytester: pytest.Pytester, suite: str, *arguments: str) -> pytest.RunResult:
    """Run a suite of tests in this process."""
    pytester.makepyfile(suite)
    return pytester.runpytest_inprocess("-p", "pytest_occystrap", *arguments)


def section(result: pytest.RunResult, title: str) -> list[str]:
    """Take a section out of the report of a failed test, with all times replaced."""
    text = result.stdout.str()
    pattern = rf"^-+ {re.escape(title)} -+\n(.*?)(?=^[-=_]{{3,}}|\Z)"
    found = re.search(pattern, text, re.MULTILINE | re.DOTALL)
    assert found is not None, text
    return re.sub(r" +\d+\.\d ", " MS ", found[1]).splitlines()
