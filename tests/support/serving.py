"""`occystrap registry serve` as a process."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

__all__ = ["SERVE", "printed", "running"]

SERVE = [sys.executable, "-m", "occystrap", "registry", "serve", "--listen", "127.0.0.1:0"]


@contextmanager
def running(*options: str) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """Run it on a free port; give the process and the URL that it prints in its first line."""
    with subprocess.Popen(
        [*SERVE, *options], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        try:
            assert process.stdout is not None
            line = process.stdout.readline()
            url = re.search(r"https?://127\.0\.0\.1:[1-9]\d*", line)
            assert url is not None, line
            yield process, url[0]
        finally:
            process.kill()


def printed(process: subprocess.Popen[str], label: str) -> str:
    """Read on to the line that begins with a label, and return the rest of it."""
    assert process.stdout is not None
    for line in process.stdout:
        found, colon, rest = line.strip().partition(": ")
        if found == label and colon:
            return rest
    raise AssertionError(f"no line begins with {label}")
