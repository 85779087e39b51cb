"""One run of a program, and what it cost by the operating system's own account."""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, final

__all__ = ["BenchmarkError", "Run", "Spread", "measure"]

_SAID: Final = 2000


class BenchmarkError(RuntimeError):
    """A program failed: its figures would mean nothing."""


@final
@dataclass(frozen=True, slots=True)
class Run:
    """Seconds on the clock and of the processors, and the peak of resident memory in MiB."""

    wall: float
    cpu: float
    peak: float


@final
@dataclass(frozen=True, slots=True)
class Spread:
    """The median of some figures, and their extremes."""

    median: float
    low: float
    high: float

    @classmethod
    def of(cls, figures: Sequence[float]) -> Spread:
        """Look at figures, one at least."""
        return cls(statistics.median(figures), min(figures), max(figures))

    def text(self, digits: int = 2) -> str:
        """Write them for people."""
        return f"{self.median:.{digits}f} ({self.low:.{digits}f}-{self.high:.{digits}f})"


#: What starts a program and accounts for it: `ru_maxrss` of a new program is at least what its
#: parent has at that moment, so the parent is as small as one of Python can be.
_STARTER: Final = """
import json, os, sys, time
with open(sys.argv[1], "wb") as said:
    actions = [(os.POSIX_SPAWN_DUP2, said.fileno(), 1), (os.POSIX_SPAWN_DUP2, said.fileno(), 2)]
    begin = time.perf_counter()
    child = os.posix_spawnp(sys.argv[2], sys.argv[2:], os.environ, file_actions=actions)
    _, status, usage = os.wait4(child, 0)
    wall = time.perf_counter() - begin
code = os.waitstatus_to_exitcode(status)
print(json.dumps([code, wall, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024]))
"""


def measure(command: Sequence[str], environment: Mapping[str, str], log: Path) -> Run:
    """Run a program to its end; what it says goes into a file, so that no pipe holds it up.

    Raises:
        BenchmarkError: it failed; the message has the end of what it said.
    """
    starter = [sys.executable, "-I", "-S", "-c", _STARTER, str(log), *command]
    done = subprocess.run(starter, capture_output=True, env=dict(environment), check=True)
    code, *figures = json.loads(done.stdout)
    if code:
        end = log.read_text(errors="replace")[-_SAID:]
        raise BenchmarkError(f"{' '.join(command)} failed ({code}):\n{end}")
    return Run(*figures)
