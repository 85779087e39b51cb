"""Work over a link with a round trip of 50 ms, and how many round trips it takes.

Rule: what is compared is the time beyond that of the same work without the link, in round trips,
with the least that the protocol needs: a request for what an earlier answer names has to wait.
"""

from __future__ import annotations

import math
import os
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from benchmarks.peers.images import MIB, make_image
from benchmarks.peers.processes import ROUND_TRIP, answer_of, delayed, serving
from benchmarks.peers.runs import Spread, measure
from benchmarks.peers.table import markdown
from benchmarks.peers.tools import Job, Tool, find_tools
from benchmarks.peers.works import IMAGE
from tests.support.debian_registry import running_debian_registry

__all__ = ["link_figures", "link_table"]

_REPOSITORIES: Final = 500
_PAGE: Final = 100
_WORKERS: Final = (4, 16)
#: Connection, manifest, config; then a connection for each layer but the first, and its request.
_PULL_TRIPS: Final = 5
_THREADS: Final = 6


def link_figures(directory: Path, rounds: int) -> dict[str, Any]:
    """Measure, in turn, each kind of work with and without the link, in wall seconds."""
    pulls = _pulls(directory, rounds)
    return {"pull": pulls, "discovery": _discoveries(rounds)}


def _pulls(directory: Path, rounds: int) -> dict[str, Any]:
    image = make_image(directory / "few", MIB)
    figures: dict[str, Any] = {}
    with running_debian_registry("docker-registry", directory / "far") as registry:
        image.push(registry.host, IMAGE)
        with delayed(registry.host) as far:
            for _ in range(rounds):
                for tool in find_tools():
                    for way, host in (("near", registry.host), ("far", far)):
                        done = _pull(tool, directory / "pulled", host)
                        if done is not None:
                            figures.setdefault(tool.name, {}).setdefault(way, []).append(done)
    return figures


def _pull(tool: Tool, scratch: Path, host: str) -> float | None:
    shutil.rmtree(scratch, ignore_errors=True)
    scratch.mkdir()
    job = Job(f"{host}/{IMAGE}:1", scratch, "", scratch / "out", _THREADS)
    command = tool.command("small", job)
    if command is None:
        return None
    environment = {"PATH": os.environ.get("PATH", os.defpath), "HOME": str(scratch)}
    return measure(command, environment, scratch / "said").wall


def _discoveries(rounds: int) -> dict[str, Any]:
    figures: dict[str, Any] = {}
    with serving("quay", _REPOSITORIES) as there, delayed(there["host"]) as far:
        for _ in range(rounds):
            for workers in _WORKERS:
                ways = figures.setdefault(str(workers), {})
                for way, host in (("near", there["host"]), ("far", far)):
                    done = answer_of("discover", f"http://{host}", workers, _REPOSITORIES)
                    ways.setdefault(way, []).append(done["wall"])
    return figures


def _discovery_trips(workers: int) -> int:
    """Count the least: a connection, the pages one after another, connections, the tags."""
    return 1 + math.ceil(_REPOSITORIES / _PAGE) + 1 + math.ceil(_REPOSITORIES / workers)


def _row(title: str, tool: str, ways: Mapping[str, Any], least: int) -> tuple[str, ...]:
    near, far = (Spread.of(ways[way]) for way in ("near", "far"))
    taken = Spread.of(
        [(b - a) / ROUND_TRIP for a, b in zip(ways["near"], ways["far"], strict=True)]
    )
    ratio = f"{taken.median / least:.2f}"
    return (title, tool, near.text(), far.text(), taken.text(1), str(least), ratio)


def link_table(figures: Mapping[str, Any]) -> str:
    """Write the table."""
    pull = f"six layers into an OCI layout, {_THREADS} at once"
    rows = [_row(pull, tool, ways, _PULL_TRIPS) for tool, ways in figures["pull"].items()]
    for workers, ways in figures["discovery"].items():
        title = f"{_REPOSITORIES} repositories of a Quay, {workers} at once"
        rows.append(_row(title, "occystrap", ways, _discovery_trips(int(workers))))
    headings = ("work", "tool", "loopback, s", "50 ms, s", "round trips", "least", "ratio")
    return markdown(headings, rows)
