"""The page on filters has all filters, with all their options."""

from __future__ import annotations

import re
from pathlib import Path

from occystrap.uri.schemes import FILTERS

ROOT = Path(__file__).resolve().parents[2]


def test_the_table_of_filters() -> None:
    """Each is there with its options, and no other; dashes and underscores are the same."""
    rows = re.findall(
        r"^\| \[`([a-z-]+)`\]\(#([a-z-]+)\) \| (.*?) \|",
        (ROOT / "docs/filters.md").read_text(),
        re.MULTILINE,
    )
    table = {
        name: {option.replace("-", "_") for option in re.findall(r"`([a-z-]+)`", options)}
        for name, anchor, options in rows
        if name == anchor
    }
    assert table == {name: set(options) for name, options in FILTERS.items()}


def test_the_command_line_names_them() -> None:
    """In its own table."""
    page = (ROOT / "docs/command-line.md").read_text()
    for name in FILTERS:
        assert re.search(rf"^\| `{name}[\[:]", page, re.MULTILINE), name
