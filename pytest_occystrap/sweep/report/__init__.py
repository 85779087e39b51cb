"""Writing down what came of the sweeps of a session: a page to look at, or JSON to go on with.

Rule: the name of a file says what is in it, `.json` or a page.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

from pytest_occystrap.sweep.report.page import render_page
from pytest_occystrap.sweep.results import SweepReport

__all__ = ["read_reports", "render_page", "write_reports"]

_VERSION: Final = 1


def write_reports(path: Path, reports: Sequence[SweepReport]) -> None:
    """Write them all into one file; its directory is made.

    Raises:
        OSError: it can't be written.
    """
    text = _as_json(reports) if path.suffix == ".json" else render_page(reports)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")


def read_reports(path: Path) -> list[SweepReport]:
    """Read what `write_reports` has written as JSON.

    Raises:
        OSError: it can't be read.
        ValueError: it isn't such a file.
    """
    document: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    if document.get("version") != _VERSION:
        raise ValueError(f"{path} is no report of version {_VERSION}")
    return [SweepReport.from_document(sweep) for sweep in document["sweeps"]]


def _as_json(reports: Sequence[SweepReport]) -> str:
    sweeps = [report.to_document() for report in reports]
    return json.dumps({"version": _VERSION, "sweeps": sweeps}, ensure_ascii=False) + "\n"
