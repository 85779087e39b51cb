"""What was measured, as the page and the picture show it.

Rule: both are made of the figures in the file of results and of nothing else, so that a test can
compare them.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

from benchmarks.peers.fake import fake_table
from benchmarks.peers.images import MIB
from benchmarks.peers.link import link_table
from benchmarks.peers.plot import draw
from benchmarks.peers.protocols import protocol_table
from benchmarks.peers.table import memory_table, ratios, ratios_table

__all__ = ["PAGE", "PARTS", "PLOT", "RESULT", "publish", "tables", "write_page"]

PAGE: Final = "docs/performance.md"
PLOT: Final = "docs/performance.svg"
RESULT: Final = "benchmarks/results/peers.json"
PARTS: Final = ("works", "memory", "link", "protocols", "fake")
_MARKS: Final = ("<!-- {}: made by make bench -->\n", "<!-- {}: end -->\n")


def _circumstances(result: dict[str, Any]) -> str:
    """Say what was measured with and where."""
    machine = result["machine"]
    tools = ", ".join(said or name for name, said in machine["tools"].items())
    said = (
        f"{machine['when'][:10]}, {machine['cores']} cores, {machine['system']}, Python"
        f" {machine['python']}, load {machine['load']} at the beginning; {tools}"
    )
    if "image" in result:
        raw, stored = (result["image"][name] / MIB for name in ("raw", "stored"))
        said += f"; an image of {raw:.0f} MiB, {stored:.0f} MiB as stored"
    return f"{said}; {result['scale']['rounds']} rounds.\n\n"


def tables(result: dict[str, Any]) -> dict[str, str]:
    """Write each part as a table."""
    said = _circumstances(result)
    write: dict[str, Callable[[Any], str]] = {
        "works": lambda runs: said + ratios_table(ratios(runs)),
        "memory": memory_table,
        "link": link_table,
        "protocols": protocol_table,
        "fake": fake_table,
    }
    return {part: write[part](result[part]) for part in PARTS if part in result}


def _put(page: str, name: str, text: str) -> str:
    """Replace a part of the page."""
    begin, end = (mark.format(name) for mark in _MARKS)
    before, _, rest = page.partition(begin)
    return f"{before}{begin}\n{text}\n{end}{rest.partition(end)[2]}"


def write_page(page: str, document: dict[str, Any]) -> str:
    """Put the tables of what was measured in place of those of the page."""
    for name, text in tables(document).items():
        page = _put(page, name, text)
    return page


def publish(document: dict[str, Any], root: Path) -> None:
    """Write the page anew, and the picture beside it."""
    page = root / PAGE
    page.write_text(write_page(page.read_text(), document))
    if "works" in document:
        (root / PLOT).write_text(draw(ratios(document["works"])))
