"""The traffic of a registry as a table, for people who look at a failed test.

Rule: what is odd is marked and never left out, and no secret is shown.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Final

from pytest_occystrap.exchange import ANY_HOST, Exchange, Outcome, shorten

__all__ = ["oddity", "traffic_table"]

_UNAUTHORIZED: Final = 401
_NOT_FOUND: Final = 404
_FIRST_ERROR: Final = 400
#: Rows at the beginning and at the end that are shown of a long table, beside the odd ones.
_FIRST_ROWS: Final = 15
_LAST_ROWS: Final = 30
_MOST_ODD: Final = 40


def oddity(exchange: Exchange) -> str:
    """Say what is odd about an exchange; empty when it is an ordinary one.

    A challenge is ordinary, and so is the answer that what was asked for by HEAD isn't there.
    """
    if exchange.outcome not in (Outcome.COMPLETE, Outcome.UNDER_WAY):
        return str(exchange.outcome.value)
    status = exchange.status
    if status is None or status < _FIRST_ERROR:
        return ""
    if status == _UNAUTHORIZED and "Authorization" not in exchange.headers:
        return ""
    if status == _NOT_FOUND and exchange.method == "HEAD":
        return ""
    silent = "refused" if exchange.method == "HEAD" else "an error without a word"
    return ", ".join(map(str, exchange.errors)) or silent


def traffic_table(exchanges: Sequence[Exchange], notes: Mapping[int, str] | None = None) -> str:
    """Draw exchanges, one a line; `notes` tell more about some, by number, and mark them."""
    if not exchanges:
        return "no requests"
    odd = {exchange.number: text for exchange in exchanges if (text := oddity(exchange))}
    for number, note in (notes or {}).items():
        odd[number] = f"{note}; {odd[number]}" if number in odd else note
    shown = _chosen(exchanges, odd)
    rows = [_HEADINGS, *(_cells(exchange, odd) for exchange in shown)]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = [_line(row, widths) for row in rows]
    if len(shown) < len(exchanges):
        lines.append(f"   ... and {len(exchanges) - len(shown)} in between")
    marked = f", {len(odd)} odd (!)" if odd else ""
    plural = "" if len(exchanges) == 1 else "s"
    return "\n".join([*lines, f"{len(exchanges)} request{plural}{marked}"])


#: Hosts that tell nothing; `localhost` would be the storage host beside 127.0.0.1.
_PLAIN_HOSTS: Final = frozenset({"127.0.0.1", ANY_HOST})
_HEADINGS: Final = ("", "#", "request", "answer", "sent", "got", "ms", "door", "")
_RIGHT: Final = frozenset({1, 4, 5, 6})


def _chosen(exchanges: Sequence[Exchange], odd: Iterable[int]) -> Sequence[Exchange]:
    """Leave out rows of the middle, but no odd ones unless they are very many."""
    kept = {exchange.number for exchange in (*exchanges[:_FIRST_ROWS], *exchanges[-_LAST_ROWS:])}
    kept |= set(sorted(odd)[:_MOST_ODD])
    return [exchange for exchange in exchanges if exchange.number in kept]


def _cells(exchange: Exchange, odd: Mapping[int, str]) -> tuple[str, ...]:
    host = "" if exchange.hostname in _PLAIN_HOSTS else exchange.host
    return (
        "!" if exchange.number in odd else " ",
        str(exchange.number),
        f"{exchange.method} {host}{shorten(exchange.target)}",
        "-" if exchange.status is None else str(exchange.status),
        str(exchange.request_bytes),
        str(exchange.response_bytes),
        "-" if exchange.seconds is None else f"{exchange.seconds * 1000:.1f}",
        exchange.door,
        shorten(odd.get(exchange.number, "")),
    )


def _line(row: Sequence[str], widths: Sequence[int]) -> str:
    cells = [
        cell.rjust(width) if column in _RIGHT else cell.ljust(width)
        for column, (cell, width) in enumerate(zip(row, widths, strict=True))
    ]
    return "  ".join(cells).rstrip()
