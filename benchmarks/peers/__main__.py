"""`make bench`: run everything, print the tables, and write figures, picture and page."""

from __future__ import annotations

import argparse
import datetime as dt
import json
import os
import platform
import sys
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final, final

from benchmarks.peers.fake import fake_figures, fake_table
from benchmarks.peers.images import MIB, make_image
from benchmarks.peers.link import link_figures, link_table
from benchmarks.peers.plot import draw
from benchmarks.peers.protocols import protocol_figures, protocol_table
from benchmarks.peers.runs import BenchmarkError
from benchmarks.peers.table import memory_table, ratios, ratios_table
from benchmarks.peers.tools import Tool, find_tools
from benchmarks.peers.works import IMAGE, Bench, run_memory, run_works
from tests.support.debian_registry import running_debian_registry

__all__: list[str] = []

ROOT: Final = Path(__file__).resolve().parent.parent.parent
_PAGE: Final = ROOT / "docs/performance.md"
_PLOT: Final = ROOT / "docs/performance.svg"
_RESULT: Final = ROOT / "benchmarks/results/peers.json"
_MARKS: Final = ("<!-- {}: made by make bench -->\n", "<!-- {}: end -->\n")
_PARTS: Final = ("works", "memory", "link", "protocols", "fake")


@final
@dataclass(frozen=True, slots=True)
class _Scale:
    """How much is measured: MiB of the image, and how often."""

    size: int
    rounds: int


_FULL: Final = _Scale(650, 5)
_QUICK: Final = _Scale(60, 2)


def _machine(tools: Sequence[Tool]) -> dict[str, Any]:
    return {
        "when": dt.datetime.now(dt.UTC).isoformat(timespec="seconds"),
        "cores": os.cpu_count(),
        "system": platform.system() + " " + platform.release(),
        "python": platform.python_version(),
        "load": round(os.getloadavg()[0], 1),
        "tools": {tool.name: tool.says() for tool in tools},
    }


def _works(directory: Path, scale: _Scale, parts: Sequence[str]) -> dict[str, Any]:
    tools = find_tools()
    sizes = {"full": scale.size * MIB, "tenth": scale.size * MIB // 10, "small": 2 * MIB}
    images = {name: make_image(directory / name, size) for name, size in sizes.items()}
    registry = "docker-registry"
    result: dict[str, Any] = {}
    with running_debian_registry(registry, directory / "source") as source:
        for name, image in images.items():
            image.push(source.host, f"{IMAGE}-{name}")
        result["image"] = {"raw": images["full"].raw_size, "stored": images["full"].stored_size}
        bench = Bench(directory, source.host, registry, images)
        if "works" in parts:
            result["works"] = run_works(bench, tools, scale.rounds)
        if "memory" in parts:
            result["memory"] = run_memory(bench, tools[0])
    return result


def _measure(directory: Path, scale: _Scale, parts: Sequence[str]) -> dict[str, Any]:
    result: dict[str, Any] = {"machine": _machine(find_tools()), "scale": asdict(scale)}
    if "works" in parts or "memory" in parts:
        result |= _works(directory, scale, parts)
    quick = scale == _QUICK
    if "link" in parts:
        result["link"] = link_figures(directory, rounds=2 if quick else 5)
    if "protocols" in parts:
        result["protocols"] = protocol_figures(rounds=2 if quick else 5)
    if "fake" in parts:
        result["fake"] = fake_figures(directory, quick=quick)
    return result


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


def _tables(result: dict[str, Any]) -> dict[str, str]:
    """Write each part as a table."""
    said = _circumstances(result)
    write: dict[str, Callable[[Any], str]] = {
        "works": lambda runs: said + ratios_table(ratios(runs)),
        "memory": memory_table,
        "link": link_table,
        "protocols": protocol_table,
        "fake": fake_table,
    }
    return {part: write[part](result[part]) for part in _PARTS if part in result}


def _put(page: str, name: str, text: str) -> str:
    """Replace a part of the page."""
    begin, end = (mark.format(name) for mark in _MARKS)
    before, _, rest = page.partition(begin)
    return f"{before}{begin}\n{text}\n{end}{rest.partition(end)[2]}"


def _publish(result: dict[str, Any], tables: dict[str, str]) -> None:
    """Write the page anew, the picture and the figures beside it."""
    page = _PAGE.read_text()
    for name, text in tables.items():
        page = _put(page, name, text)
    _PAGE.write_text(page)
    if "works" in result:
        _PLOT.write_text(draw(ratios(result["works"])))


def _write(result: dict[str, Any], path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(result, indent=1, default=asdict) + "\n")


def main() -> int:
    """Run what was asked for."""
    parser = argparse.ArgumentParser(prog="make bench", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="under two minutes; no page")
    parser.add_argument("--size", type=int, help="MiB of the image")
    parser.add_argument("--rounds", type=int, help="how often everything is run")
    parser.add_argument("--only", nargs="+", choices=_PARTS, default=_PARTS, metavar="PART")
    parser.add_argument("--json", type=Path, help="where the figures go")
    parser.add_argument("--publish", action="store_true", help="write docs/performance.md anew")
    parser.add_argument("--directory", help="where images are made; a few GiB are needed")
    chosen: Any = parser.parse_args()
    normal = _QUICK if chosen.quick else _FULL
    scale = _Scale(chosen.size or normal.size, chosen.rounds or normal.rounds)
    try:
        with tempfile.TemporaryDirectory(dir=chosen.directory) as directory:
            result = _measure(Path(directory), scale, chosen.only)
    except (BenchmarkError, RuntimeError) as error:
        print(error, file=sys.stderr)
        return 1
    tables = _tables(result)
    print(*tables.values(), sep="\n")
    if chosen.publish:
        _publish(result, tables)
    if chosen.json or chosen.publish:
        _write(result, chosen.json or _RESULT)
    return 0


if __name__ == "__main__":
    sys.exit(main())
