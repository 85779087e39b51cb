"""What each dependency costs at start, in milliseconds more than the bare interpreter.

Each import runs in a new interpreter, 15 times, the imports in turn so that a busy moment of the
machine meets all of them; the median counts. Figures in docs/dependencies.md.
"""

from __future__ import annotations

import statistics
import subprocess
import sys
import time

ROUNDS = 15
STATEMENTS = (
    "pass",
    "import isal.isal_zlib",
    "import zstandard",
    "import h11",
    "import click",
    "import rich.progress",
    "import requests, requests_unixsocket",
    "import httpx",
)


def main() -> None:
    """Print a row for each statement."""
    seconds: dict[str, list[float]] = {statement: [] for statement in STATEMENTS}
    for _ in range(ROUNDS):
        for statement in STATEMENTS:
            seconds[statement].append(timed(statement))
    bare = statistics.median(seconds["pass"])
    print(f"{'bare interpreter':40} {bare * 1000:6.1f} ms")
    for statement in STATEMENTS[1:]:
        print(f"{statement:40} {(statistics.median(seconds[statement]) - bare) * 1000:+6.1f} ms")


def timed(statement: str) -> float:
    """Run one statement in a new interpreter and return the seconds that it took."""
    start = time.perf_counter()
    subprocess.run([sys.executable, "-I", "-c", statement], check=True)
    return time.perf_counter() - start


if __name__ == "__main__":
    main()
