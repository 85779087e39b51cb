"""A picture of the ratios: bars beside the line of the peers, in SVG.

Rule: the scale is logarithmic, so that half as long and twice as long are equally far away.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Final
from xml.sax.saxutils import escape

from benchmarks.peers.table import Ratio

__all__ = ["draw"]

_LEFT: Final = 330
_WIDTH: Final = 460
_ROW: Final = 26
_TOP: Final = 46
_BAR: Final = 14
_LOW, _HIGH = 0.1, 10.0
_TICKS: Final = (0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0)
_BETTER: Final = "#2f7d4f"
_WORSE: Final = "#b4552d"
_STYLE: Final = (
    '<rect width="100%" height="100%" fill="#fff"/>'
    "<style>text{font:12px sans-serif;fill:#222}.t{fill:#555}</style>"
)


def _x(ratio: float) -> float:
    bounded = min(max(ratio, _LOW), _HIGH)
    return _LEFT + _WIDTH * math.log(bounded / _LOW) / math.log(_HIGH / _LOW)


def _text(x: float, y: float, text: str, anchor: str = "start", kind: str = "") -> str:
    return (
        f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" class="{kind}">{escape(text)}</text>'
    )


def _line(x1: float, y1: float, x2: float, y2: float, colour: str, width: float = 1) -> str:
    return (
        f'<line x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}"'
        f' stroke="{colour}" stroke-width="{width}"/>'
    )


def _bar(number: int, ratio: Ratio) -> list[str]:
    top = _TOP + number * _ROW
    middle = top + _BAR / 2
    spread = ratio.wall
    begin, end = sorted((_x(1.0), _x(spread.median)))
    colour = _BETTER if spread.median <= 1 else _WORSE
    return [
        _text(_LEFT - 8, middle + 4, f"{ratio.title} / {ratio.peer}", "end"),
        (
            f'<rect x="{begin:.1f}" y="{top}" width="{end - begin:.1f}" height="{_BAR}"'
            f' fill="{colour}"><title>{escape(spread.text())}</title></rect>'
        ),
        _line(_x(spread.low), middle, _x(spread.high), middle, "#222", 1.5),
        _text(_LEFT + _WIDTH + 10, middle + 4, f"{spread.median:.2f}"),
    ]


def draw(found: Sequence[Ratio]) -> str:
    """Draw a bar for each ratio of wall seconds, its extremes as a line across it."""
    height = _TOP + len(found) * _ROW + 12
    bottom = height - 12
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_LEFT + _WIDTH + 60} {height}">',
        _STYLE,
        _text(_LEFT, 16, "wall seconds of occystrap by those of its peer; left is faster"),
    ]
    for tick in _TICKS:
        parts += [
            _line(_x(tick), _TOP - 6, _x(tick), bottom, "#888" if tick == 1 else "#ddd"),
            _text(_x(tick), _TOP - 10, f"{tick:g}", "middle", "t"),
        ]
    for number, ratio in enumerate(found):
        parts += _bar(number, ratio)
    return "\n".join([*parts, "</svg>", ""])
