"""docs/performance.md and its picture show what `make bench` has measured, all of it."""

from __future__ import annotations

import json
import xml.etree.ElementTree as ET
from pathlib import Path
from typing import Any

import pytest

from benchmarks.peers.plot import draw
from benchmarks.peers.report import PAGE, PARTS, PLOT, RESULT, publish, write_page
from benchmarks.peers.table import GOALS, ratios
from benchmarks.peers.works import WORKS

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def document() -> dict[str, Any]:
    """The figures of the last full run."""
    document: dict[str, Any] = json.loads((ROOT / RESULT).read_text())
    return document


@pytest.fixture(scope="module")
def page() -> str:
    """The page."""
    return (ROOT / PAGE).read_text()


def test_the_page_is_made_of_the_figures(document: dict[str, Any], page: str) -> None:
    """Writing it again changes nothing; every part is there."""
    assert set(PARTS) <= document.keys()
    assert write_page(page, document) == page


def test_the_picture_is_made_of_the_figures(document: dict[str, Any]) -> None:
    """It is well-formed, and has a bar for each ratio."""
    text = (ROOT / PLOT).read_text()
    found = ratios(document["works"])
    assert text == draw(found)
    titles = ET.fromstring(text).iter("{http://www.w3.org/2000/svg}title")  # noqa: S314 - our own
    assert [each.text for each in titles] == [ratio.wall.text() for ratio in found]


def test_the_page_names_all_rows(document: dict[str, Any], page: str) -> None:
    """Each kind of work beside skopeo, each row of memory, link and protocols."""
    for work in WORKS:
        assert f"\n| {work.title} | skopeo | " in page
    for work in WORKS[:4]:
        assert f"\n| {work.title} | {document['memory'][work.key]['a tenth']:.0f} | " in page
    for title in document["protocols"]:
        assert f"\n| {title} | " in page
    for tool in ("occystrap", "skopeo"):
        assert f"| {tool} | " in page.partition("### A link")[2]
    assert page.count("repositories of a Quay") == len(document["link"]["discovery"])


def test_a_full_run_is_published(document: dict[str, Any]) -> None:
    """Five rounds at least, of an image large enough to tell, and the same number by each tool."""
    assert document["image"]["raw"] >= 500 * 1024 * 1024
    for works in document["works"].values():
        assert {len(runs) for runs in works.values()} == {document["scale"]["rounds"]}
    assert document["scale"]["rounds"] >= 5
    assert {key for key, _ in GOALS} <= document["works"].keys()


def test_a_page_keeps_what_is_written_by_hand(
    document: dict[str, Any], page: str, tmp_path: Path
) -> None:
    """Other figures replace the tables and nothing else."""
    (tmp_path / "docs").mkdir()
    other = json.loads(json.dumps(document))
    other["memory"]["pull"]["whole"] = 12345
    (tmp_path / PAGE).write_text(page)
    publish(other, tmp_path)
    written = (tmp_path / PAGE).read_text()
    assert [b for a, b in zip(page.split("\n"), written.split("\n"), strict=True) if a != b] == [
        next(line for line in written.split("\n") if "12345" in line)
    ]
