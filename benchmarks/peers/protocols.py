"""HTTP/1.1 against HTTP/2 on each kind of work, over TLS, in turn.

Rule: each run has a process and connections of its own; the server is the same process for both.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from benchmarks.peers.processes import ROUND_TRIP, answer_of, delayed, serving
from benchmarks.peers.runs import Spread
from benchmarks.peers.table import markdown

__all__ = ["protocol_figures", "protocol_table"]

_BLOB: Final = 64
_REPOSITORIES: Final = 60
_VERSIONS: Final = ("1.1", "2")


def protocol_figures(rounds: int) -> dict[str, Any]:
    """Measure wall seconds for each kind of work and version of HTTP."""
    figures: dict[str, Any] = {}
    with (
        serving("quay", _REPOSITORIES) as there,
        serving(size=_BLOB) as shelf,
        delayed(there["https_host"]) as far,
    ):
        near, ca_file = there["https_host"], there["ca_file"]
        url = f"https://{shelf['https_host']}/v2/bench/blob/blobs/{shelf['digest']}"
        for _ in range(rounds):
            for version in _VERSIONS:
                kind = "own" if version == "1.1" else version
                blob = ("fetch", url, shelf["ca_file"], kind, shelf["size"], 2)
                works: dict[str, tuple[str, *tuple[object, ...]]] = {
                    f"blobs of {_BLOB} MiB, one connection": blob
                }
                for workers in (1, 8):
                    for name, host in (("loopback", near), (f"{ROUND_TRIP * 1e3:.0f} ms", far)):
                        title = f"{_REPOSITORIES} tags looked up, {workers} at once, {name}"
                        base = f"https://{host}"
                        works[title] = ("discover", base, workers, _REPOSITORIES, ca_file, version)
                for title, arguments in works.items():
                    done = answer_of(*arguments)
                    figures.setdefault(title, {}).setdefault(version, []).append(done)
    return figures


def protocol_table(figures: Mapping[str, Any]) -> str:
    """Write the table."""
    rows = []
    for title, versions in figures.items():
        walls = [[run["wall"] for run in versions[version]] for version in _VERSIONS]
        ratio = Spread.of([two / one for one, two in zip(*walls, strict=True)])
        rows.append((title, *(Spread.of(wall).text() for wall in walls), ratio.text()))
    return markdown(("work", "HTTP/1.1, s", "HTTP/2, s", "HTTP/2 by HTTP/1.1"), rows)
