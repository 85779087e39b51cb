"""Modules of this package that run in processes of their own beside what is measured.

Rule: whoever starts one ends it.
"""

from __future__ import annotations

import contextlib
import json
import subprocess
import sys
from collections.abc import Iterator
from typing import Any, Final

from benchmarks.peers.runs import BenchmarkError

__all__ = ["ROUND_TRIP", "answer_of", "delayed", "serving"]

#: Seconds of the long way, there and back.
ROUND_TRIP: Final = 0.05


@contextlib.contextmanager
def _started(module: str, *arguments: object) -> Iterator[str]:
    """Start one, and give the line that it prints when it is ready."""
    command = [sys.executable, "-m", f"benchmarks.peers.{module}", *map(str, arguments)]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None  # noqa: S101 - narrows the type
        try:
            line = process.stdout.readline().strip()
            if not line:
                raise BenchmarkError(f"{' '.join(command)} didn't start")
            yield line
        finally:
            process.terminate()


@contextlib.contextmanager
def delayed(host: str) -> Iterator[str]:
    """Lead to `host:port` on a long way."""
    with _started("delay", host, ROUND_TRIP * 1000) as line:
        yield line


@contextlib.contextmanager
def serving(
    dialect: str = "", repositories: int = 1, size: int = 0, directory: object = ""
) -> Iterator[dict[str, Any]]:
    """Serve a fake registry: `host`, `https_host`, `ca_file`, `digest` and `size` of its blob."""
    place = [directory] if directory else []
    with _started("serve", dialect, repositories, size, *place) as line:
        yield json.loads(line)


def answer_of(module: str, *arguments: object) -> Any:
    """Have one do its work, and return the JSON that it prints."""
    command = [sys.executable, "-m", f"benchmarks.peers.{module}", *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise BenchmarkError(f"{' '.join(command)} failed:\n{done.stderr}")
    return json.loads(done.stdout)
