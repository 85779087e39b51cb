"""The page of a report: one file that needs nothing else, and asks nobody for anything.

Rule: whatever a registry or a client has said is data of the page, never a part of its text.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from importlib import resources
from typing import Final

from pytest_occystrap.sweep.report.packing import pack
from pytest_occystrap.sweep.results import SweepReport

__all__ = ["render_page"]

_SCRIPTS: Final = ("model.js", "matrix.js", "waterfall.js", "page.js")
_PLACE: Final = re.compile(r"\{\{(\w+)\}\}")
#: What could end a script element, and what ends a line in JavaScript but not in JSON.
_ESCAPES: Final = {ord(sign): f"\\u{ord(sign):04x}" for sign in "<>&\u2028\u2029"}


def render_page(reports: Sequence[SweepReport]) -> str:
    """Return a page of HTML, with its style, its scripts and its data in it."""
    data = json.dumps(pack(reports), ensure_ascii=False, separators=(",", ":"))
    parts = {
        "style": _read("report.css"),
        "script": "\n".join(map(_read, _SCRIPTS)),
        "data": data.translate(_ESCAPES),
    }
    # In one go, so that nothing is looked for in what was put in.
    return _PLACE.sub(lambda found: parts[found[1]], _read("template.html"))


def _read(name: str) -> str:
    return (resources.files(__package__ or "") / name).read_text(encoding="utf-8")
