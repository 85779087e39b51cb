"""What a command of occystrap did, counted by the kernel: bytes written to files, and memory.

Rule: it counts itself, in a process of its own, at its end. What a parent is told of a child's
memory begins with what the parent has.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import dataclass

__all__ = ["Work", "work_of"]

#: Sockets aren't in these counts: they send and receive by other calls than files.
_SCRIPT = """
import json, re, sys
from pathlib import Path
from occystrap.main import main
try:
    main()
except SystemExit as ended:
    code = ended.code or 0
written = int(re.search(r"wchar: (\\d+)", Path("/proc/self/io").read_text())[1])
peak = int(re.search(r"VmHWM:\\s+(\\d+)", Path("/proc/self/status").read_text())[1]) / 1024
print(json.dumps({"code": code, "written": written, "peak": peak}))
"""


@dataclass(frozen=True, slots=True)
class Work:
    """Bytes written to files, and the peak of memory in MiB."""

    written: int
    peak: float


def work_of(*arguments: object) -> Work:
    """Run a command, which has to succeed."""
    command = [sys.executable, "-c", _SCRIPT, "--insecure", *map(str, arguments)]
    environment = {"PATH": os.environ["PATH"], "HOME": os.devnull}
    done = subprocess.run(command, capture_output=True, text=True, check=True, env=environment)
    said = json.loads(done.stdout.splitlines()[-1])
    assert said["code"] == 0, done.stderr
    return Work(said["written"], said["peak"])
