"""`make bench`: run everything, print the tables, and write figures, picture and page."""

from __future__ import annotations

import argparse
import datetime as dt
import json
import os
import platform
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final, final

from benchmarks.peers.fake import fake_figures
from benchmarks.peers.images import MIB, make_image
from benchmarks.peers.link import link_figures
from benchmarks.peers.protocols import protocol_figures
from benchmarks.peers.report import PARTS, RESULT, publish, tables
from benchmarks.peers.runs import BenchmarkError
from benchmarks.peers.tools import Tool, find_tools
from benchmarks.peers.works import IMAGE, Bench, run_memory, run_works
from tests.support.certificates import Authority
from tests.support.debian_registry import ServerTLS, running_debian_registry

__all__: list[str] = []

ROOT: Final = Path(__file__).resolve().parent.parent.parent


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
    authority = Authority(directory / "authority")
    secure = directory / "secure"
    secure.mkdir()
    (secure / "storage").symlink_to(directory / "source" / "storage")
    tls = ServerTLS(authority.issue("127.0.0.1"))
    with (
        running_debian_registry(registry, directory / "source") as source,
        running_debian_registry(registry, secure, tls=tls) as over_tls,
    ):
        for name, image in images.items():
            image.push(source.host, f"{IMAGE}-{name}")
        result["image"] = {"raw": images["full"].raw_size, "stored": images["full"].stored_size}
        bench = Bench(directory, source.host, over_tls.host, authority.file, registry, images)
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


def main() -> int:
    """Run what was asked for."""
    parser = argparse.ArgumentParser(prog="make bench", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="under two minutes; no page")
    parser.add_argument("--size", type=int, help="MiB of the image")
    parser.add_argument("--rounds", type=int, help="how often everything is run")
    parser.add_argument("--only", nargs="+", choices=PARTS, default=PARTS, metavar="PART")
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
    text = json.dumps(result, indent=1, default=asdict) + "\n"
    document = json.loads(text)
    print(*tables(document).values(), sep="\n")
    if chosen.publish:
        publish(document, ROOT)
    if chosen.json or chosen.publish:
        path = chosen.json or ROOT / RESULT
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return 0


if __name__ == "__main__":
    sys.exit(main())
