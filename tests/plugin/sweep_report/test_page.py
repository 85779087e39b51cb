"""The page of a report: whole in itself, and nothing in its data is taken for markup."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest

from pytest_occystrap.faults import EFFECTS
from pytest_occystrap.sweep.report import render_page, write_reports
from pytest_occystrap.sweep.report.columns import columns_of
from pytest_occystrap.sweep.results import SweepReport
from tests.support.sweep_reports import HOSTILE, case, hostile_report, small_report, step


class Page(HTMLParser):
    """What a browser takes a page for: `tags` with their attributes, `texts` by the tag before."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.texts: list[tuple[str, str]] = []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note a tag."""
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        """Note a text."""
        self.texts.append((self.tags[-1][0] if self.tags else "", data))

    @property
    def data(self) -> dict[str, Any]:
        """The data of the page."""
        found: dict[str, Any] = json.loads(next(t for tag, t in self.texts if tag == "script"))
        return found


@pytest.mark.parametrize("report", [small_report(), hostile_report()], ids=["small", "hostile"])
def test_a_page_needs_nothing_else(report: SweepReport) -> None:
    """It loads neither scripts nor styles, fonts or images, and its policy forbids it."""
    page = Page(render_page([report]))
    loading = {
        (name, value)
        for _, attributes in page.tags
        for name, value in attributes.items()
        if name in {"src", "srcset", "href", "action", "data", "poster"}
    }
    assert loading == {("href", "data:,")}
    assert any("default-src 'none'" in str(a.get("content")) for _, a in page.tags)
    code = " ".join(text for tag, text in page.texts if tag in {"style", "script"})
    assert not re.search(r"url\(|@import|fetch\(|XMLHttp|\bimport\b|https?://", code)


def test_hostile_texts_stay_texts() -> None:
    """Names of faults, of exchanges, reasons and logs are data, whatever is in them."""
    peaceful, hostile = Page(render_page([small_report()])), Page(render_page([hostile_report()]))
    assert [tag for tag, _ in hostile.tags] == [tag for tag, _ in peaceful.tags]
    assert {HOSTILE, f"debug {HOSTILE}"} <= set(hostile.data["strings"])


def test_a_string_is_there_once() -> None:
    """Thousands of runs log the same lines, over whatever port."""
    runs = [case(fault=f"x{n}", log=[f"debug http://127.0.0.1:{5000 + n}/v2/"]) for n in range(50)]
    strings = Page(render_page([SweepReport("pull", "http/1.1", (), tuple(runs))])).data["strings"]
    assert [text for text in strings if "127.0.0.1" in text] == ["debug http://127.0.0.1/v2/"]
    assert len(strings) == len(set(strings))


def test_thousands_of_runs_are_a_few_megabytes(tmp_path: Path) -> None:
    """With fifteen requests each."""
    steps = tuple(step(n, f"GET registry.test/v2/org/app/blobs/{n % 9}") for n in range(1, 16))
    runs = [case(f"#{n % 30} GET /v2/", f"status {n // 30}") for n in range(3000)]
    cases = tuple(replace(run, steps=steps) for run in runs)
    write_reports(tmp_path / "report.html", [SweepReport("pull", "in-process", steps, cases)])
    assert (tmp_path / "report.html").stat().st_size < 3_500_000


def test_the_middle_of_a_body_is_one_column() -> None:
    """Wherever it is; a place that is the same everywhere keeps its number."""
    faults = [
        "reset",
        "reset after=0",
        "reset after=60",
        "reset after=217",
        "truncate 60 agree=True for ever",
        "truncate 217 agree=True for ever",
        "corrupt at=12",
        "status 429",
        "status 503",
        "mine 'is not",
    ]
    columns = columns_of(faults)
    assert {fault: column.label for fault, column in columns.items()} == {
        **{fault: fault for fault in faults},
        "reset after=60": "reset after=n",
        "reset after=217": "reset after=n",
        "truncate 60 agree=True for ever": "truncate n agree=True for ever",
        "truncate 217 agree=True for ever": "truncate n agree=True for ever",
    }
    kinds = list(dict.fromkeys(column.kind for column in columns.values()))
    assert kinds == ["body", "answer", "other", "without end"]


def test_every_effect_is_of_a_kind() -> None:
    """Only what a project has made itself is among the others."""
    columns = columns_of(EFFECTS)
    assert {fault for fault, column in columns.items() if column.kind == "other"} == set()
